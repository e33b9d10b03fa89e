"""One connection of the UNIX socket, as a ByteStream with back-pressure in both directions."""

from __future__ import annotations

import asyncio
import select
import socket
import struct
from collections.abc import Callable
from typing import Any

from agent.transport import preamble
from agent.transport.limits import Limits

_WRITE_PIECE_OCTETS = 65536
_CLOSE_TIMEOUT_S = 10
_UCRED = struct.Struct("iII")
"""Users have numbers up to 4294967294."""


class UnixStream(asyncio.Protocol):
    """Reads into a bounded buffer; writes only while the socket has room.

    Args:
        limits: asked each time, for they may change.
        came: is called when the client has come; ``went``: when it is gone for good.
    """

    def __init__(
        self,
        limits: Callable[[], Limits],
        *,
        came: Callable[[UnixStream], None],
        went: Callable[[UnixStream], None],
    ) -> None:
        self._limits = limits
        self._came = came
        self._went = went
        self._transport: Any = None
        self._watch: select.epoll | None = None
        self._arrived = bytearray()
        self._ended = False
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = asyncio.Event()

    @property
    def uid(self) -> int:
        """Whose process has connected (unix(7), SO_PEERCRED)."""
        own = self._transport.get_extra_info("socket")
        _pid, uid, _gid = _UCRED.unpack(own.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
        return int(uid)

    # -- asyncio ---------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=0)
        try:
            self._watch_for_end()
        except OSError:  # there are no descriptors left
            transport.abort()
            return
        self._came(self)

    def data_received(self, data: bytes) -> None:
        self._arrived += data
        self._readable.set()
        if len(self._arrived) > self._room():
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        self._ended = True
        self._readable.set()
        return True  # replies to what was asked before may still be sent

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._hung_up()
        self._readable.set()
        self._writable.set()
        self._went(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _watch_for_end(self) -> None:
        """Notice a client that is gone also while nothing is read or written.

        A socket that is watched for nothing tells that alone (epoll_ctl(2), EPOLLHUP): the client that only
        says no more (shutdown) still reads.
        """
        watch = select.epoll()
        watch.register(self._transport.get_extra_info("socket").fileno(), 0)
        asyncio.get_running_loop().add_reader(watch.fileno(), self._hung_up)
        self._watch = watch

    def _hung_up(self) -> None:
        if self._watch is not None:
            asyncio.get_running_loop().remove_reader(self._watch.fileno())
            self._watch.close()
            self._watch = None
        self._gone.set()
        self._writable.set()

    # -- ByteStream ------------------------------------------------------------------------

    async def read(self, octets: int) -> bytes:
        while not self._arrived and not self._ended:
            await self._more()
        data = bytes(self._arrived[:octets])
        del self._arrived[:octets]
        if len(self._arrived) <= self._room() and not self._ended:
            self._transport.resume_reading()
        return data

    async def write(self, data: bytes) -> None:
        for start in range(0, len(data), _WRITE_PIECE_OCTETS):
            if not self._writable.is_set():
                async with asyncio.timeout(self._limits().write_timeout_s):
                    await self._writable.wait()
            if self._gone.is_set() or self._transport.is_closing():
                raise ConnectionResetError("the connection is closed")
            self._transport.write(data[start : start + _WRITE_PIECE_OCTETS])

    async def gone(self) -> None:
        await self._gone.wait()

    async def close(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()
            asyncio.get_running_loop().call_later(_CLOSE_TIMEOUT_S, self.abort)

    def abort(self) -> None:
        """End it at once; nothing that waits is written."""
        self._transport.abort()

    # -- before NETCONF --------------------------------------------------------------------

    async def preamble(self) -> bytes | None:
        """Return the line that comes before the first message, None if none does.

        Raises:
            preamble.Garbled: it is too long, or ends in its middle.
        """
        while not preamble.is_whole(self._arrived):
            if self._ended:
                if self._arrived:
                    raise preamble.Garbled("it ends in its middle")
                return None
            await self._more()
        return preamble.cut(self._arrived)

    def _room(self) -> int:
        """Return how many octets may wait: a preamble has room, whatever is set."""
        return max(self._limits().read_buffer_octets, preamble.OCTETS_MAX)

    async def _more(self) -> None:
        self._readable.clear()
        await self._readable.wait()
