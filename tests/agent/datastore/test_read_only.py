"""A history that cannot be written: read all the same, put right in memory, written again when it can."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agent.datastore import database
from agent.datastore import store as store_module
from agent.datastore.confirmed import Window
from agent.datastore.records import CommitInfo, UnitChange
from agent.datastore.store import Store
from agent.datastore.store_errors import NotRecorded, StoreError

INFO = CommitInfo("tester", 7, "127.0.0.1")
TIME = "2026-11-27T00:00:00Z"
WINDOW = Window(
    rollback_to=0, timeout_s=60, deadline_s=0.0, session_id=7, user="tester", source="", persist=None
)


class Room:
    """Whether a made-up file system takes anything."""

    def __init__(self) -> None:
        self.problem: OSError | None = None

    def fill(self) -> None:
        self.problem = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def make(self) -> None:
        self.problem = None


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    made = Room()
    monkeypatch.setattr(store_module, "unwritable", lambda _folder: made.problem)
    return made


def unit(number: int) -> UnitChange:
    return UnitChange(f"/m:{number}", b"", b"<a/>")


def commit(store: Store, number: int) -> int:
    commit_id = store.begin(INFO, [unit(number)], TIME)
    store.finish(commit_id)
    return commit_id


def paths(store: Store) -> list[str]:
    return [change.path for change in store.load()[1]]


def in_wal_mode(path: Path, **_: bool) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def history_with(file: Path, *numbers: int) -> None:
    """Leave a history as a killed agent of an older version did, its commits in a write-ahead log alone."""
    Store(file).close()
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode=WAL")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store_module, "on_disk", in_wal_mode)
        store = Store(file)
    for number in numbers:
        commit(store, number)
    # Both files as they are now, since closing would bring them together.
    kept = {path: path.read_bytes() for path in (file, file.with_name(file.name + "-wal"))}
    store.close()
    for path, content in kept.items():
        path.write_bytes(content)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_was_committed_is_read_and_no_file_is_touched(
    room: Room, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "history.db"
    history_with(file, 1, 2)
    before = contents(tmp_path)
    assert len(before["history.db-wal"]) > 0
    room.fill()
    store = Store(file)
    assert (store.read_only, paths(store)) == ("No space left on device", ["/m:1", "/m:2"])
    store.close()
    assert contents(tmp_path) == before
    assert f"{file} cannot be written (No space left on device)" in caplog.text


def test_nothing_is_recorded_in_memory_alone_once_the_start_is_over(room: Room, tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    history_with(file, 1)
    room.fill()
    store = Store(file)
    store.seal()
    changes: list[Callable[[], object]] = [
        lambda: commit(store, 2),
        lambda: store.finish(None, WINDOW),
        lambda: store.keep_note("a", "b"),
    ]
    for change in changes:
        with pytest.raises(NotRecorded, match=r"history\.db: No space left on device; free some space"):
            change()
    assert paths(store) == ["/m:1"]
    assert store.window() is None


def test_what_a_start_puts_right_is_written_with_the_first_commit_after_there_is_room(
    room: Room, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "history.db"
    history_with(file, 1)
    interrupted = Store(file)
    left = interrupted.begin(INFO, [unit(9)], TIME)
    interrupted.close()
    room.fill()
    store = Store(file)
    assert store.interrupted() == [left]
    commit(store, 2)  # as the rollback of a confirmed commit does
    store.seal()
    room.make()
    commit(store, 3)
    assert store.read_only is None
    assert f"{file} can be written again (No space left on device before)" in caplog.text
    commit(store, 4)
    store.close()
    again = Store(file)
    assert (again.read_only, again.interrupted()) == (None, [])
    assert paths(again) == ["/m:1", "/m:2", "/m:3", "/m:4"]
    assert again._db.execute("PRAGMA journal_mode").fetchone() == ("persist",)


def test_a_disk_that_fills_up_while_it_is_written_again_leaves_all_as_it_was(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "history.db"
    history_with(file, 1)
    room.fill()
    store = Store(file)
    store.finish(store.begin(INFO, [UnitChange("/m:2", b"", b"x" * 100_000)], TIME))
    store.seal()
    room.make()
    on_disk = store_module.on_disk

    def small_disk(path: Path, **_: bool) -> sqlite3.Connection:
        small = on_disk(path)
        (pages,) = small.execute("PRAGMA page_count").fetchone()
        small.execute(f"PRAGMA max_page_count = {pages}")
        return small

    with monkeypatch.context() as patched:
        patched.setattr(store_module, "on_disk", small_disk)
        with pytest.raises(NotRecorded, match="full"):
            commit(store, 3)
    assert (store.read_only, paths(store)) == ("No space left on device", ["/m:1", "/m:2"])
    commit(store, 3)
    store.close()
    assert paths(Store(file)) == ["/m:1", "/m:2", "/m:3"]


def test_a_start_that_finds_no_room_half_way_goes_on_in_memory(room: Room, tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    history_with(file, 1)
    store = Store(file)
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError) as full:
        store.begin(INFO, [UnitChange("/m:2", b"", b"x" * 100_000)], TIME)
    wrapped = StoreError("it could not be brought to the form of this version")
    wrapped.__cause__ = full.value
    assert store.detach(wrapped)
    assert (store.read_only, paths(store)) == ("database or disk is full", ["/m:1"])
    assert not store.detach(full.value), "there is nothing else to go on with"
    commit(store, 2)
    assert paths(store) == ["/m:1", "/m:2"]


@pytest.mark.parametrize(
    "problem", [StoreError("newer"), sqlite3.OperationalError("no such table"), OSError()]
)
def test_what_is_not_about_writing_is_no_reason_to_go_on(tmp_path: Path, problem: Exception) -> None:
    store = Store(tmp_path / "history.db")
    assert not store.detach(problem)
    assert store.read_only is None


def test_without_a_history_there_is_nothing_to_go_on_with(room: Room, tmp_path: Path) -> None:
    room.fill()
    with pytest.raises(StoreError, match=r"history\.db cannot be made: No space left on device"):
        Store(tmp_path / "history.db")


def test_a_file_that_is_no_history_is_refused_on_a_full_disk_too(room: Room, tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    file.write_bytes(b"something else " * 1000)
    room.fill()
    with pytest.raises(StoreError, match="cannot be used as commit history"):
        Store(file)


def test_the_copy_leaves_nothing_in_memory(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "memory"
    place.mkdir()
    monkeypatch.setattr(database, "IN_MEMORY", (str(place),))
    history_with(tmp_path / "history.db", 1)
    room.fill()
    Store(tmp_path / "history.db")
    assert list(place.iterdir()) == []
