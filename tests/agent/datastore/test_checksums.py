"""What a disk has changed or lost of a history is found at the next start, and named."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest

from agent.datastore import checksums
from agent.datastore.checksums import Damaged
from agent.datastore.confirmed import Window
from agent.datastore.progress import Ended, Progress, endless
from agent.datastore.records import CommitInfo, UnitChange
from agent.datastore.row_sums import row_sum
from agent.datastore.store import Store
from agent.datastore.store_errors import StoreError, usable
from agent.datastore.tables import COLUMNS

INFO = CommitInfo("tester", 7, "127.0.0.1", "why")
TIME = "2026-11-27T00:00:00Z"
WINDOW = Window(
    rollback_to=1, timeout_s=60, deadline_s=0.0, session_id=7, user="tester", source="", persist="p"
)


def unit(number: int, octets: int = 20) -> UnitChange:
    return UnitChange(f"/m:list[id='{number}']", b"", b"<a>%d</a>" % number + b" " * octets)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A history with rows in all tables."""
    made = tmp_path / "history.db"
    store = Store(made)
    for number in range(5):
        store.finish(store.begin(INFO, [unit(number), unit(number + 100, 3000 * number)], TIME), WINDOW)
    store.undo(store.begin(INFO, [unit(9)], TIME), "why")
    for content in ("old", "new"):
        store.keep_note("a", content)
    store._pending.octets = 1 << 30
    assert store.snapshot_if_due(lambda: b"<all/>")
    store.close()
    return made


def recorded(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return all that is in ``file``, read as a start does.

    Raises:
        StoreError: it is damaged.
    """
    store = Store(file)
    try:
        with usable(file):
            store.verify(endless())
            return {
                table: store._db.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
                for table, columns in COLUMNS.items()
            }
    finally:
        store.close()


def change(file: Path, statement: str) -> None:
    """Change what the file holds as a disk would: nobody keeps the checksums."""
    with closing(sqlite3.connect(file)) as database:
        database.executescript(statement)


def test_what_was_written_is_whole(file: Path) -> None:
    assert {table: len(rows) for table, rows in recorded(file).items()} == {
        "commits": 6, "changes": 11, "snapshots": 1, "confirmed_commit": 1, "notes": 2, "units": 10,
    }  # fmt: skip


def test_sqlite_is_asked_for_the_checksums_of_rows_that_are_no_usual_ones(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def counted(*parts: str | bytes | None) -> int:
        asked.append(parts[0])
        return row_sum(*parts)

    monkeypatch.setattr(checksums, "row_sum", counted)
    recorded(file)
    assert not {"changes", "units"} & set(asked)
    with closing(Store(file)) as store:  # which gives them the right checksums
        store._db.execute("UPDATE changes SET after = CAST(after AS TEXT) WHERE commit_id = 4")
        store._db.execute("UPDATE units SET time = CAST(x'ff' AS TEXT) WHERE commit_id = 2")
        asked.clear()
        store.verify(endless())
    assert asked.count("changes") == 11
    assert asked.count("units") == 10


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE commits SET state = 'undone' WHERE id = 2", "commit 2 is damaged"),
        ("UPDATE commits SET user = 'root' WHERE id = 3", "commit 3 is damaged"),
        ("UPDATE changes SET after = x'3c62' WHERE commit_id = 4 AND position = 0",
         r"/m:list\[id='3'\] of commit 4 is damaged: it does not fit its checksum"),
        ("UPDATE changes SET path = '/m:other' WHERE commit_id = 4 AND position = 1",
         "/m:other of commit 4 is damaged"),
        ("UPDATE changes SET path = CAST(x'ff' AS TEXT) WHERE commit_id = 4 AND position = 1",
         "\N{REPLACEMENT CHARACTER} of commit 4 is damaged"),
        ("UPDATE changes SET before = 'text' WHERE commit_id = 4 AND position = 1", "of commit 4 is damaged"),
        ("UPDATE changes SET after = CAST(after AS TEXT) WHERE commit_id = 4 AND position = 1",
         "of commit 4 is damaged"),
        ("UPDATE changes SET checksum = NULL WHERE commit_id = 1 AND position = 0", "of commit 1 is damaged"),
        ("UPDATE snapshots SET content = x'3c'", "the snapshot of commit 5 is damaged"),
        ("UPDATE confirmed_commit SET rollback_to = 0", "the pending confirmed commit is damaged"),
        ("UPDATE notes SET content = 'older' WHERE name = 'a'", "the note a is damaged"),
        ("DELETE FROM changes WHERE commit_id = 4", "29 rows are there, and 31 were written"),
        ("DELETE FROM confirmed_commit", "30 rows are there, and 31 were written"),
        ("DELETE FROM seal", "the sum of all checksums is missing"),
        ("UPDATE seal SET total = total + 1", "a row is missing, or is an older one"),
        ("CREATE TABLE more (x)", "the description of its tables is damaged"),
        ("UPDATE commits SET user = 'root'", "commit 1 is damaged: .*; commit 3 .*; and 3 more"),
        ("DROP TABLE seal", "it says that its form is 5, and holds another"),
        ("DROP TABLE units", "it says that its form is 5, and holds another"),
        ("PRAGMA user_version = 4", "it says that its form is 4, and holds another"),
        ("UPDATE units SET commit_id = 4 WHERE commit_id = 2",
         r"the last change of /m:list\[id='1'\] is damaged"),
        ("UPDATE commits SET reason = '' WHERE state = 'undone'", "commit 6 is damaged"),
        ("UPDATE commits SET cause = 'start' WHERE id = 2", "commit 2 is damaged"),
        ("UPDATE confirmed_commit SET verify = '{}'", "the pending confirmed commit is damaged"),
        ("PRAGMA user_version = 0", "it says that its form is 0, and holds another"),
    ],
)  # fmt: skip
def test_what_was_changed_or_is_missing_is_named_and_what_to_do(file: Path, damage: str, said: str) -> None:
    change(file, damage)
    with pytest.raises(StoreError, match=rf"history\.db is damaged: .*{said}.*\. Put a copy .* --repair"):
        recorded(file)


def test_an_older_row_in_the_place_of_a_newer_one_is_found(file: Path) -> None:
    """As when a page comes back that the disk should have overwritten."""
    older = row_sum("notes", "text", b"a", "text", b"old")
    change(file, f"UPDATE notes SET content = 'old', checksum = {older} WHERE name = 'a'")
    with pytest.raises(StoreError, match="a row is missing, or is an older one"):
        recorded(file)


def test_a_damaged_row_gets_no_checksum_that_fits(file: Path) -> None:
    change(file, "UPDATE commits SET user = 'x'; UPDATE notes SET content = 'x'; "
                 "UPDATE confirmed_commit SET persist = 'x'")  # fmt: skip
    store = Store(file)
    for write in (
        lambda: store.undo(2, "why"),
        lambda: store.keep_note("a", "b"),
        lambda: store.finish(None),
    ):
        with pytest.raises(sqlite3.DatabaseError, match="is damaged"):
            write()
    store.close()


def test_what_is_damaged_while_the_agent_runs_is_not_gone_back_to(file: Path) -> None:
    store = Store(file)
    change(file, "UPDATE changes SET before = x'3c' WHERE commit_id = 4 AND position = 0")
    with pytest.raises(Damaged, match=r"/m:list\[id='3'\] of commit 4 does not fit its checksum"):
        list(store.changes_after(2))
    assert len(list(store.changes_after(4))) == 2
    store.close()


def test_a_start_can_be_ended_meanwhile(file: Path) -> None:
    store = Store(file)
    with pytest.raises(Ended):
        store.verify(Progress(lambda: True))
    store.close()


@pytest.mark.parametrize("seed", range(100))
def test_a_bit_that_has_turned_over_changes_nothing_without_a_word(file: Path, seed: int) -> None:
    random, before = Random(seed), recorded(file)
    octets = bytearray(file.read_bytes())
    # One in four in the first octets, where SQLite keeps what all else depends on.
    place = random.randrange(100 if seed % 4 == 0 else len(octets))
    octets[place] ^= 1 << random.randrange(8)
    file.write_bytes(octets)
    with suppress(StoreError):  # it names the file and what is damaged
        assert recorded(file) == before
