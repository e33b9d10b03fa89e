"""One SSH channel with the subsystem netconf, as a ByteStream with back-pressure in both directions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

import asyncssh

from agent.transport.limits import Limits, Refused
from agent.transport.stream import ByteStream, Peer

log = logging.getLogger(__name__)

_WRITE_PIECE_OCTETS = 65536
_CLOSE_TIMEOUT_S = 10
_NO_SHELL = (
    b"This is a NETCONF server; there is no shell, and there are no commands. Connect with a NETCONF client, "
    b"or add '-s netconf' to the command line of ssh.\r\n"
)


class Admission(Protocol):
    """Whom a channel asks whether it may be a session, and to whom it then gives itself."""

    @property
    def limits(self) -> Limits: ...
    @property
    def refused(self) -> Refused: ...

    def may_open(self, peer: Peer) -> bool:
        """Return whether there may be one more session."""

    def opened(self, channel: ByteStream, peer: Peer) -> None:
        """Serve a channel whose subsystem request was granted."""


class NetconfChannel(asyncssh.SSHServerSession[bytes]):
    """Reads into a bounded buffer; writes only while channel window and TCP connection have room."""

    def __init__(
        self, peer: Peer, *, admission: Admission, drained: asyncio.Event, ended: Callable[[], None]
    ) -> None:
        """``drained``: set while the TCP connection takes more. ``ended``: called when the channel goes."""
        self._peer = peer
        self._admission = admission
        self._drained = drained
        self._when_ended = ended
        self._channel: asyncssh.SSHServerChannel[bytes] | None = None
        self._arrived = bytearray()
        self._ended = False
        self._explains = False
        self._lost = asyncio.Event()
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    # -- asyncssh --------------------------------------------------------------------------

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def shell_requested(self) -> bool:
        return self._explain()

    def exec_requested(self, command: str) -> bool:
        return self._explain()

    def _explain(self) -> bool:
        """Have the request granted, so that who typed ``ssh HOST`` reads a sentence; then it ends."""
        self._explains = True
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        if subsystem != "netconf":
            return False
        if not self._admission.may_open(self._peer):
            self._admission.refused.connections += 1
            log.warning("refused a session of %s %s: too many", self._peer.user, self._peer.whence)
            return False
        return True

    def session_started(self) -> None:
        if self._explains and self._channel is not None:
            self._channel.write_stderr(_NO_SHELL)
            self._channel.exit(1)
            return
        self._admission.opened(self, self._peer)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if self._explains:
            return
        self._arrived += data
        self._readable.set()
        if len(self._arrived) > self._admission.limits.read_buffer_octets and self._channel is not None:
            self._channel.pause_reading()

    def eof_received(self) -> bool:
        self._ended = True
        self._readable.set()
        return True  # replies to what was asked before may still be sent

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._lost.is_set():
            self._when_ended()
        self._ended = True
        self._lost.set()
        self._readable.set()
        self._writable.set()
        self._drained.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # -- ByteStream ------------------------------------------------------------------------

    async def read(self, octets: int) -> bytes:
        while not self._arrived and not self._ended:
            self._readable.clear()
            await self._readable.wait()
        if not self._arrived:
            return b""
        data = bytes(self._arrived[:octets])
        del self._arrived[:octets]
        if len(self._arrived) <= self._admission.limits.read_buffer_octets and self._channel is not None:
            self._channel.resume_reading()
        return data

    async def write(self, data: bytes) -> None:
        for start in range(0, len(data), _WRITE_PIECE_OCTETS):
            if not (self._writable.is_set() and self._drained.is_set()):
                async with asyncio.timeout(self._admission.limits.write_timeout_s):
                    await self._room()
            if self._lost.is_set() or self._channel is None:
                raise ConnectionResetError("the channel is closed")
            self._channel.write(data[start : start + _WRITE_PIECE_OCTETS])

    async def gone(self) -> None:
        await self._lost.wait()

    async def close(self) -> None:
        if self._channel is not None and not self._lost.is_set():
            self._channel.exit(0)
            asyncio.get_running_loop().call_later(_CLOSE_TIMEOUT_S, self._abort)

    def abort(self) -> None:
        """End the channel at once, and no other of its connection; nothing that waits is written."""
        if self._channel is not None and not self._lost.is_set():
            self._channel.abort()

    def _abort(self) -> None:
        """End the connection of a client that does not let the channel be closed."""
        if self._channel is not None and not self._lost.is_set():
            self._channel.get_connection().abort()

    async def _room(self) -> None:
        """Wait for room in the channel's window and in the TCP connection.

        asyncssh looks only at the window, which the client chooses: with a huge one everything would pile
        up in the TCP transport's buffer.
        """
        while not self._lost.is_set() and not (self._writable.is_set() and self._drained.is_set()):
            await self._writable.wait()
            await self._drained.wait()
