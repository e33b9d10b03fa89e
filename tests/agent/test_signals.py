"""The signals that a person or a system sends to the agent, a process of its own here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.agent_process import START_LIMIT_S


def test_a_hangup_during_the_start_ends_nothing_and_is_not_lost(tmp_path: Path) -> None:
    agent = subprocess.Popen(
        [sys.executable, "-m", "agent", "--data-dir", str(tmp_path), "--listen", "127.0.0.1:0",
         "--charon", "none"],
        cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert agent.stderr is not None
    said = iter(agent.stderr.readline, "")
    assert any("commit 1 by" in line for line in said)  # it accepts nobody yet
    agent.send_signal(signal.SIGHUP)
    assert any("the settings were read again (SIGHUP)" in line for line in said)
    agent.send_signal(signal.SIGTERM)
    _, rest = agent.communicate(timeout=START_LIMIT_S)
    assert agent.returncode == 0, rest


def test_an_agent_to_which_nobody_listens_goes_on(tmp_path: Path) -> None:
    """As ``yangswand | head -1`` closes the pipe: here before anything was written."""
    reading, writing = os.pipe()
    os.close(reading)
    agent = subprocess.Popen(
        [sys.executable, "-m", "agent", "--data-dir", str(tmp_path), "--listen", "127.0.0.1:0",
         "--charon", "none", "--log-level", "debug"],
        cwd=Path(__file__).parents[2], stdout=writing, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(writing)
    assert agent.stderr is not None
    said = iter(agent.stderr.readline, "")
    # It prints after that, and looks for a signal then.
    assert any("first rules of access control" in line or "commit 1 by" in line for line in said)
    agent.send_signal(signal.SIGTERM)
    _, rest = agent.communicate(timeout=START_LIMIT_S)
    assert agent.returncode == 0, rest


WITH_A_TRANSLATOR_THAT_FAILS = """
from agent import program, tasks

stop_all = tasks.stop_all

async def fails(*, keep):
    raise LookupError("of ours")

async def failing(translators, phases, *, keep):
    for translator in translators:
        translator.stop = fails
    return await stop_all(translators, phases, keep=keep)

tasks.stop_all = failing
program.main()
"""


def test_an_agent_whose_translators_could_not_be_stopped_says_so_by_its_status(tmp_path: Path) -> None:
    agent = subprocess.Popen(
        [sys.executable, "-c", WITH_A_TRANSLATOR_THAT_FAILS, "--data-dir", str(tmp_path),
         "--listen", "127.0.0.1:0", "--charon", "none"],
        cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert agent.stderr is not None
    said = iter(agent.stderr.readline, "")
    assert any("commit 1 by" in line for line in said)
    agent.send_signal(signal.SIGTERM)
    _, rest = agent.communicate(timeout=START_LIMIT_S)
    assert agent.returncode == 1, rest
    assert "not stopped, see the log" in rest
