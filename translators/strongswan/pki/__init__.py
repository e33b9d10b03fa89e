"""Private keys and certificates of this gateway.

- key_store: the private keys on disk, made or imported, read back by nobody
- expiry (pure): when to tell that a certificate ends
- pki: the rpcs, the state and the notifications of both, and the keys that charon is given

Invariants. A private key is in no reply, log or error. One that an enabled tunnel needs, or one that a
rollback may bring back, is not deleted.

Not here: what a certificate says (translation/certificates), certificates as configuration of a tunnel
(translation/fields).
"""
