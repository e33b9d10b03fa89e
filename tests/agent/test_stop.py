"""An agent that stops while it is asked for something: that is done and answered, and nothing else begun."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncssh
import pytest

from agent import server, web
from agent.assembly import Agent, assemble
from agent.datastore.progress import endless
from agent.datastore.store import Store
from agent.first_start import ensure_keys
from agent.from_settings import Outlet, make_schema
from agent.restconf.passwords import hash_of
from agent.settings import Settings
from agent.threads import end_threads, thread, worker_of
from agent.translator import Plan
from agent.web_settings import Web
from tests.agent.http.door_lab import all_of
from tests.agent.lab import EC
from tests.agent.recording_translator import RecordingTranslator
from tests.agent.restconf.client import JSON, WORD, answer_of, basic
from tests.agent.subscribers import until
from tests.requests import edit_candidate
from tests.wire.raw_client import EOM, LIMIT_S, hello, rpc

USER = "admin"
ENTRY = f'<top xmlns="{EC}"><entry><id>one</id></entry></top>'
COMMIT = rpc(edit_candidate(ENTRY)) + EOM + rpc("<commit/>", "of the commit") + EOM
GET = rpc("<get-config><source><running/></source></get-config>", "of the read") + EOM
CLOSE = rpc("<close-session/>", "of the end") + EOM


@dataclass
class Held(RecordingTranslator):
    """Does nothing until it may."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def apply(self, plan: Plan) -> None:
        self.begun.set()
        await self.goes_on.wait()
        await super().apply(plan)


@dataclass
class Running:
    agent: Agent
    translator: Held
    folder: Path
    web_port: int
    stopping: asyncio.Task[None] | None = None

    async def begin_to_stop(self) -> None:
        """Have it stop, and return when it lets nobody in."""
        self.stopping = asyncio.create_task(self.agent.stop())
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


NETCONF = pytest.mark.parametrize("ask", [through_ssh, through_socket])


@NETCONF
async def test_a_commit_that_is_under_way_is_answered_and_what_comes_after_it_is_refused(
    ask: Ask, tmp_path: Path
) -> None:
    async with asyncio.timeout(LIMIT_S), running(tmp_path) as of:
        asked = asyncio.ensure_future(ask(of, COMMIT + GET))
        await of.translator.begun.wait()
        await of.begin_to_stop()
        assert not asked.done()
        of.translator.goes_on.set()
        _hello, of_edit, of_commit, of_read, rest = (await asked).split(EOM)
        assert b"<ok/>" in of_edit
        assert b'message-id="of the commit"' in of_commit
        assert b"<ok/>" in of_commit
        assert b'message-id="of the read"' in of_read
        assert b"the server stops, and this was not begun" in of_read
        assert rest == b""
        assert of.stopping is not None
        await of.stopping
    assert ("one",) in of.translator.holds


@NETCONF
async def test_who_ends_his_session_after_that_may(ask: Ask, tmp_path: Path) -> None:
    async with asyncio.timeout(LIMIT_S), running(tmp_path) as of:
        asked = asyncio.ensure_future(ask(of, COMMIT + CLOSE))
        await of.translator.begun.wait()
        await of.begin_to_stop()
        of.translator.goes_on.set()
        *_, of_end, rest = (await asked).split(EOM)
        assert b'message-id="of the end"' in of_end
        assert b"<ok/>" in of_end
        assert rest == b""


async def test_an_edit_of_restconf_is_answered_though_it_takes_longer_than_a_door_waits(
    tmp_path: Path,
) -> None:
    body = b'{"ietf-restconf:data": {"every-construct:top": {"entry": [{"id": "one"}]}}}'
    fields = basic(USER) | {"Host": "127.0.0.1", "Content-Type": JSON, "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    async with asyncio.timeout(LIMIT_S), running(tmp_path) as of:
        reader, writer = await asyncio.open_connection("127.0.0.1", of.web_port)
        writer.write(f"PATCH /restconf/data HTTP/1.1\r\n{head}\r\n".encode() + body)
        await of.translator.begun.wait()
        assert of.agent.web is not None
        of.agent.web.door.limits = replace(of.agent.web.door.limits, close_s=0)
        await of.begin_to_stop()
        of.translator.goes_on.set()
        assert answer_of(await all_of(reader)).status == 204
        writer.close()
    assert ("one",) in of.translator.holds


@NETCONF
async def test_nobody_waits_for_ever(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FINISH_S", 0.0)
    monkeypatch.setattr(server, "LAST_S", 0.0)
    monkeypatch.setattr("agent.transport.places._STOP_TIMEOUT_S", 0.0)
    async with asyncio.timeout(LIMIT_S), running(tmp_path) as of:
        asked = asyncio.ensure_future(ask(of, COMMIT))
        await of.translator.begun.wait()
        await of.begin_to_stop()
        assert of.stopping is not None
        await of.stopping
        assert (await asked).count(EOM) == 2, "the hello, and the answer to the edit"


@NETCONF
async def test_who_is_silent_is_not_waited_for(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "FINISH_S", 10 * LIMIT_S)
    async with asyncio.timeout(LIMIT_S), running(tmp_path) as of:
        asked = asyncio.ensure_future(ask(of, b""))
        await until(lambda: of.agent.server._live)
        await of.begin_to_stop()
        assert (await asked).count(EOM) == 1
        assert of.stopping is not None
        await of.stopping
