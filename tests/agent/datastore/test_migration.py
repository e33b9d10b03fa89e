"""A history of an older version is brought to the form of this one: once, as a whole, or not at all."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path

import pytest

from agent.datastore import migration
from agent.datastore.configuration import Configuration
from agent.datastore.confirmed import Window
from agent.datastore.edit import edit
from agent.datastore.progress import Ended, Progress, endless
from agent.datastore.records import CommitInfo, UnitChange
from agent.datastore.store import Store
from agent.datastore.store_errors import StoreError
from agent.translator import Move
from agent.yang.schema import Schema
from tests.agent.datastore.lab import as_version_4, everything, without_sums
from tests.agent.lab import EC, ET, config, direct, entry
from tests.agent.recording_translator import RecordingTranslator

INFO = CommitInfo("tester", 7, "127.0.0.1", "why")
TIME = "2026-11-23T00:00:00Z"
ACME = "http://example.com/ns/acme"

# What the module every-construct is today was once in acme, under other names.
FIRST = (Move("2026-12-01", "/acme:things", "/every-construct:top"),)
SECOND = (
    *FIRST,
    Move("2027-01-01", "/every-construct:top/thing", "/every-construct:top/entry"),
    Move("2027-01-01", "/every-construct:top/thing/what", "/every-construct:top/entry/word"),
    Move("2027-01-01", "/every-construct:top/thing/size", "/every-construct:top/entry/plain/speed"),
)
THIRD = (*SECOND, Move("2027-02-01", "/every-construct:top/entry/count", "/every-construct:top/entry/number"))


def thing(name: str, body: str = "", list_name: str = "thing") -> bytes:
    return f'<things xmlns="{ACME}"><{list_name}><id>{name}</id>{body}</{list_name}></things>'.encode()


def unit(name: str, before: bytes = b"", after: bytes = b"") -> UnitChange:
    return UnitChange(f"/acme:things/thing[id='{name}']", before, after)


def older(
    folder: Path,
    *commits: Sequence[UnitChange],
    version: int = 2,
    further: Callable[[Store], object] = lambda _store: None,
) -> Path:
    """Return the file of a history as a version before all moves wrote it, ``further`` at last."""
    file = folder / "history.db"
    store = Store(file)
    for changes in commits:
        store.finish(store.begin(INFO, changes, TIME))
    further(store)
    store.close()
    if version < 4:
        without_sums(file, version)
    else:
        as_version_4(file)
    return file


def notes(file: Path) -> list[tuple[object, ...]]:
    """Return all but what tells one history from another."""
    return [note for note in everything(file)["notes"] if note[0] != "history-id"]


def translator(moves: Sequence[Move] = SECOND, name: str = "recording") -> RecordingTranslator:
    return RecordingTranslator(name=name, moves=moves)


def bring(file: Path, schema: Schema, *translators: RecordingTranslator) -> None:
    store = Store(file)
    try:
        migration.bring_up_to_date(store, translators or (translator(),), schema, endless())
    finally:
        store.close()


async def started(
    file: Path, schema: Schema, by: RecordingTranslator | None = None, moves: Sequence[Move] = SECOND
) -> Configuration:
    configuration = Configuration(schema, Store(file), translators=[by or translator(moves)], worker=direct)
    await configuration.start()
    return configuration


BEFORE, AFTER = thing("1", "<size>5</size>"), thing("1", "<what>a</what><size>7</size>")


async def test_running_is_what_the_older_version_had(schema: Schema, tmp_path: Path) -> None:
    file = older(tmp_path, [unit("1", after=BEFORE), unit("2", after=thing("2"))], [unit("1", BEFORE, AFTER)])
    backend = translator(SECOND)
    configuration = await started(file, schema, backend)
    first = "<entry><id>1</id><word>a</word><plain><speed>7</speed></plain></entry>"
    second = "<entry><id>2</id></entry>"
    # The system orders the list: libyang 2 by arrival, libyang 3 by key.
    assert configuration.running.to_xml() in [
        f'<top xmlns="{EC}">{entries}</top>'.encode() for entries in (first + second, second + first)
    ]
    assert backend.holds[("1",)]["word"] == "a"


async def test_what_was_before_a_commit_can_still_be_had(schema: Schema, tmp_path: Path) -> None:
    file = older(tmp_path, [unit("1", after=BEFORE)], [unit("1", BEFORE, AFTER)], [unit("1", AFTER)])
    configuration = await started(file, schema)
    edit(configuration.candidate, config(entry("<number>9</number>")))
    await configuration.commit(INFO)
    was = {commit: configuration.as_of(commit).tree.to_xml() for commit in range(5)}
    assert b"<speed>5</speed>" in was[1]
    assert b"<word>a</word>" in was[2]
    assert [b"<entry>" in was[commit] for commit in range(5)] == [False, True, True, False, True]


async def test_a_pending_confirmed_commit_is_rolled_back(schema: Schema, tmp_path: Path) -> None:
    def further(store: Store) -> None:
        pending = store.begin(INFO, [unit("1", BEFORE, AFTER), unit("2", after=thing("2"))], TIME)
        store.finish(pending, Window(1, 600, 0.0, 7, "tester", ""))

    file = older(tmp_path, [unit("1", after=BEFORE)], further=further)
    configuration = await started(file, schema)
    assert b"<speed>5</speed>" in configuration.running.to_xml()
    assert b"<id>2</id>" not in configuration.running.to_xml()
    assert configuration.store.window() is None


def test_commits_that_were_undone_or_interrupted_are_rewritten_too(schema: Schema, tmp_path: Path) -> None:
    def further(store: Store) -> None:
        store.undo(store.begin(INFO, [unit("2", after=thing("2"))], TIME), "why")
        store.begin(INFO, [unit("3", after=thing("3"))], TIME)

    file = older(tmp_path, [unit("1", after=BEFORE)], further=further)
    bring(file, schema)
    rows = everything(file)["changes"]
    assert [path for _, _, path, _, _ in rows] == [
        f"/every-construct:top/entry[id='{name}']" for name in "123"
    ]
    assert not any(ACME.encode() in octets for *_, before, after in rows for octets in (before, after))


def test_a_snapshot_is_rewritten(schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.datastore.snapshots.SNAPSHOT_MIN_OCTETS", 1)
    commit = [unit("1", after=BEFORE)]
    file = older(tmp_path, commit, further=lambda store: store.snapshot_if_due(lambda: BEFORE))
    bring(file, schema)
    ((_, content),) = everything(file)["snapshots"]
    assert content == (
        f'<top xmlns="{EC}"><entry><id>1</id><plain><speed>5</speed></plain></entry></top>'.encode()
    )


def test_the_form_is_noted_and_the_next_start_does_nothing(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = older(tmp_path, [unit("1", after=BEFORE)])
    bring(file, schema)
    assert ("model:recording", "2027-01-01") in everything(file)["notes"]
    assert everything(file)["version"] == [(5,)]
    converted = everything(file)

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Store, "rewriting", never)
    monkeypatch.setattr(Store, "changes_count", never)
    bring(file, schema)
    assert everything(file) == converted


def test_an_empty_history_gets_the_note_at_once(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    file = tmp_path / "history.db"
    bring(file, schema)
    assert notes(file) == [("model:recording", "2027-01-01")]
    assert caplog.text == ""


def test_without_moves_nothing_is_noted_and_the_rows_get_checksums(schema: Schema, tmp_path: Path) -> None:
    file = older(tmp_path, [unit("1", after=BEFORE)])
    before = everything(file)
    bring(file, schema, translator(()))
    after = everything(file)
    assert [row[:2] for row in after.pop("units")] == [(unit("1").path, 1)]
    assert [name for name, _ in after.pop("notes")] == ["history-id"]
    assert after.pop("commits") == [(*row, "client", "") for row in before["commits"]]
    assert (after.pop("version"), before["version"]) == ([(5,)], [(2,)])
    assert after == {table: before[table] for table in after}
    store = Store(file)
    store.verify(endless())
    assert store.has_sums


def test_later_moves_are_applied_to_what_has_seen_the_earlier_ones(schema: Schema, tmp_path: Path) -> None:
    history = [unit("1", after=thing("1", "<what>a</what><count>3</count>"))]
    for folder in ("one by one", "at once"):
        (tmp_path / folder).mkdir()
    file, at_once = older(tmp_path / "one by one", history), older(tmp_path / "at once", history)
    bring(file, schema, translator(FIRST))
    assert everything(file)["changes"][0][2] == "/every-construct:top/thing[id='1']"
    bring(file, schema, translator(SECOND))
    bring(file, schema, translator(THIRD))
    bring(at_once, schema, translator(THIRD))
    found, expected = everything(at_once), everything(file)
    assert dict(found.pop("notes"))["history-id"] != dict(expected.pop("notes"))["history-id"]  # type: ignore[arg-type]
    assert found == expected
    assert b"<number>3</number>" in everything(file)["changes"][0][4]  # type: ignore[operator]


def test_each_translator_has_its_own_note(schema: Schema, tmp_path: Path) -> None:
    file = older(tmp_path, [unit("1", after=BEFORE)])
    bring(file, schema, translator(FIRST, "one"))
    bring(file, schema, translator(FIRST, "one"), translator(SECOND[1:], "two"), translator((), "three"))
    assert notes(file) == [("model:one", "2026-12-01"), ("model:two", "2027-01-01")]
    assert everything(file)["changes"][0][2] == "/every-construct:top/entry[id='1']"


@pytest.mark.parametrize("known", [FIRST, ()])
def test_a_history_of_a_newer_model_is_refused(known: Sequence[Move], schema: Schema, tmp_path: Path) -> None:
    file = older(tmp_path, [unit("1", after=BEFORE)])
    bring(file, schema)
    before = everything(file)
    with pytest.raises(StoreError, match=r"history\.db was written by a newer version .* 2027-01-01"):
        bring(file, schema, translator(known))
    assert everything(file) == before


def test_a_failure_in_the_middle_leaves_everything_as_it_was(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = older(tmp_path, *([unit(str(n), after=thing(str(n)))] for n in range(5)))
    before = everything(file)
    moved_unit, seen = migration.moved_unit, []

    def failing(*arguments: object) -> bytes:
        seen.append(arguments)
        if len(seen) > 6:
            raise ZeroDivisionError
        return moved_unit(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(migration, "moved_unit", failing)
        with pytest.raises(ZeroDivisionError):
            bring(file, schema)
    assert everything(file) == before
    assert before["version"] == [(2,)]
    bring(file, schema)
    assert everything(file)["version"] == [(5,)]


def test_a_disk_that_is_full_leaves_everything_as_it_was(schema: Schema, tmp_path: Path) -> None:
    big = thing("1", f"<size>{'9' * 100_000}</size>")
    file = older(tmp_path, *([unit(str(n), after=big)] for n in range(20)))
    before = everything(file)
    store = Store(file)
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match=r"history\.db .* as it was: .*full"):
        migration.bring_up_to_date(store, [translator()], schema, endless())
    store.close()
    assert everything(file) == before


TORN = thing("2", "<secret>hush-hush</secret>")[:-20]
WAS_ACME = "/acme:things/thing[id='2']"


@pytest.mark.parametrize(
    ("row", "named"),
    [
        (unit("2", after=TORN), f"{WAS_ACME} of commit 1 is damaged: not well-formed"),
        (unit("2", before=TORN), f"{WAS_ACME} of commit 1 is damaged: not well-formed"),
        (unit("2", after=b"\0"), f"{WAS_ACME} of commit 1 is damaged: a NUL octet"),
        (UnitChange("?", b"", thing("2")), "? of commit 1 is damaged: ? is no schema path"),
        # What its path says now is no concern of the moves, but what it holds is.
        (UnitChange("/acmf:things/thing[id='2']", b"", thing("2")), "/acmf:things/thing.* its path says"),
        (UnitChange("/every-third:x", thing("2"), b""), "/every-third:x .* its path says"),
        (UnitChange("/every-third:x", b"\x8f", b""), "/every-third:x .* does not begin with an element"),
        (UnitChange("/acme:things/thing", b"", thing("2", "", "else")), "more than one, with 'else'"),
    ],
)
def test_a_damaged_row_is_named_and_nothing_is_converted(
    row: UnitChange, named: str, schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = older(tmp_path, [unit("1", after=BEFORE), row], [unit("1", BEFORE, AFTER)])
    before = everything(file)
    with pytest.raises(StoreError, match=named.replace("?", r"\?").replace("[", r"\[")) as caught:
        bring(file, schema)
    said = str(caught.value)
    assert f"{file} could not be brought to the form of this version, and is as it was" in said
    assert "a copy of the data folder" in said
    assert "the version that wrote it" in said
    assert "hush-hush" not in said + caplog.text
    assert everything(file) == before


def test_a_damaged_snapshot_is_named_and_nothing_is_converted(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.datastore.snapshots.SNAPSHOT_MIN_OCTETS", 1)
    commit = [unit("1", after=BEFORE)]
    file = older(tmp_path, commit, further=lambda store: store.snapshot_if_due(lambda: TORN[:-20]))
    assert len(everything(file)["snapshots"]) == 1
    before = everything(file)
    with pytest.raises(StoreError, match="the snapshot of commit 1 is damaged"):
        bring(file, schema)
    assert everything(file) == before


@pytest.mark.parametrize("content", ["7", "'text'"])
def test_what_is_not_of_the_kind_that_was_written_is_damaged_too(
    content: str, schema: Schema, tmp_path: Path
) -> None:
    file = older(tmp_path, [unit("1", after=BEFORE)])
    database = sqlite3.connect(file)
    database.execute(f"UPDATE changes SET after = {content}")
    database.commit()
    database.close()
    before = everything(file)
    with pytest.raises(StoreError, match=r"thing\[id='1'\] of commit 1 is damaged.*a copy of the data"):
        bring(file, schema)
    assert everything(file) == before


def test_what_no_move_concerns_is_left_as_it_is(schema: Schema, tmp_path: Path) -> None:
    """Also what is of a module that is not served: it may be again."""
    rows = [
        UnitChange("/every-third:x", b"", f'<x xmlns="{ET}">1</x>'.encode()),
        UnitChange("/gone:x", b'<x xmlns:a="urn:a" xmlns="urn:gone"/>', b""),
    ]
    file = older(tmp_path, rows)
    before = everything(file)["changes"]
    bring(file, schema)
    assert everything(file)["changes"] == before
    assert everything(file)["version"] == [(5,)]


def test_a_long_history_says_how_far_it_is(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(migration, "PROGRESS_ROWS", 3)
    file = older(tmp_path, [unit(str(n)) for n in range(7)])
    bring(file, schema)
    assert [r.message for r in caplog.records][1:3] == [
        "3 recorded changes looked at", "6 recorded changes looked at",
    ]  # fmt: skip


def clock(*steps_s: float) -> Callable[[], float]:
    """Return a clock on which so much time passes between two looks, and none after them."""
    times = list(accumulate((0.0, *steps_s)))
    return lambda: times.pop(0) if len(times) > 1 else times[0]


def test_a_slow_history_says_how_far_it_is(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    file = older(tmp_path, [unit(str(n), after=thing(str(n))) for n in range(4)])
    progress = Progress(lambda: False, clock(1, 4, 0, 1, 6))
    store = Store(file)
    migration.bring_up_to_date(store, [translator()], schema, progress)
    store.close()
    said = [r.message for r in caplog.records if r.name == "agent.datastore.progress"]
    assert said == ["1 recorded changes looked at", "3 recorded changes looked at"]


def test_one_large_record_says_how_far_it_is(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(migration, "PROGRESS_ELEMENTS", 2)
    file = older(tmp_path, [unit("1", after=AFTER)])
    store = Store(file)
    migration.bring_up_to_date(store, [translator()], schema, Progress(lambda: False, clock(0, 9)))
    store.close()
    assert "2 elements of /acme:things/thing[id='1'] of commit 1 rewritten" in caplog.text


@pytest.mark.parametrize("elements", [1, migration.PROGRESS_ELEMENTS])
def test_who_ends_it_finds_everything_as_it_was(
    elements: int, schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two records and, where one is large, within it."""
    monkeypatch.setattr(migration, "PROGRESS_ELEMENTS", elements)
    file = older(tmp_path, [unit(str(n), after=thing(str(n))) for n in range(5)])
    before, asked = everything(file), []

    def ended() -> bool:
        asked.append(1)
        return len(asked) > 3

    store = Store(file)
    with pytest.raises(Ended):
        migration.bring_up_to_date(store, [translator()], schema, Progress(ended))
    store.close()
    assert len(asked) == 4
    assert everything(file) == before
    bring(file, schema)
    assert everything(file)["version"] == [(5,)]


async def test_snapshots_come_when_they_would_have(schema: Schema, tmp_path: Path) -> None:
    """The store counts octets since the last snapshot; they are others after the rewriting."""
    file = older(tmp_path, [unit("1", after=BEFORE)])
    configuration = await started(file, schema)
    fresh = Store(file)
    assert configuration.store._pending.octets == fresh._pending.octets > 0
    fresh.close()
