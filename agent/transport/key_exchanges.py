"""How SSH agrees on keys here, and what it encrypts with."""

from __future__ import annotations

from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs

KEY_EXCHANGES = (
    "mlkem768x25519-sha256",
    "mlkem768nistp256-sha256",
    "mlkem1024nistp384-sha384",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "curve448-sha512",
    "ecdh-sha2-nistp521",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp256",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
)
"""Each is done on the event loop for anybody who can connect: none that takes more than some milliseconds."""

CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
)
"""None chains blocks: who sees packets and chooses what the next one holds learns nothing, so that none
without content has to go before each (RFC 4251 section 9.3.1). Which one is used is for the client to say
(RFC 4253 section 7.1); AES-GCM costs this server least."""


def ciphers() -> list[str]:
    """Return which of ``CIPHERS`` this system has."""
    return [name for name in CIPHERS if name.encode() in get_encryption_algs()]


def key_exchanges() -> list[str]:
    """Return which of ``KEY_EXCHANGES`` this system has."""
    return [name for name in KEY_EXCHANGES if name.encode() in get_kex_algs()]
