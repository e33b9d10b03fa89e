"""What a history is made in and read from: a file of its own, with our tables, whose mode stays as it is."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from agent.datastore import database as database_module
from agent.datastore import store as store_module
from agent.datastore.database import Foreign, OtherThread, Transaction, copy_in_memory, on_disk
from agent.datastore.salvage import salvaged
from agent.datastore.store import Store
from agent.datastore.store_errors import StoreError
from agent.regular_file import ENDINGS
from agent.yang.gate import PAUSE_S, TURN_S, Pauses

OPENERS: list[Callable[[Path], object]] = [on_disk, copy_in_memory, Store, salvaged]
FOREIGN = [
    "CREATE TABLE t (a)",
    "CREATE TABLE t (a); PRAGMA user_version = 3",
    "CREATE TABLE t (a); PRAGMA user_version = 4",
    "CREATE TABLE t (a); PRAGMA user_version = 7",
    "CREATE TABLE t (a); DROP TABLE t",
    "PRAGMA user_version = 4",
    "CREATE TABLE t (a); PRAGMA journal_mode = WAL",
    "CREATE TABLE commits (id)",
    "CREATE TABLE commits (id); CREATE TABLE changes (commit_id); CREATE TABLE notes (name, content)",
    "CREATE VIEW commits AS SELECT 1 AS id; CREATE TABLE changes (commit_id, position, path, before, after)",
    "CREATE TABLE seal (one)",
]


def database(file: Path, statements: str) -> bytes:
    """Make a database of another program; returns its octets."""
    with closing(sqlite3.connect(file)) as db:
        db.executescript(statements)
    return file.read_bytes()


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("statements", FOREIGN)
def test_the_database_of_another_program_is_refused_and_left_as_it_is(
    tmp_path: Path, statements: str, new: bool
) -> None:
    file = tmp_path / "history.db"
    octets = database(file, statements)
    with pytest.raises(
        StoreError, match=r"history\.db cannot be used .* no history of this program.*--repair"
    ):
        Store(file, new=new)
    assert file.read_bytes() == octets


@pytest.mark.parametrize("statements", FOREIGN)
def test_so_it_is_where_nothing_can_be_written(
    tmp_path: Path, statements: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "history.db"
    database(file, statements)
    monkeypatch.setattr(store_module, "unwritable", lambda _folder: OSError(28, "No space left on device"))
    with pytest.raises(StoreError, match="no history of this program"):
        Store(file)


@pytest.mark.parametrize("statements", FOREIGN)
def test_nothing_of_it_is_whole(tmp_path: Path, statements: str) -> None:
    file = tmp_path / "history.db"
    database(file, statements)
    found = salvaged(file)
    assert (any(found.rows.values()), bool(found.lost), found.rules_lost) == (False, True, True)


@pytest.mark.parametrize("octets", [b"\n", b"\0", bytes(100), bytes(4096), b"abc"])
def test_a_file_that_is_not_quite_empty_is_no_history(tmp_path: Path, octets: bytes) -> None:
    file = tmp_path / "history.db"
    file.write_bytes(octets)
    with pytest.raises(StoreError):
        Store(file)
    assert file.read_bytes() == octets


def test_an_empty_file_is_a_history_only_where_one_may_be_made(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    file.touch(0o600)
    for opener in (on_disk, copy_in_memory):
        with pytest.raises(Foreign, match="it is empty"):
            opener(file, new=False)
    with pytest.raises(StoreError, match="it is empty"):
        Store(file, new=False)
    Store(file).close()
    Store(file, new=False).close()


def test_a_history_that_is_missing_is_made_only_where_it_may_be(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with pytest.raises(FileNotFoundError):
        Store(file, new=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("umask", [0, 0o022, 0o377])
def test_a_new_history_is_for_its_owner_alone(tmp_path: Path, umask: int) -> None:
    file = tmp_path / "history.db"
    before = os.umask(umask)
    try:
        on_disk(file).close()
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o7777 == 0o600


def test_the_mode_of_a_history_that_is_there_stays(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    Store(file).close()
    file.chmod(0o640)
    Store(file).close()
    assert file.stat().st_mode & 0o7777 == 0o640


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_not_followed(
    tmp_path: Path, opener: Callable[[Path], object], ending: str, there: bool
) -> None:
    elsewhere, file = tmp_path / "elsewhere", tmp_path / "history.db"
    if there:
        database(elsewhere, "CREATE TABLE t (a)")
        elsewhere.chmod(0o644)
    Store(file).close()
    link = tmp_path / f"history.db{ending}"
    link.unlink(missing_ok=True)
    link.symlink_to(elsewhere)
    before = elsewhere.stat().st_mode if there else None
    with pytest.raises(OSError, match="it is a link") as refused:
        opener(file)
    assert refused.value.filename == str(link)
    assert (elsewhere.stat().st_mode if there else None, elsewhere.exists()) == (before, there)


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_regular_file_is_not_waited_for(
    tmp_path: Path, opener: Callable[[Path], object], ending: str, make: Callable[[Path], None]
) -> None:
    file = tmp_path / "history.db"
    Store(file).close()
    other = tmp_path / f"history.db{ending}"
    other.unlink(missing_ok=True)
    make(other)
    with pytest.raises(OSError, match="it is no regular file") as refused:
        opener(file)
    assert refused.value.filename == str(other)


def test_after_a_start_the_history_is_used_by_one_thread_alone(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool, closing(Store(tmp_path / "history.db")) as store:
        assert store.latest() == 0
        pool.submit(store.seal).result()
        assert pool.submit(store.latest).result() == 0
        for use in (store.latest, store.window, store.history.units_count, store.changes_count):
            with pytest.raises(OtherThread):
                use()
        with pytest.raises(OtherThread):
            store.keep_note("capabilities", "")


def test_a_history_that_is_written_again_is_used_by_one_thread_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(tmp_path / "history.db").close()
    with monkeypatch.context() as full:
        full.setattr(store_module, "unwritable", lambda _folder: OSError(28, "No space left on device"))
        store = Store(tmp_path / "history.db")
    with ThreadPoolExecutor(1) as pool, closing(store):
        pool.submit(store.seal).result()
        with pytest.raises(OtherThread):
            store.latest()
        pool.submit(store.keep_note, "capabilities", "").result()
        assert store.read_only is None
        with pytest.raises(OtherThread):
            store.latest()


@pytest.mark.parametrize(("disk_s", "pauses"), [(TURN_S, 0), (PAUSE_S / 2, 1)])
def test_who_waited_for_the_disk_need_not_pause_for_others_after_it(
    disk_s: float, pauses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless that was too short for others to have had their turn."""
    now_s, paused_s = [0.0], list[float]()

    def commit(statement: str) -> None:
        if statement == "COMMIT":
            now_s[0] += disk_s

    made = Pauses(lambda: now_s[0], paused_s.append)
    monkeypatch.setattr(database_module, "PAUSES", made)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.set_trace_callback(commit)
        made.begin()
        with Transaction(db):
            now_s[0] += TURN_S
        made.take()
    assert paused_s == [PAUSE_S] * pauses
