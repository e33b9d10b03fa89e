"""What a session reads from and writes to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol


class ByteStream(Protocol):
    """One NETCONF channel."""

    async def read(self, octets: int) -> bytes:
        """Return what arrived, at most ``octets``; b"" at the end of the stream."""

    async def write(self, data: bytes) -> None:
        """Write all of ``data``; returns when the peer's side has room for more.

        Raises:
            ConnectionError: the channel is gone.
            TimeoutError: the peer does not read.
        """

    async def gone(self) -> None:
        """Return when there is no channel any more: nothing that is written arrives."""

    async def close(self) -> None:
        """Close the channel. Safe to call twice."""

    def abort(self) -> None:
        """End the channel at once; nothing that waits is written. Safe to call twice."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end; ``transport`` is an identity name of RFC 6022 section 2.1.3.

    ``groups``: those that the system knows the user to be in (RFC 8341 section 3.4.2). ``local_host``: the
    address of this machine that he came to, "" where there is none, and so ``source_host``. ``administers``:
    he needs no rule to change what this agent holds, for the system lets him change its files.
    """

    user: str
    source_host: str
    source_port: int
    transport: str
    groups: tuple[str, ...] = ()
    local_host: str = ""
    administers: bool = False

    @property
    def whence(self) -> str:
        """From where he came, for the log."""
        return f"from {self.source_host}" if self.source_host else "through the socket"


Serve = Callable[[ByteStream, Peer], Awaitable[None]]
