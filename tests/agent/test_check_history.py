"""yangswand --check on a history that is damaged, in use, or of another version."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from tests.agent.checked import ROOT, check, start
from tests.agent_process import running_agent
from tests.histories import restore

VERSIONS = sorted(path.parent.name for path in (ROOT / "tests" / "histories").glob("*/history.sql"))


@pytest.mark.parametrize("task", ["--run", "--protect"])
def test_a_history_that_is_damaged_is_found_by_a_check_and_by_a_start(tmp_path: Path, task: str) -> None:
    (tmp_path / "history.db").write_bytes(b"no history" * 1000)
    (tmp_path / "history.db").chmod(0o600)
    options = ("--data-dir", str(tmp_path), "--charon", "none", "--listen", "127.0.0.1:0")
    checked = check(*options)
    status, _, (*_, said) = start(*options, *([] if task == "--run" else [task]))
    assert status == os.EX_CONFIG
    assert said.startswith(f"yangswand: {tmp_path}/history.db cannot be used")
    assert "yangswand --repair" in said
    assert checked == (status, "", [said])


def a_history(folder: Path) -> tuple[str, ...]:
    """Have an agent leave a history in ``folder``; returns the options of a check."""
    with running_agent(folder):
        pass
    return ("--data-dir", str(folder), "--charon", "none", "--listen", "127.0.0.1:0")


def damage(folder: Path) -> None:
    """Change what a commit has recorded, as a disk does: its checksum stays."""
    with sqlite3.connect(folder / "history.db") as database:
        triggers = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE changes SET after = after || ' '")
    database.close()


def content_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return all files of a data folder with their content and mode."""
    return {
        file.name: (file.read_bytes(), file.stat().st_mode) for file in folder.iterdir() if file.is_file()
    }


def test_a_row_of_the_history_that_is_damaged_is_a_fault_and_the_folder_stays_as_it_is(
    tmp_path: Path,
) -> None:
    options = a_history(tmp_path / "data")
    assert check(*options) == (0, "", [])
    damage(tmp_path / "data")
    before = content_of(tmp_path / "data")
    status, output, (said,) = check(*options)
    assert (status, output) == (os.EX_CONFIG, "")
    assert said.startswith(f"yangswand: {tmp_path}/data/history.db is damaged: ")
    assert "yangswand --repair" in said
    assert content_of(tmp_path / "data") == before
    assert start(*options) == (status, "", [said])


def test_damage_is_found_though_an_agent_uses_the_history(tmp_path: Path) -> None:
    options = a_history(tmp_path)
    with running_agent(tmp_path):
        assert check(*options) == (0, "", [])
        damage(tmp_path)
        status, _, (said,) = check(*options)
    assert (status, "is damaged" in said) == (os.EX_CONFIG, True)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (99, "was written by a newer version"),
        (99 << 24, "is damaged: it says that its form is 1660944384"),
        (-1, "is damaged"),
    ],
)
def test_a_history_of_a_form_that_is_not_known_cannot_be_used(
    tmp_path: Path, version: int, words: str
) -> None:
    options = a_history(tmp_path)
    with sqlite3.connect(tmp_path / "history.db") as database:
        database.execute(f"PRAGMA user_version = {version}")
    database.close()
    status, _, (said,) = check(*options)
    assert (status, said.startswith(f"yangswand: {tmp_path}/history.db {words}")) == (os.EX_CONFIG, True)
    assert "put a copy of the data folder" in said.lower()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_history_of_an_older_version_is_in_order_and_is_not_converted(tmp_path: Path, version: str) -> None:
    folder = restore(version, tmp_path / "data").parent
    before = content_of(folder)
    options = ("--data-dir", str(folder), "--charon", "none", "--listen", "127.0.0.1:0")
    assert check(*options) == (0, "", [])
    assert content_of(folder) == before
