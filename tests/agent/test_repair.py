"""yangswand --repair: the damaged history or the new one is there whatever ends it; the old one is kept."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from agent.data_folder import KEYS, Unused, refuse_traceless
from agent.datastore.store import Store
from agent.datastore.store_errors import StoreError
from agent.repair import repair

JUNK = b"no history" * 1000


class Killed(BaseException):
    """The program ends here."""


@pytest.fixture
def history(tmp_path: Path) -> Path:
    file = tmp_path / "history.db"
    file.write_bytes(JUNK)
    file.chmod(0o600)
    return file


def mend(history: Path) -> None:
    repair(history, {}, lambda _question: True)


def kept(history: Path) -> Path:
    return next(path for path in history.parent.glob("*.damaged-*") if path.suffix[1:].isdecimal())


@pytest.mark.parametrize("call", ["link", "replace", "fsync", "rename"])
@pytest.mark.parametrize("after", [False, True])
def test_a_history_is_there_wherever_the_program_ends(
    history: Path, monkeypatch: pytest.MonkeyPatch, call: str, *, after: bool
) -> None:
    journal = history.with_name("history.db-journal")
    real = getattr(os, call)

    def ends(*arguments: Any, **options: Any) -> None:
        if after:
            real(*arguments, **options)
        raise Killed

    def agree(_question: str) -> bool:
        journal.write_bytes(b"of the old one")  # SQLite would have removed it before
        monkeypatch.setattr(os, call, ends)
        return True

    with pytest.raises(Killed):
        repair(history, {}, agree)
    monkeypatch.undo()
    if (call, after) == ("replace", True):
        assert not journal.exists()
    else:
        assert history.read_bytes() == JUNK
        mend(history)
    assert kept(history).read_bytes() == JUNK
    Store(history).close()


def test_where_there_are_no_links_a_copy_is_kept(history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "not here")

    monkeypatch.setattr(os, "link", refuse)
    mend(history)
    old = kept(history)
    assert (old.read_bytes(), old.stat().st_mode & 0o777) == (JUNK, 0o600)
    Store(history).close()


def test_an_old_one_that_cannot_be_kept_stays(history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(os, "link", full)
    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(StoreError, match=r"is as it was: .* no room"):
        mend(history)
    assert [path.name for path in history.parent.iterdir()] == ["history.db"]
    assert history.read_bytes() == JUNK


@pytest.mark.parametrize("trace", [*KEYS, "history.db", "history.db.damaged-20261127T094000"])
def test_a_folder_with_a_trace_of_an_agent_may_be_repaired(tmp_path: Path, trace: str) -> None:
    with pytest.raises(Unused, match=f"{tmp_path} is no data folder that an agent has used"):
        refuse_traceless(tmp_path)
    (tmp_path / trace).touch()
    refuse_traceless(tmp_path)
