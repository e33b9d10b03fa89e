"""docs/upkeep.md: its backup brings back what was damaged, and its copy is for root alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent_process import running_agent, start_agent
from tests.histories import restore
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
    for place in ("/etc/yangswan", "/opt"):
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


def test_a_new_machine_has_the_configuration_and_the_keys_of_an_export(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for machine in (old, new):
        for folder in ("etc/yangswan", "root", "opt/yangswan/.venv/bin", "var/lib"):
            (machine / folder).mkdir(parents=True)
        settings = f'data-dir = "{machine}/var/lib/yangswan"\ncharon = "none"\n'
        (machine / "etc/yangswan/settings.toml").write_text(settings)
        (machine / "opt/yangswan/.venv/bin/yangswan").symlink_to(Path(sys.executable).with_name("yangswan"))
    file = restore("2026-11-23", old / "var/lib/yangswan")
    run(BLOCKS["export"], old)
    copies = sorted(path.name for path in (old / "root").iterdir())
    assert copies == ["yangswan-keys.tar.gz", "yangswan.xml"]
    assert all((old / "root" / name).stat().st_mode & 0o077 == 0 for name in copies)
    for name in copies:
        shutil.copy2(old / "root" / name, new / "root")
    run(BLOCKS["import"], new)
    keys = "var/lib/yangswan/strongswan/private-keys"
    assert {key.name: key.read_bytes() for key in (new / keys).iterdir()} == {
        key.name: key.read_bytes() for key in (file.parent / "strongswan/private-keys").iterdir()
    }
    run(BLOCKS["export"].replace("yangswan.xml", "again.xml"), new)
    of_both = [(new / "root" / name).read_text().splitlines() for name in ("yangswan.xml", "again.xml")]
    assert [line for line in of_both[0] if "<timestamp>" not in line] == [
        line for line in of_both[1] if "<timestamp>" not in line
    ]


def test_the_other_commands_are_of_a_system_service() -> None:
    assert set(BLOCKS) == {"backup", "restore", "export", "import", *BY_HAND} - {
        "clients, by hand, from the package index"
    }


def test_every_file_of_a_data_folder_is_named(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data"):
        pass
    made = {path.name.removesuffix(".pub") for path in (tmp_path / "data").iterdir()}
    made -= {"lock"}  # of an agent that runs
    assert [name for name in made if f"`{name}" not in PAGE] == []
