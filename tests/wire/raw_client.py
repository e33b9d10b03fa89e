"""A client that sends exactly the octets it is told to, over real SSH."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncssh
from lxml import etree

from tests.agent_process import AgentProcess

LIMIT_S = 60
BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
EOM = b"]]>]]>"


def hello(version: str = "1.0") -> bytes:
    return (
        f'<hello xmlns="{BASE}"><capabilities><capability>urn:ietf:params:netconf:base:{version}</capability>'
        "</capabilities></hello>"
    ).encode()


def rpc(body: str, message_id: str = "1") -> bytes:
    return f'<rpc message-id="{message_id}" xmlns="{BASE}">{body}</rpc>'.encode()


def qualified(element: etree._Element) -> str:
    """Return the name that an element holds as its text, as {namespace}name; libyang 3 leaves out the prefix
    of a name of the default namespace.
    """
    prefix, _, name = (element.text or "").strip().rpartition(":")
    return f"{{{element.nsmap[prefix or None]}}}{name}"


def chunked(data: bytes) -> bytes:
    return b"\n#%d\n" % len(data) + data + b"\n##\n"


@dataclass
class RawClient:
    process: asyncssh.SSHClientProcess[bytes]
    buffer: bytearray = field(default_factory=bytearray)

    def send(self, data: bytes) -> None:
        self.process.stdin.write(data)

    async def until(self, mark: bytes) -> bytes:
        """Return what came up to and with ``mark``; fails if the server closes before."""
        async with asyncio.timeout(LIMIT_S):
            while mark not in self.buffer:
                data = await self.process.stdout.read(65536)
                if not data:
                    raise AssertionError(f"closed before {mark!r}; got {bytes(self.buffer[-2000:])!r}")
                self.buffer += data
        end = self.buffer.index(mark) + len(mark)
        taken = bytes(self.buffer[:end])
        del self.buffer[:end]
        return taken

    async def message(self) -> bytes:
        """Return the next message framed as base:1.0."""
        return (await self.until(EOM))[: -len(EOM)]

    async def chunked_message(self) -> bytes:
        """Return the next message framed as base:1.1."""
        message = b""
        while True:
            header = (await self.until(b"\n") + await self.until(b"\n")).strip()
            if header == b"##":
                return message
            size = int(header[1:])
            async with asyncio.timeout(LIMIT_S):
                while len(self.buffer) < size:
                    self.buffer += await self.process.stdout.read(65536)
            message += bytes(self.buffer[:size])
            del self.buffer[:size]

    async def ask(self, body: str) -> bytes:
        """Return the reply to an operation (base:1.1); no event may come before it."""
        self.send(chunked(rpc(body)))
        return await self.chunked_message()

    async def until_message(self, text: bytes) -> bytes:
        """Return the next message (base:1.1) that holds ``text``."""
        async with asyncio.timeout(LIMIT_S):
            while text not in (message := await self.chunked_message()):
                pass
        return message

    async def closed(self) -> bytes:
        """Return what came until the server closed; fails if it does not."""
        async with asyncio.timeout(LIMIT_S):
            while data := await self.process.stdout.read(65536):
                self.buffer += data
        return bytes(self.buffer)


@asynccontextmanager
async def raw_client(agent: AgentProcess, *, greet: str = "") -> AsyncIterator[RawClient]:
    """Connect; with ``greet`` ("1.0" or "1.1") exchange hellos, too."""
    options = {
        "known_hosts": None,
        "username": agent.user,
        "client_keys": [str(agent.key)],
        "agent_path": None,
    }
    async with asyncssh.connect(agent.host, agent.port, config=None, **options) as connection:
        process = await connection.create_process(subsystem="netconf", encoding=None)
        client = RawClient(process)
        if greet:
            client.send(hello(greet) + EOM)
            await client.message()
        try:
            yield client
        finally:
            process.close()
