"""What a client still sends to who has answered and closed (RFC 9112 section 9.6), thrown away within bounds.

A socket that is closed while something waits in it to be read resets the connection, and the client may lose
the answer with it. So a second handle of the socket stays for a while, of which nobody else knows.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import Counter

from agent.http.limits import DoorLimits

_PIECE_OCTETS = 64 * 1024


class Lingering:
    """The sockets of one door that something is still thrown away of."""

    def __init__(self, limits: DoorLimits) -> None:
        self._limits = limits
        self._kept: set[Rest] = set()
        self._of: Counter[str] = Counter()

    def keep(self, transport: asyncio.BaseTransport, source: str) -> Rest | None:
        """Keep the socket of a transport that has been told to close; None if it is not to be had, or too
        many are kept, or too many of ``source``. Who keeps one begins it when the transport is gone."""
        limits, carried = self._limits, transport.get_extra_info("socket")
        if len(self._kept) >= limits.lingering or self._of[source] >= limits.lingering_per_source:
            return None
        try:
            handle = os.dup(carried.fileno())
        except (AttributeError, OSError):
            return None
        rest = Rest(self, socket.socket(fileno=handle), source)
        self._kept.add(rest)
        self._of[source] += 1
        return rest

    def forget(self, rest: Rest) -> None:
        self._kept.discard(rest)
        self._of -= Counter((rest.source,))

    def begin(self, rest: Rest) -> None:
        rest.begin(self._limits.linger_s, self._limits.linger_octets)

    def close(self) -> None:
        for rest in list(self._kept):
            rest.end()

    def __len__(self) -> int:
        return len(self._kept)


class Rest:
    """What one client still sends."""

    def __init__(self, room: Lingering, carried: socket.socket, source: str) -> None:
        self.source = source
        self._room = room
        self._socket = carried
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._left_octets = 0

    def begin(self, seconds: float, octets: int) -> None:
        """Say that nothing more comes, and throw away what does, until its end or so much of it."""
        if self._socket.fileno() < 0:
            return
        self._left_octets = octets
        self._socket.setblocking(False)
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:  # it is gone already
            self.end()
            return
        self._timer = self._loop.call_later(seconds, self.end)
        self._loop.add_reader(self._socket.fileno(), self._read)

    def _read(self) -> None:
        try:
            found = len(self._socket.recv(_PIECE_OCTETS))
        except BlockingIOError:
            return
        except OSError:
            found = 0
        self._left_octets -= found
        if not found or self._left_octets <= 0:
            self.end()

    def end(self) -> None:
        if self._socket.fileno() < 0:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        self._room.forget(self)
