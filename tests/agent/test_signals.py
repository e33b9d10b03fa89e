"""The signals that a person or a system sends to the agent, a process of its own here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from agent.ending import ON_HANGUP
from tests.agent_process import START_LIMIT_S, start_agent


def test_a_hangup_does_not_end_the_agent_and_is_answered_in_the_log(tmp_path: Path) -> None:
    agent = start_agent(tmp_path)
    agent.process.send_signal(signal.SIGHUP)
    assert agent.stop() == 0  # -1 had the first signal ended it
    assert any(ON_HANGUP in line for line in agent.log)


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
