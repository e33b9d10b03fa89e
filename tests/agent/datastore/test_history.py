"""What is recorded of commits: which are found, how many, and what they changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.datastore.checksums import Damaged
from agent.datastore.history import ChangedUnit, Comparison, History
from agent.datastore.records import SERVER, Cause, CommitInfo, UnitChange
from agent.datastore.store import Store
from agent.datastore.txids import transaction_id

ANNA = CommitInfo("anna", 7, "192.0.2.1", "first words")
BOB = CommitInfo("bob", 8, "192.0.2.2", cause=Cause.CONFIRMED_COMMIT)
TIME = "2026-11-27T11:00:00.123+00:00"


def unit(number: int, before: bytes = b"", after: bytes = b"<a/>") -> UnitChange:
    return UnitChange(f"/m:list[id='{number}']", before, after)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "history.db")) as store:
        store.finish(store.begin(ANNA, [unit(1), unit(2)], TIME))
        store.finish(store.begin(BOB, [unit(1, b"<a/>", b"<b/>"), unit(2, b"<a/>", b"")], TIME))
        store.undo(store.begin(ANNA, [unit(3)], TIME), "the commit was undone: no")
        store.finish(store.begin(SERVER, [unit(4)], TIME))
        store.begin(BOB, [unit(5)], TIME)
        yield store


def found(history: History, *tests: Comparison) -> list[int]:
    return [commit.id for commit in history.newest([tests], 10)]


def test_a_commit_is_what_was_recorded_of_it(store: Store) -> None:
    commit = store.history.commit(3)
    assert commit is not None
    assert (commit.id, commit.time, commit.user, commit.session_id) == (3, TIME, "anna", 7)
    assert (commit.source, commit.comment) == ("192.0.2.1", "first words")
    assert (commit.outcome, commit.reason) == ("undone", "the commit was undone: no")
    commits = store.history.newest([()], 10)
    assert [one.cause for one in commits] == [
        "confirmed-commit",
        "start",
        "client",
        "confirmed-commit",
        "client",
    ]
    assert [one.outcome for one in commits] == ["applying", "committed", "undone", "committed", "committed"]


@pytest.mark.parametrize(
    ("test", "ids"),
    [
        (Comparison("id", "=", 2), [2]),
        (Comparison("id", "<", 3), [2, 1]),
        (Comparison("id", "<=", 3), [3, 2, 1]),
        (Comparison("id", ">", 3), [5, 4]),
        (Comparison("id", ">=", 3), [5, 4, 3]),
        (Comparison("id", "=", 99), []),
        (Comparison("user", "=", "anna"), [3, 1]),
        (Comparison("user", "=", "' OR 1 --"), []),
        (Comparison("session-id", "=", 8), [5, 2]),
        (Comparison("source-address", "=", "192.0.2.1"), [3, 1]),
        (Comparison("cause", "=", "confirmed-commit"), [5, 2]),
        (Comparison("outcome", "=", "applying"), [5]),
    ],
)
def test_commits_are_found_by_what_is_compared(store: Store, test: Comparison, ids: list[int]) -> None:
    assert found(store.history, test) == ids


def test_the_newest_come_first_and_no_more_than_asked_for(store: Store) -> None:
    history = store.history
    assert [one.id for one in history.newest([()], 2)] == [5, 4]
    assert history.newest([], 2) == []
    both = Comparison("user", "=", "anna"), Comparison("outcome", "=", "committed")
    assert found(history, *both) == [1]
    assert [one.id for one in history.newest([both, [Comparison("id", "=", 4)]], 10)] == [4, 1]
    assert [one and one.id for one in map(history.commit, (5, 99, 3))] == [5, None, 3]
    assert (history.count(), history.ends(), history.oldest()) == (5, (1, 5), 0)


def test_nothing_but_a_comparison_is_taken(store: Store) -> None:
    with pytest.raises(ValueError, match="OR"):
        found(store.history, Comparison("id", "OR", 1))
    with pytest.raises(KeyError):
        found(store.history, Comparison("comment", "=", "x"))


def test_what_a_commit_changed_is_told_without_what_it_holds(store: Store) -> None:
    history = store.history
    assert history.changed_units(1, 10) == [
        ChangedUnit("/m:list[id='1']", False, True), ChangedUnit("/m:list[id='2']", False, True)
    ]  # fmt: skip
    assert history.changed_units(2, 10) == [
        ChangedUnit("/m:list[id='1']", True, True), ChangedUnit("/m:list[id='2']", True, False)
    ]  # fmt: skip
    assert len(history.changed_units(2, 1)) == 1
    assert history.changed_units(2, 10, 1) == history.changed_units(2, 10)[1:]
    assert history.changed_among(1, ["/m:list[id='2']", "/m:list[id='3']"]) == history.changed_units(1, 1, 1)
    assert [history.changed_count(commit_id) for commit_id in (1, 3, 99)] == [2, 1, 0]


def test_what_was_in_force_between_two_commits_can_be_had(store: Store) -> None:
    history = store.history
    assert [change.path for change in history.changes(1)] == [unit(n).path for n in (1, 2, 4)]
    assert [change.path for change in history.changes(0, 1)] == [unit(n).path for n in (1, 2)]
    assert list(history.changes(2, 3)) == []
    assert history.size(0, 1) == (2, 8)
    assert history.size(1, 5) == (3, 16)


def test_why_a_commit_is_not_there_is_said(store: Store, tmp_path: Path) -> None:
    assert store.history.commit(99) is None
    assert store.history.absent(99) == "there is no commit 99: the newest one is 5"
    store._db.execute("DELETE FROM changes WHERE commit_id < 3")
    store._db.execute("DELETE FROM commits WHERE id < 3")
    assert store.history.oldest() == 3
    assert "not kept any more: the oldest one that is kept is 3" in store.history.absent(2)
    with closing(Store(tmp_path / "new.db")) as new:
        assert new.history.absent(1) == "nothing has been committed yet"


def test_a_damaged_row_is_neither_shown_nor_read(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(tmp_path / "history.db")) as disk:
        disk.execute("UPDATE commits SET user = 'x' WHERE id = 2")
        disk.execute("UPDATE changes SET before = x'' WHERE commit_id = 2 AND position = 0")
        disk.commit()
    assert [one.id for one in store.history.newest([()], 10)] == [5, 4, 3, 1]
    assert "commit 2 is damaged" in caplog.text
    with pytest.raises(Damaged, match="of commit 2 does not fit its checksum"):
        list(store.history.changes(0))


def test_two_histories_never_give_one_transaction_id_to_two_commits() -> None:
    assert transaction_id("0123456789abcdef", 57, TIME) == "0123456789abcdef-57-1a21ca97ffb"
    later = transaction_id("0123456789abcdef", 57, TIME.replace("123", "124"))
    assert later != transaction_id("0123456789abcdef", 57, TIME)
