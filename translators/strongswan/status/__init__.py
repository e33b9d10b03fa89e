"""What charon says -> facts, state, and what is told of it. Pure as a whole: replies and the clock come in.

Files, from the ground up:

- exchange: what is being said with the peer at the moment
- facts: what is known of a tunnel and list-sas does not show, and the transitions that it makes
- state: list-sas replies and facts -> the status of a tunnel, a dead peer's among them
- events: a signal of charon -> transitions, among them that a peer does not answer
- unnamed: whose address the lines about an IKE_SA without a connection come from
- ledger: the facts of all tunnels, moved by signals
- narrowing: which of its subnets a tunnel does not carry, because its peer took less
- operational: facts and replies -> state data
- measures: what of state data is measured, as tables of metrics
- drift: what proves that another party told charon something else
- working: whether a tunnel works as it is configured now, and why not
- announcements, dampening: what is told of a tunnel, and how often at most

Invariants. Every transition is (facts, what happened, now) -> facts, so that a recording of charon can be put
in again and gives what it gave then. A value that the model has no place for is left out, never passed on.

Not here: the sockets that signals come from (charon/), who looks after tunnels that are down (upkeep/).
"""
