"""Who has come through the door: a place among all who have, and TLS before anything is said."""

from __future__ import annotations

import asyncio
import logging
import ssl
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import Any

from agent.http.limits import DoorLimits
from agent.http.lingering import Lingering
from agent.transport.doorway import Doorway, source_of

log = logging.getLogger(__name__)

UNREAD_OCTETS = 64 * 1024
"""As much of an answer waits before TLS as without it; asyncio would let 512 KiB wait."""


class Guest:
    """One connection, as the hall and an application know it; in ``scope["state"]["guest"]``.

    ``certificate``: what the client has shown and is signed by whom the door knows, as
    ``ssl.SSLSocket.getpeercert`` tells it; empty if there is none. ``expect_read_in``: gives up the answer
    that goes on if it is not read in so many seconds. ``secure``: TLS is spoken. ``gone``: it has left.
    """

    def __init__(self, hall: Hall, transport: asyncio.Transport) -> None:
        self._hall = hall
        self._transport = transport
        self._carriers = [transport]
        peer = transport.get_extra_info("peername")
        self.source = str(peer[0]) if peer else ""
        self.counted = source_of(self.source) if self.source else ""
        self.local = str((transport.get_extra_info("sockname") or ("",))[0])
        self.vouched = False
        self.gone = False
        self.secure = False
        self.certificate: dict[str, Any] = {}
        self.expect_read_in: Callable[[float], None] = _forget

    def carried_by(self, transport: asyncio.Transport) -> None:
        """Go on, with TLS, on another transport."""
        self._transport = transport
        self._carriers.append(transport)
        self.secure = True
        self.certificate = _shown(transport)

    @property
    def unread_octets(self) -> int:
        """How much waits for the client to read: in this process, with TLS on two transports, and in the
        system, which says that it takes more only once a third of what it holds is read."""
        held = sum(carrier.get_write_buffer_size() for carrier in self._carriers)
        return held + _held_by_system(self._transport)

    def abort(self) -> None:
        self._transport.abort()

    def leave(self) -> None:
        """Give the place back: the connection is gone."""
        self.gone = True
        self.expect_read_in = _forget
        self._hall.leave(self)

    def vouch(self, user: str = "") -> bool:
        """Take a place among those whom an application knows, as one of ``user``'s, or be his from now on;
        False if there is none, or who waited to be known is gone meanwhile: nobody would give it back."""
        self.vouched = not self.gone and self._hall.vouch(self, user)
        return self.vouched


def _held_by_system(transport: asyncio.Transport) -> int:
    sock = transport.get_extra_info("socket")
    try:
        held = ioctl(sock.fileno(), TIOCOUTQ, bytes(4))
    except (OSError, ValueError):  # it is closed
        return 0
    return int.from_bytes(held, sys.byteorder)


class Hall:
    """The places of one door. ``lingering``: clients that have been answered, have none, and still send."""

    def __init__(self, limits: DoorLimits) -> None:
        self._limits = limits
        self._doorway = Doorway(limits.connections, limits.connections_per_source, lambda source: False)
        self._vouched: dict[Guest, str] = {}
        self.refused = 0
        self.closed = False
        self.empty = asyncio.Event()
        self.empty.set()
        self.lingering = Lingering(limits)

    def enter(self, guest: Guest) -> bool:
        """Give a connection a place; False if its source has too many, or the door is closed meanwhile."""
        if self.closed:
            return False
        if self._doorway.enter(guest, guest.counted):
            self.empty.clear()
            return True
        self.refused += 1
        return False

    def vouch(self, guest: Guest, user: str) -> bool:
        """Give ``guest`` a place among those who are known. Where there is none left, of its source or of
        all, the oldest gives way of the user who has most of them, if that is more than ``user`` will have:
        whoever has a password can open connections from many places, and keeps nobody else out by it.

        A place that ``guest`` has is counted as of who has come on it last, as behind a proxy.
        """
        if guest in self._vouched:
            self._vouched[guest] = user
            return True
        limits = self._limits
        crowd = [one for one in self._vouched if one.counted == guest.counted]
        if len(crowd) < limits.connections_per_source:
            crowd = list(self._vouched) if len(self._vouched) >= limits.connections else []
        if crowd and not self._gives_way(crowd, user):
            self.refused += 1
            return False
        self._doorway.leave(guest, guest.counted)
        self._vouched[guest] = user
        return True

    def _gives_way(self, crowd: Sequence[Guest], user: str) -> bool:
        held = Counter(self._vouched[one] for one in crowd)
        ((most, count),) = held.most_common(1)
        if count <= held[user] + 1:
            return False
        oldest = next(one for one in crowd if self._vouched[one] == most)
        log.info("a connection of %r from %s gives way to one of %r", most, oldest.source, user)
        oldest.leave()
        oldest.abort()
        return True

    def leave(self, guest: Guest) -> None:
        self._doorway.leave(guest, guest.counted)
        if guest.vouched:
            guest.vouched = False
            del self._vouched[guest]
        if not len(self):
            self.empty.set()

    def __len__(self) -> int:
        return len(self._doorway) + len(self._vouched)


class Arrival(asyncio.Protocol):
    """A connection until TLS is agreed upon; it has its place from the first packet on.

    Args:
        make: the protocol that speaks HTTP to a guest.
        tasks: keeps the handshakes that go on.
    """

    def __init__(
        self,
        hall: Hall,
        context: ssl.SSLContext,
        limits: DoorLimits,
        *,
        make: Callable[[Guest], asyncio.Protocol],
        tasks: set[asyncio.Task[None]],
    ) -> None:
        self._hall = hall
        self._context = context
        self._limits = limits
        self._make = make
        self._tasks = tasks
        self._guest: Guest | None = None
        self._early = bytearray()
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._guest = guest = Guest(self._hall, transport)
        if not self._hall.enter(guest):
            transport.abort()
            return
        transport.pause_reading()

        def over(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if task.cancelled():  # the door was closed, maybe before it had begun
                guest.leave()
                transport.abort()

        task = asyncio.get_running_loop().create_task(self._agree(transport, guest))
        self._tasks.add(task)
        task.add_done_callback(over)

    def data_received(self, data: bytes) -> None:
        """What came with the end of the handshake."""
        self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        if self._guest is not None:
            self._guest.leave()

    async def _agree(self, transport: asyncio.Transport, guest: Guest) -> None:
        try:
            secured = await asyncio.get_running_loop().start_tls(
                transport,
                self,
                self._context,
                server_side=True,
                ssl_handshake_timeout=self._limits.handshake_s,
                ssl_shutdown_timeout=self._limits.write_s,  # of what waits to be read as well
            )
        except (OSError, ssl.SSLError) as problem:
            log.debug("no TLS with %s: %s", guest.source, problem)
            problem.__traceback__ = None  # its frames hold it: a circle, with 256 KiB to read into
            secured = None
        if secured is None or self._lost:
            guest.leave()
            transport.abort()
            return
        guest.carried_by(secured)
        secured.set_write_buffer_limits(high=UNREAD_OCTETS)
        protocol = self._make(guest)
        secured.set_protocol(protocol)
        protocol.connection_made(secured)
        if self._early:
            protocol.data_received(bytes(self._early))


def _shown(transport: asyncio.Transport) -> dict[str, Any]:
    found: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    return {} if found is None else dict(found.getpeercert() or {})


def _forget(_seconds: float) -> None:
    """Until somebody speaks HTTP on the connection."""
