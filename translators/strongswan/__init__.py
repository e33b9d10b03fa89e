"""Tunnels of yangswan-ipsec made real by strongSwan's charon, over its VICI socket.

Nouns. An *entry* is one tunnel as RFC 7951 JSON. Its *messages* are what charon must hold for it: shared
secrets (load-shared) and one connection with its children (load-conn), all named after ``ipsec-<id>``; a
name without that form is somebody else's and is never touched. A *step* is one thing done to charon,
with its undo. *Facts* are what events told about a tunnel and list-sas does not show. A *happening* is
something to be told of a tunnel.

Pure rooms, standard library and agent.errors only; time is an argument:

- refusals: what a translation may refuse, by leaf
- fields: the table of what each leaf of an entry means to charon
- proposals, identities, credentials, connections: entry -> messages, and names back to keywords
- certificates, expiry: what a certificate says, and when to tell that it ends
- overlaps: which tunnels want the same traffic
- plan: changed entries -> ordered steps
- facts, events, ledger, state: events -> facts; facts and list-sas replies -> operational data
- announcements, dampening: what is told of a tunnel, and how often at most
- drift: what proves that another party told charon something else
- backoff: when the supervisor tries again
- options: the settings table, checked

Rooms with I/O: vici (the wire), kernel and daemon (a charon of our own), session (all connections to one
charon), keeper (always has one), service (restarts the system's charon), executor (runs steps), reconcile
and audit (make charon hold what it should, at first and ever after), addresses (of this machine),
supervisor (brings initiators up), announcer (tells what happened), key_store and pki (private keys, and the
rpcs and state of certificates), monitor and logs (packets and charon's log on request), capture (writes
down what charon says), tunnels (joins what is live), actions (what clients ask for beside configuration),
translator (joins all; the only one that the agent sees).

Invariants. Secrets are owned by the remote identity alone, so that no peer's key opens another's
tunnel. A leaf without a rule is refused, never dropped. Success of initiate and terminate is judged by
list-sas and events, never by the reply. Work per commit grows with the change, not with the list.
"""
