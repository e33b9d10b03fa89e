"""A way to the page that can be cut, and stopped without a word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Relay:
    """Carries connections to a port of loopback; ``address`` is where it listens, as a URL."""

    def __init__(self, scheme: str, port: int) -> None:
        self._scheme = scheme
        self._to = port
        self._port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()

    @property
    def address(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._port}"

    async def mend(self) -> None:
        """Take connections, at the same port as before."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """End all connections and take none."""
        assert self._server is not None
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await self._server.wait_closed()

    def hold(self) -> None:
        """Carry nothing any more, and say nothing of it: as a cable that was pulled."""
        self._flows.clear()

    def let_go(self) -> None:
        self._flows.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, far_writer}
        self._open |= both
        await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))
        self._open -= both

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def relay_to(address: str) -> AsyncIterator[Relay]:
    """A relay to where ``address`` (a URL) is."""
    scheme, _, rest = address.partition("://")
    relay = Relay(scheme, int(rest.rpartition(":")[2]))
    await relay.mend()
    try:
        yield relay
    finally:
        relay.let_go()
        await relay.cut()
