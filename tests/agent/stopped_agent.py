"""An agent that stops, in a test: what it carries out goes on when it is let, and who asks it meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import pytest

from agent import web
from agent.assembly import Agent, assemble
from agent.datastore.progress import endless
from agent.datastore.store import Store
from agent.first_start import ensure_keys
from agent.from_settings import Outlet, make_schema
from agent.restconf.passwords import hash_of
from agent.settings import Metrics, Settings
from agent.stopping import Bounds, Stopping
from agent.threads import end_threads, thread, worker_of
from agent.translator import Plan
from agent.web_settings import Web
from tests.agent.lab import EC
from tests.agent.recording_translator import RecordingTranslator
from tests.agent.restconf.client import JSON, WORD, basic
from tests.wire.raw_client import EOM, hello

USER = "admin"
ENTRY = f'<top xmlns="{EC}"><entry><id>one</id></entry></top>'


@dataclass
class Held(RecordingTranslator):
    """Does nothing until it may."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def apply(self, plan: Plan) -> None:
        self.begun.set()
        await self.goes_on.wait()
        await super().apply(plan)


PATIENT = Bounds(answers_s=600, changes_s=600, all_s=600)
"""Whoever waits for the end of these waits too long."""


@dataclass
class Running:
    agent: Agent
    translator: Held
    folder: Path
    web_port: int
    stopping: asyncio.Task[None] | None = None

    async def begin_to_stop(self, bounds: Bounds = PATIENT) -> None:
        """Have it stop, and return when it lets nobody in."""
        self.stopping = asyncio.create_task(self.agent.stop(Stopping(bounds)))
        port = self.agent.transport.port
        await asyncio.sleep(0)
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", port)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Running]:
    settings = Settings(
        port=0,
        data_dir=folder,
        charon="none",
        metrics=Metrics("127.0.0.1", 0),
        web=Web("127.0.0.1", 0, page=False, passwords={USER: hash_of(WORD.encode())}),
    )
    users, translator = ensure_keys(folder, {}), Held()
    writes, reads = thread("libyang"), thread("reads")
    schema, store = make_schema(settings, [translator]), Store(folder / "history.db")
    agent = assemble(
        settings,
        schema=schema,
        store=store,
        translators=[translator],
        outlet=Outlet(),
        worker=worker_of(writes),
        reader=worker_of(reads),
        progress=endless(),
    )
    await agent.start(users)
    assert isinstance(agent.web, web.WebDoor)
    made = Running(agent, translator, folder, agent.web.door.port)
    try:
        yield made
    finally:
        translator.goes_on.set()
        await (made.stopping or agent.stop())
        await end_threads(writes, reads, store)


Ask = Callable[[Running, bytes], Awaitable[bytes]]


async def through_ssh(of: Running, data: bytes) -> bytes:
    """Return what the server sends to a client from its hello to the end."""
    key = str(of.folder / "client_key")
    options = {"known_hosts": None, "username": USER, "client_keys": [key], "agent_path": None}
    async with asyncssh.connect("127.0.0.1", of.agent.transport.port, config=None, **options) as connection:
        process = await connection.create_process(subsystem="netconf", encoding=None)
        process.stdin.write(hello("1.0") + EOM + data)
        got: bytes = await process.stdout.read()
        return got


async def through_socket(of: Running, data: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(of.folder / "netconf.sock"))
    writer.write(hello("1.0") + EOM + data)
    got = await reader.read()
    writer.close()
    return got


def patch(entry: str) -> tuple[bytes, bytes]:
    """Return the head and the body of a request that makes an entry."""
    body = json.dumps({"ietf-restconf:data": {"every-construct:top": {"entry": [{"id": entry}]}}}).encode()
    fields = basic(USER) | {"Host": "127.0.0.1", "Content-Type": JSON, "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"PATCH /restconf/data HTTP/1.1\r\n{head}\r\n".encode(), body
