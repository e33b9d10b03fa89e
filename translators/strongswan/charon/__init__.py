"""The daemon: its socket, its process, and the service of the system that runs it.

Files, from the ground up:

- codec (pure): VICI messages to octets and back
- vici: one connection to the VICI socket
- event_stream: what charon tells by itself
- command: a command run to its end, with a time limit
- kernel: can this kernel do ESP
- named: whether the files that the options name are what they are taken for
- rights: may this process have a charon of its own; what it may not of what is done with another
- charon_config (pure): the strongswan.conf and the plugins of a charon of our own
- leftovers: what a charon that was killed left in the kernel is removed
- apparmor: whether AppArmor kept charon from starting, and what to do then
- place: where the files of a charon of our own lie, also on a full disk
- scope: the systemd scope of a charon of our own
- ports: whether another program has the ports of IKE
- processes: what the kernel tells of a process
- daemon: a charon of our own, started, adopted, watched, stopped
- service: restarts a charon that the system runs
- session: all connections to one charon, from when it answers until it is lost
- shared: what the parts of the translator share: what is desired, the session of the moment, the lock
- keeper: always has a session, or tries to get one

Invariants. Every request has a time limit. A session is lost as a whole, and the next begins with
reconciling. No value that we send is part of an error's text.

Not here: what the messages mean (translation/, status/), what charon should hold (upkeep/).
"""
