"""From the options to a session."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from console.command_line import make_parser
from console.shell import opening
from tests.agent_process import AgentProcess


def test_a_passphrase_is_asked_for_once(
    agent: AgentProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second session may begin in the background, where nobody can type it."""
    key = shutil.copy(agent.key, tmp_path / "key")
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", key], check=True)
    asked: list[str] = []
    monkeypatch.setattr("getpass.getpass", lambda question: asked.append(question) or "open sesame")
    options = make_parser()[0].parse_args(
        [
            "--host", f"{agent.host}:{agent.port}", "--user", agent.user, "--key", str(key),
            "--known-hosts", str(agent.data_dir / "known_hosts"),
        ]
    )  # fmt: skip
    client = opening._connected(options, on_terminal=True)
    client.another().close()
    client.reconnect()
    client.close()
    assert len(asked) == 1
