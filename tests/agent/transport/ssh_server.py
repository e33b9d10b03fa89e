"""An SSH transport that answers as it was asked, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from agent.transport.limits import Limits
from agent.transport.places import Places
from agent.transport.ssh import SshTransport
from agent.transport.stream import ByteStream, Peer

WAIT_S = 30
LIMITS = Limits(unauthenticated_per_source=8)


@dataclass
class Served:
    """A transport whose sessions echo, and what it served."""

    transport: SshTransport
    folder: Path
    peers: list[Peer] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    flood_octets: int = 0
    listens: asyncio.Event = field(default_factory=asyncio.Event)
    streams: list[ByteStream] = field(default_factory=list)
    got_octets: int = 0

    def options(self, **more: Any) -> dict[str, Any]:
        return {
            "port": self.transport.port,
            "known_hosts": None,
            "username": "ann",
            "client_keys": [str(self.folder / "ann")],
            "agent_path": None,
            "config": None,
            **more,
        }

    async def serve(self, stream: ByteStream, peer: Peer) -> None:
        self.peers.append(peer)
        self.streams.append(stream)
        try:
            if self.flood_octets:
                await stream.write(b"x" * self.flood_octets)
            await self.listens.wait()
            while data := await stream.read(1000):
                self.got_octets += len(data)
                await stream.write(data)
        except (ConnectionError, TimeoutError) as problem:
            self.failures.append(problem)


def make_key(file: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(file))
    file.chmod(0o600)
    key.write_public_key(f"{file}.pub")


@asynccontextmanager
async def serving(
    folder: Path, limits: Limits = LIMITS, recovery_users: tuple[str, ...] = ()
) -> AsyncIterator[Served]:
    for name in ("ann", "eve"):
        make_key(folder / name)
    users = {"ann": folder / "ann.pub", "bea": folder / "missing"}
    served = Served.__new__(Served)
    transport = SshTransport(
        "127.0.0.1",
        0,
        folder / "host_key",
        users,
        Places(limits, recovery_users=recovery_users),
        lambda stream, peer: served.serve(stream, peer),
    )
    served.__init__(transport, folder)  # type: ignore[misc]
    served.listens.set()
    await transport.start()
    try:
        yield served
    finally:
        await transport.stop()


async def echo(connection: asyncssh.SSHClientConnection, data: bytes) -> bytes:
    process = await connection.create_process(subsystem="netconf", encoding=None)
    process.stdin.write(data)
    async with asyncio.timeout(WAIT_S):
        got: bytes = await process.stdout.readexactly(len(data))
    process.close()
    return got
