"""What is whole in a damaged history is all there in the new one, and access never opens by what is lost."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from agent.datastore import pruning
from agent.datastore.checksums import keep_sums
from agent.datastore.confirmed import Window
from agent.datastore.progress import endless
from agent.datastore.pruning import Keep
from agent.datastore.records import CommitInfo, UnitChange
from agent.datastore.salvage import Salvaged, rebuild, salvaged
from agent.datastore.store import Store
from agent.datastore.store_errors import StoreError
from agent.datastore.tables import COLUMNS, SCHEMA_VERSION
from tests.agent.datastore.lab import without_sums

INFO = CommitInfo("tester", 7, "127.0.0.1", "why")
TIME = "2026-11-27T00:00:00Z"
NACM = "/ietf-netconf-acm:nacm"
RULES = UnitChange(
    f"{NACM}/read-default",
    b"",
    b'<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><read-default>deny</read-default></nacm>',
)
CLOSED = [f"{NACM}/{name}" for name in (
    "rule-list", "enable-nacm", "read-default", "write-default", "exec-default"
)]  # fmt: skip
WINDOW = Window(
    rollback_to=1, timeout_s=60, deadline_s=0.0, session_id=7, user="tester", source="", persist="p"
)
NOTES = {"first-rules": "made", "model:one": "2026-12-01"}


def unit(number: int) -> UnitChange:
    return UnitChange(f"/m:list[id='{number}']", b"", b"<a>%d</a>" % number)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "history.db"
    with closing(Store(made)) as store:
        store.finish(store.begin(INFO, [RULES, unit(0)], TIME))
        for number in range(1, 40):
            store.finish(store.begin(INFO, [unit(number), unit(number + 100)], TIME))
        store.keep_note("first-rules", "made")
        store.keep_note("model:one", "2026-11-01")
        store._pending.octets = 1 << 30
        assert store.snapshot_if_due(lambda: b"<all/>")
    return made


def change(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.executescript(statement)


def new(file: Path, found: Salvaged) -> dict[str, list[tuple[object, ...]]]:
    """Return what the new history holds, which is whole."""
    path = file.with_name("new.db")
    rebuild(path, found, NOTES)
    with closing(Store(path)) as store:
        store.verify(endless())
        return rows(store)


def rows(store: Store) -> dict[str, list[tuple[object, ...]]]:
    return {
        table: store._db.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
        for table, columns in COLUMNS.items()
    }


def old(file: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(Store(file)) as store:
        return rows(store)


def test_of_what_is_whole_nothing_is_lost(file: Path) -> None:
    before, octets = old(file), file.read_bytes()
    found = salvaged(file)
    assert (found.lost, found.rules_lost) == ([], False)
    made = new(file, found)
    assert dict(made.pop("notes")) | {"history-id": ""} == dict(before.pop("notes")) | {"history-id": ""}
    assert made == before
    assert file.read_bytes() == octets


@pytest.mark.parametrize(
    ("damage", "lost", "closes"),
    [
        ("UPDATE changes SET after = x'3c' WHERE commit_id = 5 AND position = 1",
         "/m:list[id='104'] of commit 5", False),
        ("UPDATE snapshots SET content = x'3c'", "the snapshot of commit 40", False),
        ("UPDATE notes SET content = 'x' WHERE name = 'model:one'", "the note model:one", False),
        ("UPDATE commits SET state = 'undone' WHERE id = 7", "commit 7", False),
        ("UPDATE commits SET state = 'undone' WHERE id = 1", "commit 1", True),
        ("UPDATE changes SET after = x'3c' WHERE commit_id = 1 AND position = 0",
         f"{NACM}/read-default of commit 1", True),
        ("UPDATE changes SET path = '/x' WHERE commit_id = 1 AND position = 0", "/x of commit 1", True),
        ("DELETE FROM changes WHERE commit_id = 5", "2 rows of which nothing is left", True),
        ("DELETE FROM seal", "how many rows there were", True),
        ("UPDATE seal SET total = 1", "one row is an older one", True),
        ("PRAGMA user_version = 260", "", False),
        ("UPDATE units SET commit_id = 9 WHERE commit_id = 1", "the last change of", False),
    ],
)  # fmt: skip
def test_what_is_lost_is_said_and_rules_that_may_be_lost_close_access(
    file: Path, damage: str, lost: str, closes: bool
) -> None:
    change(file, damage)
    found = salvaged(file)
    assert any(lost in sentence for sentence in found.lost) or not lost
    assert found.rules_lost == closes
    made = new(file, found)
    assert dict(made["notes"]).keys() == NOTES.keys() | {"history-id"}  # nobody is given first rules again
    closing_paths = [row[2] for row in made["changes"] if row[0] == 41]
    assert closing_paths == (CLOSED if closes else [])


def test_changes_of_a_commit_that_may_not_have_come_into_force_are_left_out(file: Path) -> None:
    change(file, "UPDATE commits SET user = 'x' WHERE id = 7")
    found = salvaged(file)
    made = new(file, found)
    assert [row for row in made["changes"] if row[0] == 7] == []
    assert sum("nobody knows whether it came into force" in sentence for sentence in found.lost) == 2


def test_a_window_whose_rollback_would_open_access_again_is_closed(file: Path) -> None:
    with closing(Store(file)) as store:
        store.finish(None, WINDOW)
    assert len(new(file, salvaged(file))["confirmed_commit"]) == 1
    change(file, "DELETE FROM changes WHERE commit_id = 40")
    file.with_name("new.db").unlink()
    assert new(file, salvaged(file))["confirmed_commit"] == []


def damaged(file: Path, *, keep: int, last: int, changes: UnitChange) -> None:
    """Make a history of ``last`` commits with a snapshot, of which ``keep`` are kept; the last is damaged."""
    file.unlink()
    with closing(Store(file, keep=Keep(keep))) as store:
        for _ in range(last):
            store.finish(store.begin(INFO, [changes], TIME))
        store._pending.octets = 1 << 30
        assert store.snapshot_if_due(lambda: b"<all/>")
        store.drop_old()
    change(file, f"UPDATE commits SET user = 'damaged' WHERE id = {last}")


@pytest.mark.parametrize("changes", [unit(1), RULES], ids=["data", "rules"])
@pytest.mark.parametrize("keep", [1, 3, 100])
def test_what_is_committed_after_a_repair_is_in_force_at_the_next_start(
    file: Path, monkeypatch: pytest.MonkeyPatch, keep: int, changes: UnitChange
) -> None:
    monkeypatch.setattr(pruning, "SLACK", 0)
    damaged(file, keep=keep, last=5, changes=changes)
    found = salvaged(file)
    made = new(file, found)
    assert found.rules_lost == (changes is RULES)
    with closing(Store(file.with_name("new.db"))) as store:
        assert store.latest() > 5, "it is given no number again of which the snapshot tells"
        closing_paths = [one.path for one in store.load()[1]]
        assert closing_paths == (CLOSED if found.rules_lost else [])
        before = store.latest()
        store.finish(store.begin(INFO, [unit(99)], TIME))
        assert store.load()[0] == b"<all/>"
        assert [one.path for one in store.load()[1]] == [*closing_paths, unit(99).path]
        assert store.history.oldest() <= before, "a confirmed commit can go back"
    assert [row[-2] for row in made["commits"] if row[0] == 6] == ["repair"]


@pytest.mark.parametrize(
    "trace",
    [
        "UPDATE changes SET commit_id = 50 WHERE commit_id = 40",
        "UPDATE commits SET id = 50 WHERE id = 40",
        "UPDATE snapshots SET commit_id = 50",
    ],
)
def test_no_number_is_given_again_of_which_there_is_a_trace(file: Path, trace: str) -> None:
    change(file, trace)
    made = new(file, salvaged(file))
    assert max(row[0] for row in made["commits"]) >= 51


def test_a_number_that_no_commit_can_have_is_no_trace(file: Path) -> None:
    change(file, f"UPDATE commits SET id = {2**62} WHERE id = 40")
    assert salvaged(file).highest == 40


def test_a_window_that_cannot_go_back_is_closed_and_that_is_said(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "SLACK", 0)
    damaged(file, keep=1, last=5, changes=unit(1))
    with closing(sqlite3.connect(file)) as database:
        keep_sums(database)
        database.execute(
            "INSERT INTO confirmed_commit (one, rollback_to, timeout_s, session, user, source) "
            "VALUES (1, 5, 60, 7, 'tester', '')"
        )
        database.commit()
    found = salvaged(file)
    assert "commit 5, which the pending confirmed commit goes back to: it stays in force" in found.lost
    assert new(file, found)["confirmed_commit"] == []


@pytest.mark.parametrize("state", ["missing", "empty", "something else"])
def test_of_a_history_that_is_gone_a_closed_one_is_made(file: Path, state: str) -> None:
    file.unlink()
    if state != "missing":
        file.write_bytes(b"" if state == "empty" else b"something else" * 1000)
    found = salvaged(file)
    assert (found.rules_lost, len(found.lost)) == (True, 1)
    assert "everything" in found.lost[0]
    assert [row[2] for row in new(file, found)["changes"]] == CLOSED


def test_the_history_of_a_newer_version_is_none_to_repair(file: Path) -> None:
    change(file, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(StoreError, match="written by a newer version"):
        salvaged(file)


def test_a_history_without_checksums_gives_what_is_of_the_right_kind(file: Path) -> None:
    without_sums(file, 3)
    change(file, "UPDATE changes SET before = 'text' WHERE commit_id = 5 AND position = 1")
    change(file, "DELETE FROM notes WHERE name = 'model:one'")
    found = salvaged(file)
    assert (found.has_sums, found.lost) == (False, ["/m:list[id='104'] of commit 5"])
    made = new(file, found)
    assert len(made["changes"]) == 79
    made["notes"] = [note for note in made["notes"] if note[0] != "history-id"]
    assert dict(made["notes"]) == {"first-rules": "made"}, "the next start converts it"


@pytest.mark.parametrize("seed", range(60))
def test_of_any_damage_nothing_gets_in_that_was_not_written(file: Path, seed: int) -> None:
    before = {table: set(rows) for table, rows in old(file).items()}
    random, octets = Random(seed), bytearray(file.read_bytes())
    for _ in range(random.choice((1, 5, 50, 500))):
        octets[random.randrange(100 if seed % 4 == 0 else len(octets))] = random.randrange(256)
    damaged = Path(shutil.copy(file, file.with_name("damaged.db")))
    damaged.write_bytes(octets)
    try:
        found = salvaged(damaged)
    except StoreError as problem:
        assert "newer version" in str(problem)  # noqa: PT017
        return
    kept = {table: set(map(tuple, rows)) for table, rows in found.rows.items()}
    assert all(rows <= before[table] for table, rows in kept.items())
    if found.rules_lost:
        assert [row[2] for row in new(file, found)["changes"]][-5:] == CLOSED
    else:  # all that is about rules is there
        assert (1, 0, RULES.path, RULES.before, RULES.after) in kept["changes"]
