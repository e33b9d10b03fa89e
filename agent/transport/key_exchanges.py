"""How SSH agrees on keys here."""

from __future__ import annotations

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


def key_exchanges() -> list[str]:
    """Return which of ``KEY_EXCHANGES`` this system has."""
    return [name for name in KEY_EXCHANGES if name.encode() in get_kex_algs()]
