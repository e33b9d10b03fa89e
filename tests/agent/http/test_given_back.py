"""Who has come with TLS and is gone leaves nothing behind, whether or not anybody looks for circles.

asyncio has 256 KiB to read into for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
import struct
from asyncio import sslproto
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from agent.http.door import open_door
from agent.http.limits import DoorLimits
from agent.http.tls import Tls
from tests.agent.http.door_lab import PATIENCE_S, Authority, echo, get, said

HERE = ("127.0.0.1", 0)
LIMITS = DoorLimits(handshake_s=300, head_s=300, connections=5, connections_per_source=5)
BEGUN = b"\x16\x03\x01\x02\x00\x01"
MANY = 12


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


class Client:
    """Comes to a door in one way, and goes."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.port = port
        self.context = context

    async def says(self, words: bytes) -> socket.socket:
        made = socket.socket()
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", self.port))
        await asyncio.get_running_loop().sock_sendall(made, words)
        return made

    async def begins_and_goes(self) -> None:
        (await self.says(BEGUN)).close()

    async def begins_and_resets(self) -> None:
        made = await self.says(BEGUN)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        made.close()

    async def speaks_no_tls(self) -> None:
        with await self.says(get()) as made:
            await self.until_closed(made)

    async def begins_and_stays(self) -> None:
        with await self.says(BEGUN) as made:
            await self.until_closed(made)

    async def agrees_and_goes(self) -> None:
        _reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.context)
        writer.close()
        await writer.wait_closed()

    async def asks(self) -> None:
        await said(self.port, get(), tls=self.context)

    async def asks_wrongly(self) -> None:
        await said(self.port, get(host="evil.example"), tls=self.context)

    async def asks_and_goes(self) -> None:
        _reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.context)
        writer.write(get())
        writer.transport.abort()

    async def until_closed(self, made: socket.socket) -> None:
        with contextlib.suppress(ConnectionError):
            while await asyncio.wait_for(asyncio.get_running_loop().sock_recv(made, 1000), PATIENCE_S):
                pass


def left() -> int:
    """How many of the server's there are."""
    found = [one for one in gc.get_objects() if type(one) is sslproto.SSLProtocol]
    return sum(1 for one in found if one._server_side)


async def none_left() -> None:
    async with asyncio.timeout(PATIENCE_S):
        while left():  # noqa: ASYNC110 - there is no event of it
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("come", "handshake_s"),
    [
        (Client.begins_and_goes, 300),
        (Client.begins_and_resets, 300),
        (Client.speaks_no_tls, 300),
        (Client.begins_and_stays, 0.01),
        (Client.agrees_and_goes, 300),
        (Client.asks, 300),
        (Client.asks_wrongly, 300),
        (Client.asks_and_goes, 300),
    ],
)
async def test_who_is_gone_leaves_nothing(
    authority: Authority,
    come: Callable[[Client], Awaitable[None]],
    handshake_s: float,
    no_collector: None,
) -> None:
    tls = Tls(*authority.issue_server())
    async with open_door(echo, HERE, tls, limits=replace(LIMITS, handshake_s=handshake_s)) as door:
        client = Client(door.port, authority.trusting())
        for _ in range(MANY):
            await come(client)
        await client.asks()  # those before have been let in, then
        await asyncio.wait_for(door.hall.empty.wait(), PATIENCE_S)
        await none_left()


async def test_who_gives_way_leaves_nothing(authority: Authority, no_collector: None) -> None:
    limits = replace(LIMITS, connections=3, connections_per_source=100)
    async with open_door(echo, HERE, Tls(*authority.issue_server()), limits=limits) as door:
        client = Client(door.port, authority.trusting())
        crowd = [await client.says(BEGUN) for _ in range(MANY)]
        for gone in crowd[: MANY - limits.connections]:
            await client.until_closed(gone)
        for one in crowd:
            one.close()
        await asyncio.wait_for(door.hall.empty.wait(), PATIENCE_S)
        await none_left()
