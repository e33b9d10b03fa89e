"""Rows that are written many at a step are those that SQLite writes one by one, with the same checksums."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.datastore import many_rows
from agent.datastore.database import Transaction
from agent.datastore.many_rows import AT_ONCE, add_changes, note_changed, seal
from agent.datastore.progress import endless
from agent.datastore.records import Cause, CommitInfo, UnitChange
from agent.datastore.store import Store
from agent.datastore.tables import COLUMNS
from tests.agent.datastore.lab import INFO

TIME = "2026-11-27T10:00:00.000+00:00"
ADD = "INSERT INTO changes (commit_id, position, path, before, after) VALUES (?, ?, ?, ?, ?)"
NOTE = (
    "INSERT INTO units (path, commit_id, time) SELECT DISTINCT path, commit_id, time FROM changes "
    "JOIN commits ON commits.id = commit_id WHERE commit_id = ? "
    "ON CONFLICT (path) DO UPDATE SET commit_id = excluded.commit_id, time = excluded.time"
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
units = st.builds(UnitChange, texts, st.binary(max_size=20), st.binary(max_size=20))
commits = st.lists(st.lists(units, max_size=8), max_size=4)


def one_by_one(store: Store, commit_id: int, changes: Sequence[UnitChange]) -> None:
    for position, change in enumerate(changes):
        store._db.execute(ADD, (commit_id, position, change.path, change.before, change.after))
    store._db.execute(NOTE, (commit_id,))


def together(store: Store, commit_id: int, changes: Sequence[UnitChange]) -> None:
    added = add_changes(store._db, commit_id, changes)
    seal(store._db, added, note_changed(store._db, commit_id, TIME, [change.path for change in changes]))


def recorded(folder: Path, commits: Sequence[Sequence[UnitChange]], *, many: bool) -> list[object]:
    store = Store(folder / f"{many}.db")
    for changes in commits:
        commit_id = store.begin(INFO, [], TIME)
        with Transaction(store._db):
            (together if many else one_by_one)(store, commit_id, changes)
    store.verify(endless())
    rows = [store.rows(f"SELECT * FROM {table}") for table in COLUMNS if table != "notes"]
    notes = store.rows("SELECT checksum FROM notes")
    (count, total), *_ = store.rows("SELECT rows, total FROM seal")
    for (checksum,) in notes:  # they differ: each history has an id of its own
        total ^= checksum
    store.close()
    return [*rows, count, total]


@settings(max_examples=60)
@given(commits)
def test_the_rows_are_those_of_one_after_the_other(commits: list[list[UnitChange]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        one, other = (recorded(Path(folder), commits, many=many) for many in (False, True))
    assert one == other


def test_more_rows_than_go_into_a_step(tmp_path: Path) -> None:
    many = [UnitChange(f"/m:{number}", b"", b"x") for number in range(2 * AT_ONCE + 1)]
    again = [UnitChange(change.path, b"x", b"") for change in many[AT_ONCE - 5 :]]
    one, other = (recorded(tmp_path, [many, again], many=many_rows) for many_rows in (False, True))
    assert one == other


def test_a_damaged_row_is_not_written_over(tmp_path: Path) -> None:
    store = Store(tmp_path / "history.db")
    change = UnitChange("/m:1", b"", b"<a/>")
    store.record(INFO, [change], TIME)
    store._db.execute("UPDATE units SET checksum = checksum + 1")
    for write in (
        lambda: store.record(INFO, [change], TIME),
        lambda: store.finish(store.begin(INFO, [change], TIME)),
    ):
        with pytest.raises(sqlite3.IntegrityError, match="a row of units is damaged"):
            write()
    assert store.rows("SELECT id, state FROM commits ORDER BY id") == [(1, "committed"), (2, "applying")]


@settings(max_examples=40, deadline=None)
@given(texts, texts, st.sampled_from(Cause), st.integers(0, 2**31))
def test_a_commit_has_the_checksum_that_sqlite_computes(
    user: str, comment: str, cause: Cause, session_id: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "history.db")
        info = CommitInfo(user, session_id, "192.0.2.1", comment=comment, cause=cause)
        assert store.begin(info, [], TIME) == 1
        assert store.record(info, [], TIME) == 2
        store.undo(1, "it was refused")  # which compares it with its checksum
        store.verify(endless())
        made = store.history.commit(2)
        assert made is not None
        assert (made.user, made.comment, made.session_id) == (user, comment, session_id)
        assert (made.cause, made.outcome, made.reason) == (cause, "committed", "")
        store.close()


def test_the_sum_of_all_is_the_exclusive_or_of_their_checksums(tmp_path: Path) -> None:
    store = Store(tmp_path / "history.db")
    edges = (0, 1, -1, 2**63 - 1, -(2**63), 0x5555_5555_5555_5555, -0x5555_5555_5555_5556)
    for total in edges:
        for own in edges:
            store._db.execute("UPDATE seal SET total = ?", (total,))
            store._db.execute(many_rows._SEAL, (0, own))
            assert store.rows("SELECT total, typeof(total) FROM seal") == [(total ^ own, "integer")]
    store.close()
