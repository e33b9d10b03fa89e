"""What a person looks at when something is wrong: packets, charon's log, and a record of what charon said.

- packets (pure): captured packets, and what IKE and ESP show on the outside
- packet_owners: which tunnel a packet belongs to
- monitor: packets on request, until a bound is met
- logs: charon's log for tunnels, on request
- capture: what charon says, written down for a report of a defect

Invariants. Nothing is decrypted, and no secret is in any of it. Whatever is begun has a bound on time and
number, and ends with the agent.

Not here: state data (status/operational).
"""
