"""The event loop is uvloop's where that is installed, and the other one for who says so."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
import uvloop

from agent.loop import VARIABLE, chosen
from agent.settings import SettingsError
from tests.agent_process import running_agent
from tests.wire.raw_client import raw_client

UVLOOP, STANDARD = uvloop.new_event_loop, asyncio.new_event_loop
def has_uvloop(pid: int) -> bool:
    return "/uvloop/" in Path(f"/proc/{pid}/maps").read_text()


GET = "<get-config><source><running/></source></get-config>"


@pytest.mark.parametrize("asked", [None, "", "uvloop"])
def test_uvloop_is_used_unless_somebody_says_otherwise(asked: str | None) -> None:
    assert chosen({} if asked is None else {VARIABLE: asked}) is UVLOOP
    assert chosen({VARIABLE: "asyncio"}) is STANDARD


def test_without_uvloop_there_is_the_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert chosen({}) is STANDARD
    with pytest.raises(SettingsError, match="not installed"):
        chosen({VARIABLE: "uvloop"})


def test_another_name_is_refused() -> None:
    with pytest.raises(SettingsError, match="uvloop or asyncio, not 'Trio'"):
        chosen({VARIABLE: "Trio"})


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_an_agent_serves_on_the_loop_that_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: str
) -> None:
    monkeypatch.setenv(VARIABLE, loop)
    with running_agent(tmp_path) as agent:
        assert has_uvloop(agent.process.pid) == (loop == "uvloop")
        async with raw_client(agent, greet="1.1") as client:
            assert b"<data" in await client.ask(GET)
        assert agent.stop() == 0
