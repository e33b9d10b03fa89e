"""docs/upkeep.md: its backup brings back what was damaged, and its copy is for root alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.agent_process import running_agent, start_agent
from tests.scripts.agents import ROOT
from tests.scripts.test_readme import BY_HAND, blocks

PAGE = (ROOT / "docs" / "upkeep.md").read_text(encoding="utf-8")
BLOCKS = {block.proof: block.text for block in blocks(PAGE)}


def run(text: str, folder: Path) -> None:
    """Run a block of the page below ``folder``, with a systemctl that has nothing to do."""
    commands = folder / "commands"
    commands.mkdir(exist_ok=True)
    (commands / "systemctl").write_text("#!/bin/sh\n")
    (commands / "systemctl").chmod(0o755)
    for place in ("/var/lib", "/root"):
        assert place in text
        text = text.replace(place, str(folder / place.strip("/")))
    subprocess.run(
        ["bash", "-eu", "-c", text], check=True, cwd=folder, env={"PATH": f"{commands}:{os.environ['PATH']}"}
    )


def test_a_backup_brings_back_what_was_damaged(tmp_path: Path) -> None:
    data = tmp_path / "var/lib/yangswan"
    data.parent.mkdir(parents=True)
    (tmp_path / "root").mkdir()
    with running_agent(data):
        pass
    kept = {
        path.name: path.read_bytes() for path in data.iterdir() if path.name in ("history.db", "host_key")
    }
    assert set(kept) == {"history.db", "host_key"}
    run(BLOCKS["backup"], tmp_path)
    (copy,) = (tmp_path / "root").iterdir()
    assert copy.stat().st_mode & 0o077 == 0
    (data / "history.db").write_bytes(b"")
    with pytest.raises(AssertionError, match=r"history\.db is empty, and"):
        start_agent(data)
    run(BLOCKS["restore"], tmp_path)
    assert {name: (data / name).read_bytes() for name in kept} == kept
    assert (data / "host_key").stat().st_mode & 0o777 == 0o600
    with running_agent(data):
        pass
    assert (tmp_path / "var/lib/yangswan.aside/history.db").read_bytes() == b""


def test_the_other_commands_are_of_a_system_service() -> None:
    assert set(BLOCKS) == {"backup", "restore", *BY_HAND} - {"clients, by hand, from the package index"}


def test_every_file_of_a_data_folder_is_named(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data"):
        pass
    made = {path.name.removesuffix(".pub") for path in (tmp_path / "data").iterdir()}
    made -= {"lock"}  # of an agent that runs
    assert [name for name in made if f"`{name}" not in PAGE] == []
