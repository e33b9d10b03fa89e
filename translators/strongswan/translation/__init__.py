"""An entry -> what charon must hold for it, and the steps to get there. Pure as a whole.

Files, from the ground up:

- refusals: what a translation may refuse, by leaf
- prefixes: IP addresses and prefixes, parsed
- distinguished_name, identities, certificates: who somebody is, as charon and X.509 write it
- revocation: lists of revoked certificates, and what charon is to hold of authorities and of them
- proposals: keywords of algorithms, charon's tokens for them, and what it shows
- alike: what tunnels that are configured alike are told alike, made once for all of them
- around: what beside an entry decides its messages
- certified: tunnels that prove themselves with certificates
- marked: what tunnels have under a key, told apart by a mark
- fields: the table of what each leaf means to charon
- credentials: pre-shared keys as VICI messages, and what a tunnel claims of those of all
- conflicts: why two tunnels cannot both be enabled, in words
- claims: the claims of all tunnels, and whose key would open another's tunnel
- discretion: what who asks may not learn of the keys of tunnels
- connections: an entry -> its secrets and its load-conn message
- strangers: what keeps others' secrets out of tunnels that accept any identity, and lets their peers in
- planes: the marks and XFRM interfaces that tell packets of the same addresses apart
- overlaps: which tunnels want the same traffic
- kept: entries as they were translated last, so that a change is translated once
- nested: prefixes looked up by an address that they contain
- guards: which packets must not pass in clear, and which no tunnel takes
- ways_back: which way packets to a client of this gateway go, before a change and after it
- plan: changed entries -> ordered steps, each with its undo
- shown: a message to charon as anybody may see it, without secrets
- in_force: the entries in force with their messages
- desired: what charon is to hold of them and beside them, and what stands against a change

Invariants. A leaf without a row in the table is refused, never dropped. A secret is owned by the remote
identity alone; where any remote is accepted by the local one, and by what strangers adds to it. The work for
a change grows with the change. A change is planned against what is desired, and what is desired changes only
after charon has taken it (the translator sees to that).

Not here: asking charon anything (charon/), running the steps (upkeep/executor), what charon says (status/).
"""
