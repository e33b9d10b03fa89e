"""What is known of the newest and the oldest commit is what the file says, whatever is written to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.datastore import ends
from agent.datastore.database import Transaction
from agent.datastore.pruning import Keep, Oldest
from agent.datastore.records import UnitChange
from agent.datastore.store import Store
from tests.agent.datastore.lab import INFO

TIME = "2026-11-27T10:00:00.000+00:00"
LATER = "2026-12-27T10:00:00.000+00:00"
CHANGES = [UnitChange("/m:1", b"", b"<a/>")]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "history.db", keep=Keep(10_000, days=20))) as made:
        yield made


def statements(store: Store) -> list[str]:
    """Return a list that gets each statement from now on."""
    found: list[str] = []
    store._db.set_trace_callback(found.append)
    return found


def test_a_commit_asks_for_neither_once_both_are_known(store: Store) -> None:
    for _ in range(2):  # of the first it is not known yet when it was made
        store.record(INFO, CHANGES, TIME)
        assert store.is_tidy(TIME)
    asked = statements(store)
    assert store.upcoming() == 3
    store.record(INFO, CHANGES, TIME)
    store.finish(store.begin(INFO, CHANGES, TIME))
    assert store.is_tidy(TIME)
    assert store.upcoming() == 5
    assert not [one for one in asked if "sqlite_sequence" in one and one.startswith("SELECT")]
    assert not [one for one in asked if "freelist_count" in one]


def test_the_first_commit_is_the_oldest(store: Store) -> None:
    assert store.is_tidy(LATER), "nothing was ever committed"
    store.record(INFO, CHANGES, TIME)
    assert not store.is_tidy(LATER), "it is too old"


def test_what_is_written_otherwise_is_seen(store: Store) -> None:
    store.record(INFO, CHANGES, TIME)
    store.record(INFO, CHANGES, LATER)
    assert not store.is_tidy(LATER)
    with Transaction(store._db):
        store._db.execute("DELETE FROM commits WHERE id = 1")
    assert store.is_tidy(LATER)
    with Transaction(store._db):
        store._db.execute("UPDATE sqlite_sequence SET seq = 41 WHERE name = 'commits'")
    assert store.upcoming() == 42


def test_another_database_is_asked_anew(store: Store, tmp_path: Path) -> None:
    store.record(INFO, CHANGES, TIME)
    known = ends.Ends()
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE commits (id INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT)")
        assert known.newest(store._db) == 1
        assert known.newest(other) == 0
        assert known.newest(store._db) == 1


@pytest.mark.parametrize("statement", ["COMMIT", "UPDATE seal"])
def test_after_a_record_that_failed_the_file_is_asked(
    store: Store, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    store.record(INFO, CHANGES, TIME)
    before, execute = store.upcoming(), type(store._db).execute

    def failing(db: sqlite3.Connection, sql: str, parameters: object = (), /) -> sqlite3.Cursor:
        if sql.startswith(statement):
            raise sqlite3.OperationalError("disk I/O error")
        return execute(db, sql, parameters)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(type(store._db), "execute", failing)
        with pytest.raises(sqlite3.OperationalError):
            store.record(INFO, CHANGES, TIME)
    asked = statements(store)
    assert store.upcoming() == before
    assert any("sqlite_sequence" in one for one in asked)
    assert store.record(INFO, CHANGES, TIME) == before


def test_how_far_the_oldest_may_be_behind() -> None:
    assert not Oldest(0, None).is_due(Keep(1, days=1), 1000, LATER)
    keep = Keep(1)
    assert not Oldest(5, TIME).is_due(keep, 4 + keep.far_beyond, LATER)
    assert Oldest(5, TIME).is_due(keep, 5 + keep.far_beyond, TIME)
    assert Oldest(5, TIME).is_due(Keep(days=28), 5, LATER)
    assert not Oldest(5, TIME).is_due(Keep(days=29), 5, LATER)
    assert not Oldest(5, "no time").is_due(Keep(days=1), 5, LATER)
