"""How much one door for HTTP bears."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DoorLimits:
    """The unit is in the name.

    ``connections`` counts those that nobody has vouched for and, for themselves, those that an application
    has (``Guest.vouch``). ``head_s``: from the first octet of a request, or the connection, to the end of its
    head; ``handshake_s`` of TLS; ``body_s`` to the end of its body; ``idle_s`` to the next request.
    ``write_s``: for how long a client may read nothing; a whole answer has as much, and a second for each
    ``slowest_octets``.
    ``last_s``: until the answer begins to a client that has said that it sends no more: it may be gone.
    ``linger_s``, ``linger_octets``: what is thrown away of a client that was answered before it has sent all,
    on ``lingering`` connections at once, ``lingering_per_source`` of one source; else it may see a reset.
    ``close_s``: what answers, and their clients to read them, may still take when the door is closed, and
    then all connections to be gone; and when it is shut what a client may take to send the rest of a body,
    and for how long it may read nothing.
    ``slashes_below``: below this path a segment may hold an encoded slash, as a key of RESTCONF (RFC 8040
    section 3.5.3); its application must read ``raw_path``. Empty: nowhere.
    """

    connections: int = 128
    connections_per_source: int = 32
    handshake_s: float = 10
    head_s: float = 10
    body_s: float = 60
    idle_s: float = 60
    write_s: float = 30
    last_s: float = 5
    linger_s: float = 5
    linger_octets: int = 32 * 1024 * 1024
    lingering: int = 64
    lingering_per_source: int = 8
    close_s: float = 2
    slowest_octets: int = 16 * 1024
    head_octets: int = 16 * 1024
    head_fields: int = 64
    target_octets: int = 8 * 1024
    body_octets: int = 64 * 1024
    methods: frozenset[str] = frozenset({"GET", "HEAD", "OPTIONS"})
    slashes_below: str = ""
