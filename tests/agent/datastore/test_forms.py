"""The tables of older versions become those of this one, in one step, and damage is found before it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.datastore.comparison import Comparison
from agent.datastore.configuration import Configuration
from agent.datastore.confirmed import Window
from agent.datastore.migration import bring_up_to_date
from agent.datastore.progress import endless
from agent.datastore.records import SERVER, CommitInfo, UnitChange
from agent.datastore.salvage import rebuild, salvaged
from agent.datastore.store import Store
from agent.datastore.store_errors import StoreError, usable
from agent.translator import Move
from agent.yang.schema import Schema
from tests.agent.datastore.lab import as_version_4, everything, without_sums
from tests.agent.lab import direct
from tests.agent.recording_translator import RecordingTranslator

INFO = CommitInfo("tester", 7, "127.0.0.1")
TIME = "2026-11-27T00:00:00Z"
WINDOW = Window(
    rollback_to=1, timeout_s=60, deadline_s=0.0, session_id=7, user="tester", source="", persist="p"
)
MOVES = (Move("2026-12-01", "/acme:things", "/every-construct:top"),)
THING = b'<things xmlns="http://example.com/ns/acme"><entry><id>%b</id></entry></things>'


def thing(name: str) -> UnitChange:
    return UnitChange(f"/acme:things/entry[id='{name}']", b"", THING % name.encode())


def written_by(agent: str) -> CommitInfo:
    return CommitInfo(SERVER.user, 0, "", agent)


def older(folder: Path, version: int) -> Path:
    """Return a history of all that earlier versions recorded; its last commit is pending."""
    file = folder / "history.db"
    with closing(Store(file)) as store:
        store.finish(store.begin(INFO, [thing("1"), thing("2")], TIME))
        store.finish(store.begin(written_by("first rules of access control"), [thing("3")], TIME))
        store.finish(store.begin(written_by("rollback of a confirmed commit: timeout"), [thing("1")], TIME))
        store.finish(store.begin(written_by("rollback at start"), [thing("4")], TIME))
        store.undo(store.begin(INFO, [thing("2"), thing("5")], TIME), "")
        store.finish(store.begin(INFO, [thing("6")], TIME), WINDOW)
    (without_sums(file, version) if version < 4 else as_version_4(file))
    return file


def converted(
    file: Path, schema: Schema, moves: tuple[Move, ...] = (), *, apart: bool = False
) -> dict[str, list[tuple[object, ...]]]:
    begun = Comparison(file) if apart else None
    with usable(file), closing(Store(file)) as store:
        if begun is not None:
            store.compare_by(begun)
        store.verify(endless())
        bring_up_to_date(store, [RecordingTranslator(moves=moves)], schema, endless())
        store.verify(endless())
    return everything(file)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_an_older_history_is_converted_in_one_step(
    version: int, apart: bool, schema: Schema, tmp_path: Path
) -> None:
    """``apart``: another process has compared it with its checksums."""
    file = older(tmp_path, version)
    before = everything(file)
    assert before["version"] == [(version,)]
    after = converted(file, schema, apart=apart)
    assert after["version"] == [(5,)]
    assert [row[-2] for row in after["commits"]] == [
        "client",
        "start",
        "rollback",
        "start",
        "client",
        "client",
    ]
    assert [row[:-2] for row in after["commits"]] == before["commits"]
    assert after["confirmed_commit"] == [(*before["confirmed_commit"][0], None)]
    assert (after["changes"], after["snapshots"]) == (before["changes"], before["snapshots"])
    assert converted(file, schema) == after, "once only"


@pytest.mark.parametrize("version", [3, 4])
def test_the_last_commit_in_force_that_changed_a_unit_is_known_under_its_path_of_today(
    version: int, schema: Schema, tmp_path: Path
) -> None:
    file = older(tmp_path, version)
    last = {"1": 3, "2": 1, "3": 2, "4": 4, "6": 6}
    before, after = "/acme:things/entry[id='{}']", "/every-construct:top/entry[id='{}']"
    assert converted(file, schema)["units"] == [(before.format(name), last[name], TIME) for name in last]
    moved = converted(file, schema, MOVES)
    assert moved["units"] == [(after.format(name), last[name], TIME) for name in last]
    assert moved["notes"][0] == everything(file)["notes"][0], "it is the same history"


def test_units_follow_where_no_commit_is_recorded_any_more(schema: Schema, tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with closing(Store(file)) as store, store.rewriting({}) as database:
        database.execute("INSERT INTO units VALUES (?, 3, '3', NULL)", (thing("1").path,))
        path = "/every-construct:top/entry[id='1']"
        database.execute("INSERT INTO units VALUES (?, 5, '5', NULL)", (path,))
        database.execute("INSERT INTO units VALUES (?, 4, '4', NULL)", (thing("2").path,))
    assert converted(file, schema, MOVES)["units"] == [
        ("/every-construct:top/entry[id='1']", 5, "5"), ("/every-construct:top/entry[id='2']", 4, "4"),
    ]  # fmt: skip


def test_two_histories_have_different_ids(schema: Schema, tmp_path: Path) -> None:
    ids = set()
    for name in ("new", "older"):
        (tmp_path / name).mkdir()
    converted(older(tmp_path / "older", 4), schema)
    for name in ("new", "older"):
        with closing(Store(tmp_path / name / "history.db")) as store:
            ids.add(store.history_id)
    assert [len(one) for one in ids] == [16, 16]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE commits SET user = 'root' WHERE id = 3", "commit 3 is damaged"),
        ("UPDATE changes SET after = x'3c' WHERE commit_id = 2", "of commit 2 is damaged"),
        ("UPDATE confirmed_commit SET rollback_to = 0", "the pending confirmed commit is damaged"),
        ("DELETE FROM changes WHERE commit_id = 4", "rows are there, and"),
        ("CREATE TABLE more (x)", "the description of its tables is damaged"),
        ("CREATE TABLE units (x)", "its form is 4, and holds another"),
        ("PRAGMA user_version = 5", "its form is 5, and holds another"),
        ("DROP TABLE seal", "its form is 4, and holds another"),
    ],
)
def test_damage_is_found_before_version_4_is_converted(
    damage: str, said: str, schema: Schema, tmp_path: Path
) -> None:
    file = older(tmp_path, 4)
    with closing(sqlite3.connect(file)) as database:
        database.executescript(damage)
    octets = file.read_bytes()
    with pytest.raises(StoreError, match=rf"is damaged: .*{said}.* --repair"):
        converted(file, schema)
    assert file.read_bytes() == octets


@pytest.mark.parametrize("version", [3, 4, 5])
def test_what_is_whole_of_any_version_is_kept(version: int, schema: Schema, tmp_path: Path) -> None:
    file = older(tmp_path, min(version, 4))
    if version == 5:
        converted(file, schema)
    with closing(sqlite3.connect(file)) as database:
        database.executescript("UPDATE changes SET after = 'text' WHERE commit_id = 4")
    found, before = salvaged(file), everything(file)
    assert (found.lost, found.rules_lost) == (["/acme:things/entry[id='4'] of commit 4"], False)
    new = tmp_path / "new.db"
    rebuild(new, found, {})
    with closing(Store(new)) as store:
        store.verify(endless())
        causes = [row[0] for row in store._db.execute("SELECT cause FROM commits")]
        last = dict(store._db.execute("SELECT path, commit_id FROM units").fetchall())
    assert causes == ["client", "start", "rollback", "start", "client", "client"]
    assert last.get(thing("1").path) == 3
    assert everything(new)["confirmed_commit"][0][:7] == before["confirmed_commit"][0][:7]


def test_a_configuration_starts_on_version_4(schema: Schema, tmp_path: Path) -> None:
    file = older(tmp_path, 4)
    configuration = Configuration(
        schema, Store(file), translators=[RecordingTranslator(moves=MOVES)], worker=direct
    )
    configuration.load()
    configuration.store.close()
    assert everything(file)["confirmed_commit"] == []
    assert everything(file)["commits"][-1][-2:] == ("start", "")
