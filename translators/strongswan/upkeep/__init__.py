"""Makes charon hold what it should, brings tunnels up, and tells what became of them.

- executor: runs the steps of a plan, undoing what was done when one fails
- trust: makes charon hold the authorities and CRLs that are wanted, and forget all others
- reconcile: makes charon agree with everything that is desired, at start and after a loss
- audit: sees that charon still holds it, and puts it right
- terminations: IKE_SAs ended that are not to be there any longer, while nobody waits
- legacy: forward secrecy of IKEv1, or none, whichever the peer has
- listing: what charon says now about SAs, without a long wait or however long it takes
- silence: a peer that does not answer from the start is told soon, and asked again sooner
- supervisor: brings initiators up, and up again
- attempt: what charon tells that is of one attempt to bring a tunnel up
- negotiations: how long it took to bring each tunnel up
- announcer: sees what became of tunnels that something happened to, and tells it
- addresses: the addresses of this machine, watched
- local_addresses: which tunnels have theirs, and which wait for it
- routes: where those lead that charon makes for tunnels
- tunnels: joins what is live of the tunnels: events come in, facts are kept
- follower: follows each charon until it is lost: has it agree, hands on what it says

Invariants. Success of initiate and terminate is judged by list-sas and events, never by the reply. What bears
a name that is not ours is never touched. Never a storm: pauses grow, and only so many attempts begin at once.

Not here: what should be held (translation/desired), what a signal means (status/events).
"""
