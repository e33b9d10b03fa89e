"""Old commits are dropped and the file becomes smaller, but nothing goes that somebody needs."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.datastore import pruning
from agent.datastore.confirmed import Window
from agent.datastore.database import Transaction
from agent.datastore.progress import endless
from agent.datastore.pruning import Keep
from agent.datastore.records import CommitInfo, UnitChange
from agent.datastore.salvage import salvaged
from agent.datastore.store import Store
from agent.datastore.store_errors import StoreError
from agent.yang.schema import Schema
from tests.agent.datastore.lab import as_version_4, commit, started
from tests.agent.lab import entry

INFO = CommitInfo("tester", 7, "127.0.0.1")
TODAY = datetime(2026, 11, 27, tzinfo=UTC)
OCTETS = 3000


def at(days_ago: float) -> str:
    return (TODAY - timedelta(days=days_ago)).isoformat(timespec="milliseconds")


NOW = at(0)


def window(rollback_to: int) -> Window:
    return Window(
        rollback_to=rollback_to, timeout_s=60, deadline_s=0.0, session_id=7, user="t", source="", persist="p"
    )


def record(store: Store, count: int, *, days_ago: float = 0, units: int = 1) -> None:
    for _ in range(count):
        changes = [UnitChange(f"/m:list[id='{n}']", b"", b" " * OCTETS) for n in range(units)]
        store.finish(store.begin(INFO, changes, at(days_ago)))


def kept(store: Store) -> list[int]:
    return [row[0] for row in store._db.execute("SELECT id FROM commits ORDER BY id")]


def snapshot(store: Store) -> bool:
    return store.snapshot_if_due(lambda: b"<all/>", NOW)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "SLACK", 3)


@pytest.fixture(autouse=True)
def nothing_is_done_where_all_is_tidy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test sees, too, that what is tidy at one look needs no second one."""
    snapshot_if_due, drop_old = Store.snapshot_if_due, Store.drop_old

    def pages(store: Store) -> object:
        return store.rows("SELECT page_count FROM pragma_page_count")

    def snapshot(store: Store, content: Callable[[], bytes], time: str | None = None) -> bool:
        is_tidy = store.is_tidy(time)
        written = snapshot_if_due(store, content, time)
        assert not (is_tidy and written)
        return written

    def drop(store: Store, time: str | None = None) -> None:
        is_tidy, before = store.is_tidy(time), (kept(store), pages(store))
        drop_old(store, time)
        assert not is_tidy or before == (kept(store), pages(store))

    monkeypatch.setattr(Store, "snapshot_if_due", snapshot)
    monkeypatch.setattr(Store, "drop_old", drop)


def test_all_is_tidy_until_there_is_something_to_do(file: Path) -> None:
    with closing(Store(file, keep=Keep(5, days=20))) as store:
        assert store.is_tidy(NOW), "nothing was ever committed"
        record(store, 8)
        assert store.is_tidy(NOW)
        assert store.is_tidy(at(-20)), "a day more may pass"
        assert not store.is_tidy(at(-22))
        record(store, 1)
        assert not store.is_tidy(NOW), "there are far too many"
        assert snapshot(store)
        store.drop_old(NOW)
        assert store.is_tidy(NOW)
        due(store)
        assert not store.is_tidy(NOW), "much was changed since the snapshot"


def test_free_pages_are_something_to_do(file: Path) -> None:
    with closing(Store(file, keep=Keep(10))) as store:
        record(store, 1, units=60)
        assert store.is_tidy(NOW)
        with Transaction(store._db):
            store._db.execute("DELETE FROM changes")
        assert not store.is_tidy(NOW)
        store.drop_old(NOW)
        assert store.is_tidy(NOW)


def due(store: Store) -> None:
    """Have the next look write a snapshot for what was changed."""
    store._pending.octets = 1 << 30


def test_at_a_snapshot_the_newest_commits_are_kept(file: Path) -> None:
    with closing(Store(file, keep=Keep(5))) as store:
        record(store, 8)
        store.drop_old(NOW)
        assert kept(store) == [*range(1, 9)], "there is no snapshot yet, and not many more than 5"
        due(store)
        assert snapshot(store)
        store.drop_old(NOW)
        assert kept(store) == [4, 5, 6, 7, 8]
        assert store.history.changed_count(3) == 0
        assert store.history.oldest() == 4
        store.verify(endless())


def test_far_too_many_commits_are_a_reason_for_a_snapshot(file: Path) -> None:
    with closing(Store(file, keep=Keep(5))) as store:
        record(store, 8)
        assert not snapshot(store)
        record(store, 1)
        assert snapshot(store)
        store.drop_old(NOW)
        assert kept(store) == [5, 6, 7, 8, 9]
        assert not snapshot(store)


def test_what_is_after_the_newest_snapshot_is_kept(file: Path) -> None:
    with closing(Store(file, keep=Keep(2))) as store:
        record(store, 3)
        due(store)
        assert snapshot(store)
        record(store, 10)
        store.drop_old(NOW)
        assert kept(store) == [*range(4, 14)]
        assert len(list(store.load()[1])) == 10


def test_the_newest_commit_in_force_is_kept_with_all_that_became_of_later_ones(file: Path) -> None:
    with closing(Store(file, keep=Keep(1))) as store:
        record(store, 2)
        for _ in range(4):
            store.undo(store.begin(INFO, [], NOW), "no")
        due(store)
        assert snapshot(store)
        store.drop_old(NOW)
        assert kept(store) == [2, 3, 4, 5, 6]
        assert store.latest() == 2


def test_what_a_pending_confirmed_commit_goes_back_to_is_kept(file: Path) -> None:
    with closing(Store(file, keep=Keep(1))) as store:
        record(store, 5)
        store.finish(store.begin(INFO, [], NOW), window(3))
        record_more = [store.begin(INFO, [], NOW) for _ in range(2)]
        for commit_id in record_more:
            store.finish(commit_id, window(3))
        assert snapshot(store)
        store.drop_old(NOW)
        assert kept(store) == [3, 4, 5, 6, 7, 8]
        assert not snapshot(store), "another one would let nothing go"
        store.finish(None)
        store.drop_old(NOW)
        assert kept(store) == [8]


def test_by_days_what_is_older_goes_at_a_snapshot(file: Path) -> None:
    with closing(Store(file, keep=Keep(100, days=10))) as store:
        record(store, 3, days_ago=10.5)
        record(store, 2, days_ago=9.5)
        assert not snapshot(store)
        due(store)
        assert snapshot(store)
        store.drop_old(NOW)
        assert kept(store) == [4, 5]


def test_a_day_later_it_goes_at_the_next_commit(file: Path) -> None:
    with closing(Store(file, keep=Keep(100, days=10))) as store:
        record(store, 3, days_ago=11.5)
        record(store, 1)
        assert snapshot(store)
        store.drop_old(NOW)
        assert kept(store) == [4]
        assert not snapshot(store)


def drop(store: Store, days_ago: float) -> list[int]:
    """Make a commit ``days_ago``, drop what is old then, and return what is kept."""
    record(store, 1, days_ago=days_ago)
    due(store)
    assert store.snapshot_if_due(lambda: b"<all/>", at(days_ago))
    store.drop_old(at(days_ago))
    return kept(store)


def test_a_clock_that_jumps_far_ahead_drops_nothing(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    with closing(Store(file, keep=Keep(100, days=10))) as store:
        record(store, 3, days_ago=1)
        assert drop(store, -3650) == [1, 2, 3, 4]
        assert "the clock says 2036-11-24" in caplog.text
        assert drop(store, -3650.4) == [1, 2, 3, 4, 5]
        caplog.clear()
        assert drop(store, 0.5) == [1, 2, 3, 4, 5, 6], "it was set right"
        assert drop(store, -3) == [1, 2, 3, 4, 5, 6, 7]
        assert drop(store, -9.8) == [4, 5, 6, 7, 8], "and what is old goes on to go"
        assert caplog.text == ""


def test_if_it_stays_there_what_is_old_goes_half_a_day_later(file: Path) -> None:
    with closing(Store(file, keep=Keep(100, days=10))) as store:
        record(store, 3, days_ago=1)
        assert drop(store, -3650) == [1, 2, 3, 4]
        assert drop(store, -3650.6) == [4, 5]


def test_after_a_long_time_without_commits_too(file: Path) -> None:
    with closing(Store(file, keep=Keep(100, days=10))) as store:
        record(store, 3, days_ago=29)
        assert drop(store, 0) == [4]


def test_without_days_age_does_not_count(file: Path) -> None:
    with closing(Store(file)) as store:
        record(store, 3, days_ago=10_000)
        due(store)
        assert snapshot(store)
        store.drop_old(NOW)
        assert kept(store) == [1, 2, 3]


def test_a_time_that_nobody_wrote_drops_nothing(file: Path) -> None:
    with closing(Store(file, keep=Keep(100, days=1))) as store:
        store.finish(store.begin(INFO, [], "yesterday"))
        record(store, 2, days_ago=9)
        due(store)
        assert snapshot(store)
        store.drop_old(NOW)
        assert kept(store) == [1, 2, 3]


@pytest.mark.parametrize(("name", "most"), [("STEP_COMMITS", 4), ("STEP_CHANGES", 8)])
def test_they_go_in_steps(file: Path, monkeypatch: pytest.MonkeyPatch, name: str, most: int) -> None:
    monkeypatch.setattr(pruning, name, most)
    with closing(Store(file, keep=Keep(2))) as store:
        record(store, 12, units=2)
        assert snapshot(store)
        for left in (8, 4, 2, 2):
            store.drop_old(NOW)
            assert len(kept(store)) == left
            store.verify(endless())


def test_the_file_becomes_smaller(file: Path) -> None:
    with closing(Store(file, keep=Keep(10))) as store:
        record(store, 200)
        large = file.stat().st_size
        assert large > 200 * OCTETS
        assert snapshot(store)
        store.drop_old(NOW)
        assert file.stat().st_size < large / 4
        store.verify(endless())
    with closing(Store(file)) as store:
        assert len(kept(store)) == 10


def test_so_does_one_that_an_older_version_made(file: Path, schema: Schema) -> None:
    with closing(Store(file)) as store:
        record(store, 200)
    as_version_4(file)
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA auto_vacuum = NONE")
        database.execute("VACUUM")
    with closing(Store(file, keep=Keep(10))) as store:
        with store.rewriting({}):
            pass
        large = file.stat().st_size
        assert snapshot(store)
        store.drop_old(NOW)
        assert file.stat().st_size < large / 4
        store.verify(endless())


def test_a_large_one_is_not_written_anew(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "REWRITTEN_PAGES", 10)
    with closing(Store(file)) as store:
        record(store, 20)
    as_version_4(file)
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA auto_vacuum = NONE")
        database.execute("VACUUM")
    with closing(Store(file)) as store:
        with store.rewriting({}):
            pass
        assert store._db.execute("PRAGMA auto_vacuum").fetchone() == (0,)


async def test_running_is_the_same_after_a_start_and_the_past_is_gone(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = await started(schema, tmp_path)
    configuration.store._keep = Keep(2)
    for value in range(1, 9):
        await commit(configuration, entry(f"<number>{value}</number>"))
    store = configuration.store
    assert kept(store)[-1] == 8
    oldest = store.history.oldest()
    assert oldest > 4
    running = configuration.running.to_xml()
    with pytest.raises(StoreError, match=f"commit 2 is not kept any more: .* is {oldest}"):
        configuration.as_of(2)
    assert f"<number>{oldest}</number>".encode() in configuration.as_of(oldest).tree.to_xml()
    units = store._db.execute("SELECT path, commit_id FROM units").fetchall()
    assert units == [("/every-construct:top/entry[id='1']", 8)]
    store.close()
    again = await started(schema, tmp_path)
    assert again.running.to_xml() == running
    assert not any(record.levelno >= logging.ERROR for record in caplog.records)
    again.store.close()


async def test_a_commit_is_in_force_though_old_ones_cannot_be_dropped(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    configuration = await started(schema, tmp_path)
    monkeypatch.setattr(configuration.store, "is_tidy", lambda *_: False)
    monkeypatch.setattr(pruning, "shrink", full)
    assert await commit(configuration, entry("<number>1</number>")) == 1
    assert "commits that are too old could not be dropped" in caplog.text
    configuration.store.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE changes SET after = x'3c' WHERE commit_id = 2",
        "UPDATE commits SET user = 'x' WHERE id = 2",
        "UPDATE snapshots SET content = x'3c'",
    ],
)
async def test_that_a_row_is_damaged_is_said_once_with_what_to_do(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    configuration = await started(schema, tmp_path)
    store = configuration.store
    for value in range(4):
        await commit(configuration, entry(f"<number>{value}</number>"))
    due(store)
    await commit(configuration, entry("<number>9</number>"))
    with closing(sqlite3.connect(store.path)) as disk:
        disk.execute(damage)
        disk.commit()
    store._keep = Keep(2)
    for value in range(10, 20):
        assert await commit(configuration, entry(f"<number>{value}</number>"))
    (said,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "is damaged" in said.getMessage()
    assert "yangswand --repair" in said.getMessage()
    assert said.exc_info is None
    store.close()


def test_a_damaged_row_is_not_dropped_without_a_word(file: Path) -> None:
    with closing(Store(file, keep=Keep(2))) as store:
        record(store, 8)
        with closing(sqlite3.connect(file)) as disk:
            disk.execute("UPDATE changes SET after = x'3c' WHERE commit_id = 2")
            disk.commit()
        assert snapshot(store)
        with pytest.raises(sqlite3.DatabaseError, match="a row of changes is damaged"):
            store.drop_old(NOW)
        assert len(kept(store)) == 8


def test_without_the_snapshot_access_is_closed_where_commits_were_dropped(file: Path) -> None:
    """The rules of access control may have been in it alone."""
    for commits, closes in ((3, False), (8, True)):
        file.unlink(missing_ok=True)
        with closing(Store(file, keep=Keep(2))) as store:
            record(store, commits)
            due(store)
            assert snapshot(store)
            if closes:
                store.drop_old(NOW)
        with closing(sqlite3.connect(file)) as disk:
            disk.execute("UPDATE snapshots SET content = x'3c'")
            disk.commit()
        assert salvaged(file).rules_lost == closes
