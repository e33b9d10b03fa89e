"""The ids that run through the log of an agent, in each of its forms: of sessions, and of commits."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.agent_process import AgentProcess, running_agent
from tests.requests import edit_candidate, tunnel
from tests.wire.raw_client import RawClient, raw_client
from tests.wire.test_notifications import subscribe

SECRET = "not-a-real-secret"
CONFIRMED = "<commit><confirmed/><confirm-timeout>1</confirm-timeout></commit>"


async def commit(client: RawClient, number: int, text: str) -> None:
    assert b"<ok/>" in await client.ask(edit_candidate(tunnel(number, text)))
    assert b"<ok/>" in await client.ask("<commit/>")


def objects(agent: AgentProcess) -> list[dict[str, Any]]:
    return [json.loads(line) for line in agent.log]


async def two_sessions(agent: AgentProcess) -> None:
    """Two sessions whose requests interleave; each makes a commit, the second tries one that is refused."""
    async with raw_client(agent, greet="1.1") as one, raw_client(agent, greet="1.1") as other:
        await asyncio.gather(*(client.ask("<get/>") for client in (one, other, one, other)))
        await commit(one, 1, "of one")
        await asyncio.gather(one.ask("<get/>"), commit(other, 2, "of other"), one.ask("<get/>"))
        assert b"rpc-error" in await other.ask(edit_candidate(tunnel(3, "x" * 300)))


async def test_the_id_of_a_session_is_in_its_lines_and_in_no_others(tmp_path: Path) -> None:
    with running_agent(tmp_path, ["--log-format", "json"]) as agent:
        await two_sessions(agent)
    found = objects(agent)
    for session, made in ((1, 2), (2, 3)):
        own = [line for line in found if line.get("session") == session]
        assert {line["user"] for line in own} == {"admin"}
        assert own[0]["message"].startswith("begun from 127.0.0.1")
        assert own[-1]["message"].startswith("ended: ")
        commits = [line for line in own if "commit" in line]
        assert commits
        assert {line["commit"] for line in commits} == {made}
        said = f"commit {made} by admin (session {session} "
        assert any(line["message"].startswith(said) for line in commits)
    # Nothing of the commits is told in a line without their ids.
    assert all("commit" in line for line in found if line["message"].startswith("commit "))
    # The first rules, which the agent itself has committed, are of no session.
    assert [line.get("session") for line in found if line.get("commit") == 1] == [None]


async def test_in_text_the_ids_stand_before_the_words(tmp_path: Path) -> None:
    with running_agent(tmp_path) as agent:
        await two_sessions(agent)
    for session, made in ((1, 2), (2, 3)):
        own = [line for line in agent.log if f"[session {session} admin" in line]
        assert "begun from 127.0.0.1" in own[0]
        assert "ended: " in own[-1]
        assert any(f"[session {session} admin, commit {made}] commit {made} by admin" in line for line in own)
    assert len([line for line in agent.log if "commit 2]" in line]) == len(
        [line for line in agent.log if "commit 2" in line]
    )


async def test_a_rollback_in_time_is_of_the_commit_and_of_no_session(tmp_path: Path) -> None:
    with running_agent(tmp_path, ["--log-format", "json"]) as agent:
        async with raw_client(agent, greet="1.1") as watcher, raw_client(agent, greet="1.1") as client:
            watcher.send(subscribe())
            assert b"<ok/>" in await watcher.chunked_message()
            assert b"<ok/>" in await client.ask(edit_candidate(tunnel(1)))
            assert b"<ok/>" in await client.ask(CONFIRMED)
            await watcher.until_message(b"<confirm-event>timeout</confirm-event>")
    found = {line["message"]: line for line in objects(agent)}
    rolled_back = next(line for message, line in found.items() if "rolled back" in message)
    assert (rolled_back["commit"], rolled_back.get("session")) == (2, None)
    of_itself = next(line for message, line in found.items() if message.startswith("commit 3 by"))
    assert (of_itself["commit"], of_itself.get("session")) == (3, None)


@pytest.mark.parametrize("form", ["text", "json", "journald"])
async def test_no_secret_is_in_the_log_in_any_form(tmp_path: Path, form: str) -> None:
    with running_agent(tmp_path, ["--log-format", form]) as agent:
        async with raw_client(agent, greet="1.1") as client:
            await commit(client, 1, "x")
            assert b"rpc-error" in await client.ask(edit_candidate(tunnel(70_000)))
            bad = tunnel(2).replace("<local-address>192.0.2.1", "<local-address>here")
            assert b"rpc-error" in await client.ask(edit_candidate(bad))
    assert len(agent.log) > 5 or form == "journald"
    assert not [line for line in agent.log if SECRET in line]
