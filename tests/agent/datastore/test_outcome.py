"""What is answered to a commit whose record the disk did not take is what the next start finds.

The disk is a real one, whose fsync fails from a chosen call on, and whose process is killed right after the
answer. Then the disk is in order again.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.datastore import outcome
from agent.datastore.outcome import found_by_a_start
from agent.datastore.store import Store
from agent.errors import RpcErrors
from agent.yang.schema import Schema
from tests.agent.datastore import commit_on_a_failing_disk
from tests.agent.datastore.lab import ONE, commit, started
from tests.agent.lab import entry
from tests.agent.recording_translator import RecordingTranslator

ROOT = Path(__file__).parents[3]
SYNCS = 9
"""More than a commit has in its two records."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("library") / "failing_disk.so"
    source = Path(__file__).with_name("failing_disk.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(made), str(source), "-ldl"], check=True)
    return made


def answered(folder: Path, library: Path, first: int, how: str, kind: str) -> dict[str, Any]:
    environment = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "FAIL_HISTORY": str(folder / "history.db"),
        "FAIL_ARMED": str(folder / "armed"),
        "FAIL_FROM": str(first),
        **({"FAIL_WRITES": "1"} if how == "and writes nothing" else {}),
    }
    command = [sys.executable, "-m", commit_on_a_failing_disk.__name__, str(folder), kind]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("kind", ["plain", "confirmed"])
@pytest.mark.parametrize("how", ["does not sync", "and writes nothing"])
@pytest.mark.parametrize("first", range(1, SYNCS + 1))
async def test_the_answer_is_what_the_next_start_finds(
    schema: Schema, tmp_path: Path, library: Path, first: int, how: str, kind: str
) -> None:
    told = answered(tmp_path, library, first, how, kind)
    in_force = told["said"] == "ok" or told["app_tag"] == "not-durable"
    if not in_force:
        assert told["said"].startswith("the commit was undone")
    number = 3 if in_force else 2
    assert f"<number>{number}</number>" in told["running"]
    assert told["backend"] == number
    assert told["window"] == (in_force and kind == "confirmed")
    configuration = await started(schema, tmp_path, backend := RecordingTranslator())
    # What was not confirmed is gone back from.
    assert backend.holds[("1",)]["number"] == (2 if kind == "confirmed" else number)
    comments = [row[0] for row in configuration.store._db.execute("SELECT comment FROM commits")]
    assert ("rollback of commit 2 at start" in comments) == told["window"]
    configuration.store.close()


def test_all_answers_are_seen(tmp_path: Path, library: Path) -> None:
    seen = set()
    for first in range(1, SYNCS + 1):
        folder = tmp_path / str(first)
        folder.mkdir()
        seen.add(answered(folder, library, first, "and writes nothing", "plain")["app_tag"])
    assert seen == {None, "internal-error", "not-durable"}


async def test_what_nobody_can_read_is_said_to_be_unknown(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    backend = RecordingTranslator()
    configuration = await started(schema, tmp_path, backend)
    await commit(configuration, ONE)
    monkeypatch.setattr(Store, "finish", broken)
    monkeypatch.setattr(Store, "undo", broken)
    monkeypatch.setattr(outcome, "copy_in_memory", broken)
    with pytest.raises(RpcErrors, match=r"disk I/O error.* whether the next start .* not known") as told:
        await commit(configuration, entry("<number>3</number>"))
    assert told.value.errors[0].app_tag == "not-known"
    assert b"<number>2</number>" in configuration.running.to_xml()
    assert backend.holds[("1",)]["number"] == 2


def test_a_history_that_is_gone_tells_nothing(tmp_path: Path) -> None:
    assert found_by_a_start(tmp_path / "history.db", 1, None) is None
