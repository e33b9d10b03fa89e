"""Running comes back from the history, as it is and as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.datastore.progress import endless
from agent.datastore.replay import as_of, load, replay
from agent.datastore.store import Store, StoreError, UnitChange
from agent.yang.schema import Schema
from tests.agent.datastore.lab import INFO, ONE, commit, started
from tests.agent.lab import EC, empty_running, entry, top
from tests.agent.recording_translator import RecordingTranslator

ORDER = "/every-construct:order"


def order(value: str) -> bytes:
    return f'<order xmlns="{EC}">{value}</order>'.encode()


def recorded(store: Store, *changes: UnitChange) -> int:
    commit_id = store.begin(INFO, changes, "2026-11-23T00:00:00Z")
    store.finish(commit_id)
    return commit_id


def test_an_empty_history_is_an_empty_running_with_its_defaults(schema: Schema, tmp_path: Path) -> None:
    running = load(Store(tmp_path / "history.db"), schema, endless())
    assert running.to_xml() == empty_running(schema).to_xml() == b""


def test_a_unit_is_put_in_as_it_was_after_or_before_the_commit(schema: Schema) -> None:
    tree = empty_running(schema)
    change = UnitChange(ORDER, before=order("a"), after=order("b"))
    for back, value in ((False, b"b"), (True, b"a")):
        unit = replay(change, tree, back=back)
        assert unit is not None
        assert unit.path == ORDER
        assert tree.to_xml().count(b"<order") == 1
        assert b">" + value + b"<" in tree.to_xml()


def test_a_unit_that_was_not_there_is_taken_out(schema: Schema) -> None:
    tree = empty_running(schema)
    made = UnitChange(ORDER, before=b"", after=order("a"))
    replay(made, tree)
    assert replay(made, tree, back=True) is not None
    assert tree.to_xml() == b""


def test_a_record_that_says_nothing_of_its_unit_changes_nothing(schema: Schema) -> None:
    tree = empty_running(schema)
    assert replay(UnitChange(ORDER, before=b"", after=b""), tree) is None
    assert tree.to_xml() == b""


async def test_running_as_of_any_commit(schema: Schema, tmp_path: Path) -> None:
    configuration = await started(schema, tmp_path)
    was = [configuration.running.to_xml()]
    for body in (
        ONE,
        entry("<number>3</number>") + top("<flag>false</flag>"),
        top('<entry nc:operation="delete"><id>1</id></entry>'),
    ):
        await commit(configuration, body)
        was.append(configuration.running.to_xml())
    now = configuration.running
    for commit_id, content in enumerate(was):
        candidate = as_of(commit_id, store=configuration.store, running=now)
        assert candidate.tree.to_xml() == content
        assert bool(candidate.differing(now)) == (commit_id < 3)
    assert now.to_xml() == was[-1], "nothing has changed"


async def test_what_was_and_no_longer_fits_the_modules_is_left_out(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, ONE)
    broken = f'<top xmlns="{EC}"><flag>9</flag></top>'.encode()
    recorded(
        configuration.store,
        UnitChange(ORDER, before=order("a"), after=b""),
        UnitChange("/every-construct:top/flag", before=broken, after=b""),
    )
    candidate = as_of(1, store=configuration.store, running=configuration.running)
    assert list(candidate.changed) == [ORDER]
    assert b"<number>2</number>" in candidate.tree.to_xml()
    assert "flag as it was does not fit the YANG modules any more and is left out" in caplog.text


def test_a_snapshot_that_does_not_fit_the_modules_keeps_the_server_from_starting(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.datastore.store.SNAPSHOT_MIN_OCTETS", 1)
    store = Store(tmp_path / "history.db")
    recorded(store, UnitChange(ORDER, before=b"", after=order("a") * 9))
    assert store.snapshot_if_due(lambda: f'<top xmlns="{EC}"><flag>9</flag></top>'.encode())
    with pytest.raises(StoreError, match="/every-construct:top/flag does not fit the YANG modules"):
        load(store, schema, endless())


def test_what_is_not_valid_any_more_is_running_all_the_same(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path / "history.db")
    after = entry("<number>2</number><twice>1</twice>").encode()
    recorded(store, UnitChange("/every-construct:top/entry[id='1']", before=b"", after=after))
    assert b"<twice>1</twice>" in load(store, schema, endless()).to_xml()
    assert "does not satisfy the YANG modules" in caplog.text


async def test_what_no_longer_fits_the_modules_is_left_out(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = await started(schema, tmp_path, RecordingTranslator())
    await commit(configuration, ONE)
    broken = UnitChange(
        "/every-construct:order", b"", b'<top xmlns="' + EC.encode() + b'"><flag>9</flag></top>'
    )
    commit_id = configuration.store.begin(INFO, [broken], "2026-11-23T00:00:00Z")
    configuration.store.finish(commit_id)
    again = await started(schema, tmp_path, RecordingTranslator())
    assert b"<number>2</number>" in again.running.to_xml()
    assert "left out" in caplog.text


async def test_entries_whose_keys_hold_quotes_stay_apart(schema: Schema, tmp_path: Path) -> None:
    configuration = await started(schema, tmp_path, RecordingTranslator())
    await commit(configuration, top("<entry><id>a'][id=\"b</id></entry><entry><id>it's \"</id></entry>"))
    await commit(configuration, top("<entry><id>it's \"</id><number>3</number></entry>"))
    again = await started(schema, tmp_path, RecordingTranslator())
    assert again.running.to_xml().count(b"<entry>") == 2
    assert b"<number>3</number>" in again.running.to_xml()


async def test_deletes_and_snapshots_survive_a_restart(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.datastore.store.SNAPSHOT_MIN_OCTETS", 1)
    configuration = await started(schema, tmp_path, RecordingTranslator())
    for number in range(20):
        await commit(configuration, top(f"<entry><id>{number}</id><step>a</step><step>b</step></entry>"))
    await commit(configuration, top('<entry nc:operation="delete"><id>3</id></entry>'))
    await commit(configuration, top('<entry><id>4</id><step yang:insert="first">b</step></entry>'))
    rows = configuration.store._db.execute("SELECT count(*) FROM snapshots").fetchone()
    assert rows[0] == 1
    again = await started(schema, tmp_path, RecordingTranslator())
    assert sorted(again.running.to_xml().split(b"<entry>")) == sorted(
        configuration.running.to_xml().split(b"<entry>")
    )
