"""Confirmed commit against the program itself: kill -9 in the window, the other session, what state shows."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from tests.agent_process import AgentProcess, running_agent, start_agent
from tests.requests import edit_candidate, tunnel
from tests.wire.raw_client import RawClient, chunked, raw_client, rpc
from tests.wire.test_notifications import subscribe
from tests.wire.test_sessions import settings

AGENT = "urn:yangswan:params:xml:ns:yang:agent"
CONFIRMED = "<commit><confirmed/><confirm-timeout>3600</confirm-timeout></commit>"
PERSISTENT = CONFIRMED.replace("</commit>", "<persist>a-token</persist></commit>")
RUNNING = "<get-config><source><running/></source></get-config>"
STATE = f'<get><filter><agent xmlns="{AGENT}"><confirmed-commit/></agent></filter></get>'
HISTORY = f'<get><filter><agent xmlns="{AGENT}"><history><newest-commit/></history></agent></filter></get>'


async def described(client: RawClient, text: str, commit: str) -> None:
    assert b"<ok/>" in await client.ask(edit_candidate(tunnel(1, text)))
    assert b"<ok/>" in await client.ask(commit)


async def test_the_window_survives_kill_9_and_rolls_back(tmp_path: Path) -> None:
    agent = start_agent(tmp_path / "data")
    async with raw_client(agent, greet="1.1") as client:
        await described(client, "before", "<commit/>")
        await described(client, "first", PERSISTENT)
        await described(
            client, "second", PERSISTENT.replace("</commit>", "<persist-id>a-token</persist-id></commit>")
        )
        agent.kill()
    with running_agent(tmp_path / "data") as again:
        async with raw_client(again, greet="1.1") as client:
            reply = await client.ask(RUNNING)
            assert b"before" in reply
            assert b"first" not in reply
            assert b"second" not in reply
            reply = await client.ask("<commit><persist-id>a-token</persist-id></commit>")
            assert b"<error-tag>invalid-value</error-tag>" in reply
        assert any("not confirmed before the restart" in line for line in again.log)
        assert not any("a-token" in line for line in again.log)


async def test_a_session_that_is_lost_takes_its_commit_along(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as watcher:
        async with raw_client(agent, greet="1.1") as client:
            await described(client, "kept", "<commit/>")
        watcher.send(subscribe())
        async with raw_client(agent, greet="1.1") as client:
            await described(client, "lost", CONFIRMED)
        await watcher.until_message(b"<confirm-event>start</confirm-event>")
        await watcher.until_message(b"<confirm-event>cancel</confirm-event>")
    async with raw_client(agent, greet="1.1") as client:
        assert b"kept" in await client.ask(RUNNING)


async def test_another_session_confirms_and_state_shows_it_pending(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client, raw_client(agent, greet="1.1") as other:
        await described(client, "persistent", PERSISTENT)
        state = etree.fromstring(await other.ask(STATE)).find(".//{*}confirmed-commit")
        assert state.findtext("{*}persistent") == "true"
        assert state.findtext("{*}user") == agent.user
        assert 0 < int(state.findtext("{*}remaining-s") or 0) <= 3600
        history = etree.fromstring(await other.ask(HISTORY))
        assert int(state.findtext("{*}rollback-to")) == int(history.findtext(".//{*}newest-commit")) - 1
        assert b"a-token" not in etree.tostring(state)
        assert b"<error-tag>in-use</error-tag>" in await other.ask("<commit/>")
        lock = "<lock><target><running/></target></lock>"
        assert b"<error-tag>lock-denied</error-tag>" in await other.ask(lock)
        assert b"<ok/>" in await other.ask("<commit><persist-id>a-token</persist-id></commit>")
        assert b"<confirmed-commit" not in await other.ask(STATE)
        assert b"persistent" in await other.ask(RUNNING)


async def test_an_idle_client_with_a_commit_pending_is_not_closed(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data", settings(tmp_path, "idle-timeout-s = 1")) as agent:
        async with raw_client(agent, greet="1.1") as client:
            await described(client, "pending", CONFIRMED)
            async with raw_client(agent, greet="1.1") as idle:
                await idle.closed()
            assert b"pending" in await client.ask(RUNNING)
            assert b"<ok/>" in await client.ask("<commit/>")
            client.send(chunked(rpc("<get/>")))


async def test_without_charon_nobody_waits_for_tunnels(agent: AgentProcess) -> None:
    verify = f'<commit><confirmed/><verify xmlns="{AGENT}"/></commit>'
    async with raw_client(agent, greet="1.1") as client:
        before = await client.ask(RUNNING)
        assert b"<ok/>" in await client.ask(edit_candidate(tunnel(1, "new")))
        reply = await client.ask(verify)
        assert b"<error-app-tag>verify-cannot-tell</error-app-tag>" in reply
        assert b"this agent runs without charon" in reply
        assert await client.ask(RUNNING) == before
        assert b"<confirmed-commit" not in await client.ask(STATE)
        assert b"<ok/>" in await client.ask("<discard-changes/>")
        assert b"<ok/>" in await client.ask(verify), "there is nothing to wait for"
