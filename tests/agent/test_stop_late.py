"""Who does not read, or comes late, when an agent stops; and a part of the agent that fails at that."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from agent.datastore.records import SERVER
from agent.errors import RpcErrors
from agent.phases import Phases
from agent.stopping import Bounds
from agent.supervision import Supervision
from agent.tasks import stop_all
from agent.translator import Notification
from tests.agent.http.door_lab import all_of
from tests.agent.recording_translator import RecordingTranslator
from tests.agent.restconf.client import answer_of
from tests.agent.stopped_agent import ENTRY, USER, Running, patch, running
from tests.agent.subscribers import until
from tests.requests import edit_candidate
from tests.wire.raw_client import EOM, LIMIT_S, hello, rpc

LIBRARY = "urn:ietf:params:xml:ns:yang:ietf-yang-library"
MUCH = rpc(f'<get><filter><yang-library xmlns="{LIBRARY}"/></filter></get>') + EOM


@asynccontextmanager
async def through_ssh(of: Running) -> AsyncIterator[None]:
    key = str(of.folder / "client_key")
    options = {"known_hosts": None, "username": USER, "client_keys": [key], "agent_path": None}
    connection = await asyncssh.connect("127.0.0.1", of.agent.transport.port, config=None, **options)
    channel, _session = await connection.create_session(
        asyncssh.SSHClientSession, subsystem="netconf", encoding=None, window=65536
    )
    channel.pause_reading()
    channel.write(hello("1.0") + EOM + MUCH * 60)
    yield
    connection.abort()
    await connection.wait_closed()


@asynccontextmanager
async def through_socket(of: Running) -> AsyncIterator[None]:
    with socket.socket(socket.AF_UNIX) as client:
        client.setblocking(False)
        client.connect(str(of.folder / "netconf.sock"))
        client.send(hello("1.0") + EOM + MUCH * 60)
        yield


def waits_for_its_reader(of: Running) -> bool:
    streams = [live._stream for live in of.agent.server._live.values()]
    writables = [getattr(stream, "_stream", stream)._writable for stream in streams]
    return bool(writables) and not any(one.is_set() for one in writables)


@pytest.mark.parametrize("reading_nothing", [through_ssh, through_socket])
async def test_a_client_that_reads_nothing_holds_no_stop(
    reading_nothing: Callable[[Running], AbstractAsyncContextManager[None]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It would wait for what is being answered longer than this test."""
    caplog.set_level(logging.INFO)
    for name in ("live_writing.UNREAD_S", "transport.ssh._CLOSING_S", "transport.unix._CLOSING_S"):
        monkeypatch.setattr(f"agent.{name}", 0.0)
    async with asyncio.timeout(LIMIT_S), running(tmp_path) as of, reading_nothing(of):
        await until(lambda: waits_for_its_reader(of))
        await of.begin_to_stop()
        assert of.stopping is not None
        await of.stopping
        assert of.agent.server._live == {}
    assert "ended: connection lost (TimeoutError)" in caplog.text


async def test_all_doors_are_shut_while_something_goes_on(tmp_path: Path) -> None:
    async with asyncio.timeout(LIMIT_S), running(tmp_path) as of:
        agent = of.agent
        assert agent.metrics is not None
        ports = [agent.transport.port, of.web_port, agent.metrics._door.port]
        reader, writer = await asyncio.open_connection("127.0.0.1", of.web_port)
        writer.write(b"".join(patch("one")))
        await of.translator.begun.wait()
        await of.begin_to_stop()
        for port in ports:
            with pytest.raises(ConnectionError):
                await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises((ConnectionError, FileNotFoundError)):
            await asyncio.open_unix_connection(str(of.folder / "netconf.sock"))
        of.translator.goes_on.set()
        assert answer_of(await all_of(reader)).status == 204
        writer.close()


async def test_an_edit_whose_body_comes_late_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    async with asyncio.timeout(LIMIT_S), running(tmp_path) as of:
        assert of.agent.web is not None
        of.agent.web.door.limits = replace(of.agent.web.door.limits, close_s=LIMIT_S)
        late, late_writer = await asyncio.open_connection("127.0.0.1", of.web_port)
        head, body = patch("two")
        late_writer.write(head + body[:5])
        bodies = of.agent.web.app._bodies
        await until(lambda: bodies.held == 5)
        reader, writer = await asyncio.open_connection("127.0.0.1", of.web_port)
        writer.write(b"".join(patch("one")))
        await of.translator.begun.wait()
        await of.begin_to_stop()
        late_writer.write(body[5:])
        refused = answer_of(await all_of(late))
        assert (refused.status, refused.fields["retry-after"]) == (503, "1")
        assert refused.error["error-message"] == "the server stops, and this was not begun"
        assert of.stopping is not None
        assert not of.stopping.done()
        of.translator.goes_on.set()
        assert answer_of(await all_of(reader)).status == 204
        await of.stopping
        for one in (writer, late_writer):
            one.close()
    assert list(of.translator.holds) == [("one",)]


async def test_an_edit_that_waits_for_its_turn_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    async with asyncio.timeout(LIMIT_S), running(tmp_path) as of:
        assert of.agent.web is not None
        going_on, answers = of.agent.web.app._changes._going_on, []
        for count, entry in enumerate(("one", "two"), 1):
            reader, writer = await asyncio.open_connection("127.0.0.1", of.web_port)
            writer.write(b"".join(patch(entry)))
            await until(lambda: len(going_on) == count)  # noqa: B023 - it is waited for here
            answers.append((reader, writer))
        await of.translator.begun.wait()
        await of.begin_to_stop()
        of.translator.goes_on.set()
        assert [answer_of(await all_of(reader)).status for reader, _ in answers] == [204, 503]
        for _, writer in answers:
            writer.close()
    assert list(of.translator.holds) == [("one",)]


async def test_no_commit_begins_after_the_stop(tmp_path: Path) -> None:
    """It may have waited for another one all the time."""
    async with asyncio.timeout(LIMIT_S), running(tmp_path) as of:
        await of.begin_to_stop()
        assert of.stopping is not None
        await of.stopping
        configuration = of.agent.context.configuration
        async with configuration.writing:
            with pytest.raises(RpcErrors, match="the server stops, and this was not begun"):
                await configuration.commit(SERVER)


async def test_a_translator_that_fails_keeps_no_other_from_being_stopped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(*, keep: bool) -> None:
        raise LookupError("of ours")

    first, second = RecordingTranslator("first"), RecordingTranslator("second")
    monkeypatch.setattr(first, "stop", fails)
    assert await stop_all((first, second), Phases(Supervision(), threads=()), keep=True) == ["first"]
    assert second.log == ["stop, keep"]
    assert "a part of it failed: translator first" in caplog.text


async def test_a_rollback_that_goes_on_is_not_waited_for_without_an_end(tmp_path: Path) -> None:
    async with asyncio.timeout(LIMIT_S), running(tmp_path) as of:
        translator, configuration = of.translator, of.agent.context.configuration
        reader, writer = await asyncio.open_unix_connection(str(of.folder / "netconf.sock"))
        writer.write(hello("1.0") + EOM + rpc(edit_candidate(ENTRY)) + EOM)
        writer.write(rpc("<commit><confirmed/></commit>") + EOM)
        translator.goes_on.set()
        for _ in range(3):
            await reader.readuntil(EOM)
        translator.begun.clear()
        translator.goes_on.clear()
        writer.close()
        await translator.begun.wait()
        await of.begin_to_stop(Bounds(0, changes_s=0, all_s=0))
        assert of.stopping is not None
        await of.stopping
        assert list(translator.holds) == [("one",)]
        translator.goes_on.set()
        await until(lambda: configuration.committer is None)
    assert list(translator.holds) == []


async def test_a_rollback_that_goes_on_is_waited_for(tmp_path: Path) -> None:
    async with asyncio.timeout(LIMIT_S), running(tmp_path) as of:
        confirmed = of.agent.context.confirmed
        going_on, goes_on = asyncio.Event(), asyncio.Event()

        async def roll_back() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                going_on.set()
                await goes_on.wait()

        confirmed._timer = timer = asyncio.create_task(roll_back())
        await asyncio.sleep(0)
        await of.begin_to_stop()
        await going_on.wait()
        assert of.stopping is not None
        assert not of.stopping.done()
        goes_on.set()
        await of.stopping
        assert timer.done()


async def test_parts_that_fail_keep_no_other_from_being_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_arguments: object) -> None:
        raise LookupError("of ours")

    async def fails_later(*_arguments: object) -> None:
        fails()

    async with asyncio.timeout(LIMIT_S), running(tmp_path) as of:
        agent = of.agent
        assert agent.web is not None
        with monkeypatch.context() as patched:
            patched.setattr(agent.local, "shut", fails)
            patched.setattr(agent.server, "stop", fails_later)
            patched.setattr(agent.web.app, "stop", fails_later)
            patched.setattr(agent.web.app, "shut", fails)
            patched.setattr(agent.context.confirmed, "stop", fails_later)
            await of.begin_to_stop()
            assert of.stopping is not None
            await of.stopping
        assert agent.web.door._server is None
        assert agent.context.stream._pump is not None
        assert agent.context.stream._pump.done()
        agent.local.shut()
    others = ("edits of RESTCONF", "RESTCONF begins nothing more", "the UNIX socket", "confirmed commits")
    for part in ("a door is shut", "sessions", *others):
        assert f"a part of it failed: {part}" in caplog.text


async def test_nobody_waits_for_events_that_are_recorded_no_more(tmp_path: Path) -> None:
    async with asyncio.timeout(LIMIT_S), running(tmp_path) as of:
        stream = of.agent.context.stream
        content = {"ietf-netconf-notifications:netconf-session-start": {"username": "u", "session-id": 1}}
        stream.publish(Notification(content))
        waits = asyncio.ensure_future(stream.settled())
        await of.begin_to_stop()
        assert of.stopping is not None
        await of.stopping
        stream.publish(Notification(content))
        await stream.settled()
        await waits
