"""The history file: what it refuses, and what it remembers."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from agent.datastore.confirmed import Verify, Window
from agent.datastore.database import JOURNAL_OCTETS
from agent.datastore.progress import endless
from agent.datastore.records import CommitInfo, UnitChange
from agent.datastore.store import Store
from agent.datastore.store_errors import StoreError
from agent.datastore.tables import COLUMNS

TIME = "2026-11-27T10:00:00.000+00:00"
INFO = CommitInfo("tester", 7, "127.0.0.1", "why")


def open_files(folder: Path) -> list[str]:
    files = (os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd"))
    return [file for file in files if file.startswith(f"{folder}/")]


def test_a_history_that_is_refused_is_not_left_open(tmp_path: Path) -> None:
    newer, other = tmp_path / "newer.db", tmp_path / "other.db"
    Store(newer).close()
    database = sqlite3.connect(newer)
    database.execute("PRAGMA user_version = 99")
    database.close()
    other.write_text("no database" * 1000)
    for file in (newer, other):
        with pytest.raises(StoreError) as caught:
            Store(file)
        assert (caught.tb is not None, open_files(tmp_path)) == (True, [])


def test_a_file_that_is_no_database_is_refused_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    file.write_text("this is something else, and long enough to be looked at as a database header" * 10)
    with pytest.raises(StoreError, match=r"history\.db"):
        Store(file)


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    Store(file).close()
    database = sqlite3.connect(file)
    database.execute("PRAGMA user_version = 99")
    database.commit()
    database.close()
    with pytest.raises(StoreError, match="newer version"):
        Store(file)


def test_only_finished_commits_are_loaded(tmp_path: Path) -> None:
    store = Store(tmp_path / "history.db")
    ids = [store.begin(INFO, [UnitChange(f"/m:{n}", b"", b"<a/>")], "2026-11-23T00:00:00Z") for n in range(3)]
    store.finish(ids[0])
    store.undo(ids[1], "why")
    assert [change.path for change in store.load()[1]] == ["/m:0"]
    assert store.latest() == ids[0]
    assert store.interrupted() == [ids[2]]


def test_a_record_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    store = Store(tmp_path / "history.db")
    broken = UnitChange("/m:x", b"", None)  # type: ignore[arg-type]
    with pytest.raises((sqlite3.IntegrityError, TypeError)):
        store.begin(INFO, [UnitChange("/m:y", b"", b""), broken], "2026-11-23T00:00:00Z")
    store.close()
    again = Store(tmp_path / "history.db")
    assert again.interrupted() == []


@pytest.mark.parametrize(
    ("info", "said"),
    [
        (CommitInfo("ann", 3, "192.0.2.1"), "session 3 from 192.0.2.1"),
        (CommitInfo("ann", 3, ""), "session 3 through the socket"),
        (CommitInfo("yangswan", 0, "", "first rules of access control"), "first rules of access control"),
        (CommitInfo("yangswan", 0, ""), "by itself"),
    ],
)
def test_the_log_says_on_what_occasion_something_was_committed(info: CommitInfo, said: str) -> None:
    assert info.occasion == said


WINDOW = Window(
    rollback_to=0,
    timeout_s=600,
    deadline_s=0.0,
    session_id=7,
    user="tester",
    source="127.0.0.1",
    verify=Verify(60, ("/acme:interfaces/interface[name='eth0']",)),
)


def test_what_a_pending_confirmed_commit_waits_for_is_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "history.db")
    store.finish(None, WINDOW)
    assert store.window() == WINDOW
    store.close()


@pytest.mark.parametrize("written", ["no json", "7", "{}", '{"within-s": "x", "entries": []}'])
def test_what_it_waits_for_may_be_damaged(tmp_path: Path, written: str) -> None:
    store = Store(tmp_path / "history.db")
    store.finish(None, WINDOW)
    store._db.execute("UPDATE confirmed_commit SET verify = ?", (written,))
    with pytest.raises(sqlite3.DatabaseError, match="waits for is damaged"):
        store.window()
    store.close()


def test_a_commit_in_one_step_is_recorded_as_one_in_two_steps(tmp_path: Path) -> None:
    info, units = CommitInfo("anna", 7, "::1", "why"), [UnitChange("/m:1", b"", b"<a/>")]
    tables = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        store = Store(tmp_path / name / "history.db")
        for number in (1, 2):
            assert store.upcoming() == number
            if name == "one":
                assert store.record(info, units, TIME, window=WINDOW) == number
            else:
                store.finish(store.begin(info, units, TIME), WINDOW)
        assert store.upcoming() == 3
        store.verify(endless())
        tables.append([store.rows(f"SELECT * FROM {table}") for table in COLUMNS if table != "notes"])
        store.close()
    assert tables[0] == tables[1]


def test_of_a_long_journal_only_its_beginning_stays(tmp_path: Path) -> None:
    store = Store(tmp_path / "history.db")
    many = [UnitChange(f"/m:{number}", b"", b"x" * 5000) for number in range(1000)]
    store.record(INFO, many, TIME)
    with store.rewriting({}) as database:
        database.execute("UPDATE changes SET after = zeroblob(4000)")
    journal = tmp_path / "history.db-journal"
    assert journal.stat().st_size <= JOURNAL_OCTETS
    assert journal.read_bytes()[:8] == bytes(8), "it is no journal any more"
