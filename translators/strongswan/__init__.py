"""The tunnels, certificates and daemon of our YANG modules, made real by strongSwan's charon over VICI.

Nouns. An *entry* is one tunnel as RFC 7951 JSON. Its *messages* are what charon must hold for it: shared
secrets (load-shared) and one connection with its children (load-conn), all named after ``ipsec-<id>``; a
name without that form is somebody else's and is never touched. A *step* is one thing done to charon,
with its undo. *Facts* are what events told about a tunnel and list-sas does not show. A *happening* is
something to be told of a tunnel.

Rooms, from the ground up; each imports only from those before it in this list, and the docstring of each says
what it holds:

- model, moves, options, backoff, pieces (pure): names of modules and paths; what stood elsewhere in earlier
  revisions of our YANG modules; the settings table, checked; when to try again; long work in pieces
- translation (pure): an entry -> what charon must hold, and the steps to get there
- status (pure): what charon says -> facts, state, what is told
- tasks: a task in the background, waiting with a limit
- charon: the daemon's socket, its process, its system service
- pki: private keys and certificates of this gateway
- diagnosis: what a person looks at when something is wrong
- upkeep: makes charon hold what it should, brings tunnels up, tells
- actions, planning, changes, captured, cut_off, foresight, outlook, state_data: what clients ask for
- translator: the only object that the agent sees
- assembly: puts all of it together; its ``make`` is the entry point

Invariants. Secrets are owned by the remote identity alone (by the local one where any remote is accepted), so
that no peer's key opens another's tunnel. A leaf without a rule is refused, never dropped. Success of
initiate and terminate is judged by list-sas and events, never by the reply. Work per commit grows with the
change, not with the list.
"""
