"""An agent that stops while it is asked for something: that is done and answered, and nothing else begun."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agent.stopping import Bounds
from tests.agent.http.door_lab import all_of
from tests.agent.restconf.client import answer_of
from tests.agent.stopped_agent import ENTRY, Ask, patch, running, through_socket, through_ssh
from tests.agent.subscribers import until
from tests.requests import edit_candidate
from tests.wire.raw_client import EOM, LIMIT_S, rpc

COMMIT = rpc(edit_candidate(ENTRY)) + EOM + rpc("<commit/>", "of the commit") + EOM
GET = rpc("<get-config><source><running/></source></get-config>", "of the read") + EOM
CLOSE = rpc("<close-session/>", "of the end") + EOM


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
    async with asyncio.timeout(LIMIT_S), running(tmp_path) as of:
        assert of.agent.web is not None
        of.agent.web.door.limits = replace(of.agent.web.door.limits, close_s=0)
        reader, writer = await asyncio.open_connection("127.0.0.1", of.web_port)
        writer.write(b"".join(patch("one")))
        await of.translator.begun.wait()
        await of.begin_to_stop()
        of.translator.goes_on.set()
        assert answer_of(await all_of(reader)).status == 204
        writer.close()
    assert ("one",) in of.translator.holds


async def test_an_edit_whose_client_has_gone_is_done_before_the_door_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asyncio.timeout(LIMIT_S), running(tmp_path) as of:
        assert of.agent.web is not None
        door, going_on = of.agent.web.door, of.agent.web.app._changes._going_on
        close, at_close = door.close, []

        async def noted(answers_s: float) -> None:
            at_close.append(len(going_on))
            await close(answers_s)

        monkeypatch.setattr(door, "close", noted)
        _reader, writer = await asyncio.open_connection("127.0.0.1", of.web_port)
        writer.write(b"".join(patch("one")))
        await of.translator.begun.wait()
        writer.transport.abort()
        await of.begin_to_stop()
        of.translator.goes_on.set()
        assert of.stopping is not None
        await of.stopping
        assert at_close == [0]
    assert list(of.translator.holds) == [("one",)]


@NETCONF
async def test_nobody_waits_for_ever(ask: Ask, tmp_path: Path) -> None:
    """One end is that of all parts: none has a time of its own beside it."""
    async with asyncio.timeout(LIMIT_S), running(tmp_path) as of:
        asked = asyncio.ensure_future(ask(of, COMMIT))
        await of.translator.begun.wait()
        await of.begin_to_stop(Bounds(0, changes_s=0, all_s=0))
        assert of.stopping is not None
        await of.stopping
        assert (await asked).count(EOM) == 2, "the hello, and the answer to the edit"


@NETCONF
async def test_who_is_silent_is_not_waited_for(ask: Ask, tmp_path: Path) -> None:
    async with asyncio.timeout(LIMIT_S), running(tmp_path) as of:
        asked = asyncio.ensure_future(ask(of, b""))
        await until(lambda: of.agent.server._live)
        await of.begin_to_stop()
        assert (await asked).count(EOM) == 1
        assert of.stopping is not None
        await of.stopping
