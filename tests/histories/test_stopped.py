"""An agent that is told to stop while it converts a history stops, and has changed nothing of it."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent_process import START_LIMIT_S, STOP_LIMIT_S
from tests.histories import restore

ROOT = Path(__file__).parents[2]
COPIES = 20_000
"""Rows, so many that a signal is there before their end on any machine."""


def lengthened(file: Path) -> None:
    """Repeat a unit of the history as that of commits before it."""
    database = sqlite3.connect(file)
    with database:
        database.execute(
            f"WITH RECURSIVE n(i) AS (SELECT -{COPIES} UNION ALL SELECT i + 1 FROM n WHERE i < -1) "
            "INSERT INTO changes SELECT i, position, path, before, after FROM n, "
            "(SELECT * FROM changes WHERE path LIKE '%certificate[%' LIMIT 1)"
        )
    database.close()


def content(file: Path) -> list[object]:
    database = sqlite3.connect(file)
    try:
        return [
            database.execute("PRAGMA user_version").fetchall(),
            database.execute("SELECT * FROM changes").fetchall(),
            database.execute("SELECT * FROM snapshots").fetchall(),
            database.execute("SELECT * FROM notes").fetchall(),
        ]
    finally:
        database.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_well_and_the_history_is_as_it_was(tmp_path: Path, number: signal.Signals) -> None:
    file = restore("2026-11-23", tmp_path)
    lengthened(file)
    before = content(file)
    command = ["-m", "agent", "--data-dir", str(tmp_path), "--listen", "127.0.0.1:0", "--charon", "none"]
    agent = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert agent.stderr is not None
    said: list[str] = []
    while not any("is brought to the form of this version" in line for line in said):
        said.append(agent.stderr.readline())
        assert said[-1], f"it ended before:\n{''.join(said)}"
    agent.send_signal(number)
    printed, rest = agent.communicate(timeout=max(START_LIMIT_S, STOP_LIMIT_S))
    assert (agent.returncode, printed) == (0, "")
    assert "stopped before the history was read; it is whole" in rest
    assert "Traceback" not in rest
    # Not compared in the assertion: the difference of two such lists takes minutes to be written.
    same = content(file) == before
    assert same
