"""A UNIX socket that answers as it was asked, for users that this machine need not have."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.transport import unix
from agent.transport.limits import Limits
from agent.transport.places import Places
from agent.transport.stream import ByteStream, Peer
from agent.transport.unix import UnixTransport
from agent.transport.unix_stream import UnixStream

WAIT_S = 30
ANN, BEA = 64_001, 64_002  # not who runs the tests
USERS = {0: "root", ANN: "ann", BEA: "bea"}
GROUPS = {"ann": ("ann", "yangswan"), "bea": ("bea",), "root": ("root",)}


@dataclass
class Served:
    """A transport whose sessions echo, and what it served."""

    transport: UnixTransport
    path: Path
    peers: list[Peer] = field(default_factory=list)
    streams: list[ByteStream] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    ended: int = 0
    listens: asyncio.Event = field(default_factory=asyncio.Event)
    to_say: bytes = b""

    @property
    def places(self) -> Places:
        return self.transport.places

    async def serve(self, stream: ByteStream, peer: Peer) -> None:
        self.peers.append(peer)
        self.streams.append(stream)
        try:
            if self.to_say:
                await stream.write(self.to_say)
            await self.listens.wait()
            while data := await stream.read(1000):
                await stream.write(data)
        except (ConnectionError, TimeoutError) as problem:
            self.failures.append(problem)
        finally:
            self.ended += 1


@dataclass
class Client:
    """A connection; ``reader`` and ``writer`` are asyncio's."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def echo(self, data: bytes) -> bytes:
        self.writer.write(data)
        async with asyncio.timeout(WAIT_S):
            return await self.reader.readexactly(len(data))

    async def rest(self) -> bytes:
        """Return what comes until the server closes; fails if it does not."""
        async with asyncio.timeout(WAIT_S):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""


@dataclass
class Machine:
    """The users of a machine: who comes next has the number ``uid``."""

    monkeypatch: pytest.MonkeyPatch
    uid: int = ANN

    def __post_init__(self) -> None:
        for name, value in (
            ("name_of", USERS.get),
            ("number_of", {name: uid for uid, name in USERS.items()}.get),
            ("system_groups", lambda user: GROUPS.get(user, ())),
        ):
            self.monkeypatch.setattr(unix, name, value)
        self.monkeypatch.setattr(UnixStream, "uid", property(lambda _: self.uid))


@asynccontextmanager
async def serving(
    path: Path,
    limits: Limits | None = None,
    recovery_users: tuple[str, ...] = (),
    *,
    kept: bool = False,
    passed: Sequence[socket.socket] = (),
) -> AsyncIterator[Served]:
    places = Places(limits or Limits(), recovery_users=recovery_users, kept=kept)
    transport = UnixTransport(
        path,
        "no-such-group",
        insists=True,
        passed=passed,
        places=places,
        serve=lambda stream, peer: served.serve(stream, peer),
    )
    served = Served(transport, path)
    served.listens.set()
    transport.take_address()
    await transport.start()
    try:
        yield served
    finally:
        served.listens.set()
        await transport.stop()


_CLIENTS: list[Client] = []


async def connect(served: Served) -> Client:
    _CLIENTS.append(Client(*await asyncio.open_unix_connection(served.path)))
    return _CLIENTS[-1]


async def close_clients() -> None:
    """Close all that a test has connected."""
    while _CLIENTS:
        writer = _CLIENTS.pop().writer
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def until(true: object) -> None:
    """Return when ``true()`` is, whoever else has to do something for it."""
    assert callable(true)
    async with asyncio.timeout(WAIT_S):
        while not true():
            await asyncio.to_thread(int)
