"""What stands in the place of the history and is none of ours, or not ours alone, is refused."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agent.datastore.store import Store
from agent.transport.files import write_key_pair

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with the key of an earlier start."""
    made = tmp_path / "data"
    made.mkdir(0o700)
    write_key_pair(made / "host_key", "host")
    return made


def yangswand(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent", "--data-dir", str(folder), "--charon", "none", *options]
    return subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )


def refused(folder: Path, *options: str, status: int = os.EX_CONFIG) -> str:
    """Return what a start, or what the options ask for, says for its end: one sentence."""
    done = yangswand(folder, *(options or ("--listen", "127.0.0.1:0")))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1)
    return done.stderr


@pytest.mark.parametrize("keys", [True, False])
def test_the_database_of_another_program_is_no_first_start(folder: Path, keys: bool) -> None:
    history = folder / "history.db"
    with closing(sqlite3.connect(history)) as db:
        db.execute("CREATE TABLE t (a)")
    history.chmod(0o600)
    octets = history.read_bytes()
    if not keys:
        (folder / "host_key").unlink()
    assert f"{history} cannot be used as commit history: it is no history of this program" in refused(folder)
    assert history.read_bytes() == octets
    done = yangswand(folder, "--repair", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"everything: {history} is no history of this program" in done.stdout
    assert "nobody may do anything then but recovery users" in done.stdout
    (kept,) = folder.glob("history.db.damaged-*")
    assert kept.read_bytes() == octets
    assert "is whole" in yangswand(folder, "--repair", "--yes").stdout


@pytest.mark.parametrize("options", [(), ("--repair", "--yes")])
def test_a_history_that_others_may_write_is_refused_and_keeps_its_mode(
    folder: Path, options: tuple[str, ...]
) -> None:
    history = folder / "history.db"
    Store(history).close()
    history.chmod(0o666)
    said = refused(folder, *options)
    assert said.startswith(f"yangswand: {history} may be read by others (mode 0666). ")
    assert said.endswith(f"chmod 600 {history}\n")
    assert history.stat().st_mode & 0o7777 == 0o666


def test_an_empty_history_that_others_may_write_is_no_place_for_a_new_one(folder: Path) -> None:
    history = folder / "history.db"
    (folder / "host_key").unlink()
    history.touch()
    history.chmod(0o644)
    assert f"{history} may be read by others (mode 0644)" in refused(folder)
    assert (history.stat().st_size, history.stat().st_mode & 0o7777) == (0, 0o644)


@pytest.mark.parametrize("options", [(), ("--repair", "--yes"), ("--protect",)])
def test_a_link_in_its_place_is_refused_and_what_it_leads_to_is_not_touched(
    folder: Path, options: tuple[str, ...]
) -> None:
    elsewhere = folder.parent / "elsewhere"
    Store(elsewhere).close()
    elsewhere.chmod(0o644)
    before, octets = elsewhere.lstat().st_mode, elsewhere.read_bytes()
    (folder / "history.db").symlink_to(elsewhere)
    said = refused(folder, *options, status=1 if options else os.EX_CONFIG)
    assert said.startswith(f"yangswand: {folder}/history.db: it is a link")
    assert (elsewhere.lstat().st_mode, elsewhere.read_bytes()) == (before, octets)


@pytest.mark.parametrize("options", [(), ("--repair", "--yes")])
def test_a_pipe_in_its_place_is_called_none_of_a_history(folder: Path, options: tuple[str, ...]) -> None:
    os.mkfifo(folder / "history.db", 0o600)
    said = refused(folder, *options, status=1 if options else os.EX_CONFIG)
    assert said.startswith(f"yangswand: {folder}/history.db: it is no regular file")
