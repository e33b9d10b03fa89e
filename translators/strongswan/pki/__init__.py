"""Private keys and certificates of this gateway.

- key_store: the private keys on disk, made or imported, read back by nobody
- expiry (pure): when to tell that a certificate or a CRL ends
- crls (pure): changes of lists of revoked certificates, and what stands against them
- signing_request (pure): the names in a request for a certificate
- charon_keys: the private keys in charon: given, given again, taken back
- key_rpcs: the rpcs of private keys
- pki: certificates as they are configured, the state of both, and the word that one expires

Invariants. A private key is in no reply, log or error. One that an enabled tunnel needs, or one that a
rollback may bring back, is not deleted.

Not here: what a certificate says (translation/certificates), certificates as configuration of a tunnel
(translation/fields).
"""
