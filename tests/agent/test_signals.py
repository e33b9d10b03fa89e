"""The signals that a person or a system sends to the agent, a process of its own here."""

from __future__ import annotations

import signal
from pathlib import Path

from agent.ending import ON_HANGUP
from tests.agent_process import start_agent


def test_a_hangup_does_not_end_the_agent_and_is_answered_in_the_log(tmp_path: Path) -> None:
    agent = start_agent(tmp_path)
    agent.process.send_signal(signal.SIGHUP)
    assert agent.stop() == 0  # -1 had the first signal ended it
    assert any(ON_HANGUP in line for line in agent.log)
