"""A commit that returns is on disk and in the backend; one that raises has changed neither."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest

from agent.datastore.edit import edit
from agent.errors import RpcErrors
from agent.memory import FREED_AT_ONCE, let_go
from agent.translator import EntryChange, Plan
from agent.yang.nodes import Defaults
from agent.yang.schema import Schema
from tests.agent.datastore.lab import ONE, commit, started
from tests.agent.lab import EC, config, entry, top
from tests.agent.recording_translator import RecordingTranslator


def full(*_: object, **__: object) -> NoReturn:
    raise sqlite3.OperationalError("database or disk is full")


async def test_a_commit_reaches_running_disk_and_backend(schema: Schema, tmp_path: Path) -> None:
    translator = RecordingTranslator()
    configuration = await started(schema, tmp_path, translator)
    assert await commit(configuration, ONE) == 1
    assert b"<number>2</number>" in configuration.running.to_xml()
    assert translator.holds[("1",)]["number"] == 2
    again = await started(schema, tmp_path, RecordingTranslator())
    assert again.running.to_xml(Defaults.REPORT_ALL) == configuration.running.to_xml(Defaults.REPORT_ALL)


async def test_translators_see_defaults_and_only_what_changed(schema: Schema, tmp_path: Path) -> None:
    translator = RecordingTranslator()
    configuration = await started(schema, tmp_path, translator)
    await commit(configuration, top("<entry><id>1</id></entry><entry><id>2</id></entry>"))
    assert translator.holds[("1",)]["plain"] == {"speed": 100}
    translator.log.clear()
    await commit(configuration, top("<entry><id>2</id><word>a</word></entry>"))
    assert translator.log == ["apply ('2',)"]


async def test_a_commit_of_nothing_sends_nothing(schema: Schema, tmp_path: Path) -> None:
    translator = RecordingTranslator()
    configuration = await started(schema, tmp_path, translator)
    await commit(configuration, ONE)
    translator.log.clear()
    assert await commit(configuration, ONE) is None
    assert translator.log == []


async def test_a_history_that_cannot_be_asked_refuses_what_it_would_have_to_record(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, ONE)
    monkeypatch.setattr(configuration.store, "upcoming", full)
    assert await commit(configuration, ONE) is None
    with pytest.raises(RpcErrors, match="could not be recorded on disk, which is full"):
        await commit(configuration, entry("<number>3</number>"))
    assert b"<number>2</number>" in configuration.running.to_xml()


async def test_what_is_changed_and_changed_back_is_no_change(schema: Schema, tmp_path: Path) -> None:
    translator = RecordingTranslator()
    configuration = await started(schema, tmp_path, translator)
    await commit(configuration, ONE)
    edit(configuration.candidate, config(entry("<number>3</number>")))
    assert await commit(configuration, ONE) is None


async def test_a_refusal_of_the_translator_is_told_and_changes_nothing(
    schema: Schema, tmp_path: Path
) -> None:
    translator = RecordingTranslator(refuse_check=True)
    configuration = await started(schema, tmp_path, translator)
    with pytest.raises(RpcErrors) as caught:
        await commit(configuration, ONE)
    assert [(e.message, e.path) for e in caught.value.errors] == [
        ("refused by check", "/every-construct:top/entry[id='1']")
    ]
    assert configuration.store.latest() == 0
    assert configuration.running.to_xml() == b""


@pytest.mark.parametrize("refused", ["check", "apply"])
async def test_what_refuses_a_commit_keeps_nothing_of_it(
    schema: Schema, tmp_path: Path, refused: str
) -> None:
    """Whoever tries again and again would fill the memory: the collector of cycles looks seldom."""
    translator = RecordingTranslator(**{f"refuse_{refused}": True})
    configuration = await started(schema, tmp_path, translator)
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(RpcErrors) as caught:
            await commit(configuration, ONE)
        error = weakref.ref(caught.value)
        del caught
        await asyncio.sleep(0)
        assert error() is None
    finally:
        gc.enable()


async def test_a_backend_that_refuses_leaves_no_trace(schema: Schema, tmp_path: Path) -> None:
    translator = RecordingTranslator(refuse_apply=True)
    configuration = await started(schema, tmp_path, translator)
    with pytest.raises(RpcErrors) as caught:
        await commit(configuration, ONE)
    assert caught.value.errors[0].app_tag == "backend-refused"
    assert configuration.running.to_xml() == b""
    assert b"<number>2</number>" in configuration.candidate.tree.to_xml()  # the user keeps the edit
    again = await started(schema, tmp_path, RecordingTranslator())
    assert again.running.to_xml() == b""


async def test_a_disk_that_fails_after_apply_undoes_the_backend(schema: Schema, tmp_path: Path) -> None:
    translator = RecordingTranslator()
    configuration = await started(schema, tmp_path, translator)
    configuration.store.finish = full  # type: ignore[method-assign]
    with pytest.raises(RpcErrors) as caught:
        await commit(configuration, ONE)
    assert "could not be recorded" in caught.value.errors[0].message
    assert translator.log[-2:] == ["apply ('1',)", "undo ('1',)"]
    assert translator.holds == {}


async def test_a_file_system_that_became_read_only_is_said_and_no_fault_of_the_server(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = await started(schema, tmp_path)
    configuration.store._db.execute("PRAGMA query_only = ON")
    with pytest.raises(RpcErrors, match=r"undone: it could not be recorded on disk: .*readonly") as caught:
        await commit(configuration, ONE)
    assert caught.value.errors[0].tag == "resource-denied"
    assert [record.exc_info for record in caplog.records] == [None]
    configuration.store._db.execute("PRAGMA query_only = OFF")
    assert await commit(configuration, "") is not None


async def test_a_disk_that_is_full_from_the_start_refuses_the_commit(schema: Schema, tmp_path: Path) -> None:
    translator = RecordingTranslator()
    configuration = await started(schema, tmp_path, translator)
    configuration.store.begin = full  # type: ignore[method-assign]
    with pytest.raises(RpcErrors, match="could not be recorded"):
        await commit(configuration, ONE)
    assert translator.holds == {}
    assert configuration.running.to_xml() == b""


async def test_a_snapshot_that_fails_does_not_turn_a_commit_into_an_error(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = await started(schema, tmp_path, RecordingTranslator())
    configuration.store.is_tidy = lambda: False  # type: ignore[assignment,method-assign,misc]
    configuration.store.snapshot_if_due = full  # type: ignore[method-assign]
    assert await commit(configuration, ONE) == 1
    assert "no snapshot" in caplog.text
    again = await started(schema, tmp_path, RecordingTranslator())
    assert b"<number>2</number>" in again.running.to_xml()


async def test_a_fault_in_a_translator_is_reconciled(schema: Schema, tmp_path: Path) -> None:
    translator = RecordingTranslator()
    configuration = await started(schema, tmp_path, translator)

    async def half_way(_plan: object) -> None:
        translator.holds[("1",)] = {"half": True}
        raise TimeoutError

    translator.apply = half_way  # type: ignore[method-assign]
    with pytest.raises(RpcErrors):
        await commit(configuration, ONE)
    assert translator.holds == {}
    assert configuration.store.interrupted() == []


async def test_an_undo_that_fails_too_ends_in_reconciling(schema: Schema, tmp_path: Path) -> None:
    translator = RecordingTranslator(refuse_undo=True)
    configuration = await started(schema, tmp_path, translator)
    configuration.store.finish = full  # type: ignore[method-assign]
    with pytest.raises(RpcErrors):
        await commit(configuration, ONE)
    assert translator.log[-1] == "reconcile"
    assert translator.holds == {}


async def test_the_history_file_is_private(schema: Schema, tmp_path: Path) -> None:
    await started(schema, tmp_path, RecordingTranslator())
    assert set(modes_in(tmp_path)) == {0o600}


def modes_in(folder: Path) -> list[int]:
    return [path.stat().st_mode & 0o777 for path in folder.iterdir()]


PAIRS = "/every-construct:references/pair"
FLAG = "/every-construct:top/flag"


def pair(name: str) -> str:
    return f'<references xmlns="{EC}"><pair><name>{name}</name></pair></references>'


async def test_a_translator_gets_the_changes_of_its_further_lists_with_those_of_its_own(
    schema: Schema, tmp_path: Path
) -> None:
    translator = RecordingTranslator(further_lists=(PAIRS,))
    seen: list[tuple[str, str]] = []
    prepare = translator.prepare

    async def noting(changes: Sequence[EntryChange]) -> Plan:
        seen.extend((change.list_path, change.keys[0]) for change in changes)
        return await prepare(changes)

    translator.prepare = noting  # type: ignore[method-assign]
    configuration = await started(schema, tmp_path, translator)
    assert translator.known == {PAIRS: {}}
    await commit(configuration, pair("a") + entry("<number>2</number>"))
    assert sorted(seen) == [(PAIRS, "a"), ("/every-construct:top/entry", "1")]
    again = RecordingTranslator(further_lists=(PAIRS,))
    await started(schema, tmp_path, again)
    assert list(again.known[PAIRS]) == [("a",)]
    assert list(again.holds) == [("1",)], "its own list alone is what it starts with"


async def test_a_leaf_among_the_further_lists_is_an_entry_without_keys(
    schema: Schema, tmp_path: Path
) -> None:
    translator = RecordingTranslator(further_lists=(FLAG,))
    seen: list[EntryChange] = []
    prepare = translator.prepare

    async def noting(changes: Sequence[EntryChange]) -> Plan:
        seen.extend(changes)
        return await prepare([])

    translator.prepare = noting  # type: ignore[method-assign]
    configuration = await started(schema, tmp_path, translator)
    await commit(configuration, f'<top xmlns="{EC}"><flag>false</flag></top>')
    (change,) = seen
    assert (change.keys, change.list_path, change.path) == ((), FLAG, FLAG)
    assert change.after == {"flag": False}
    again = RecordingTranslator(further_lists=(FLAG,))
    await started(schema, tmp_path, again)
    assert again.known == {FLAG: {(): {"flag": False}}}


async def test_what_changes_nothing_beside_the_agent_is_recorded_in_one_step(
    schema: Schema, tmp_path: Path
) -> None:
    translator = RecordingTranslator(stays_inside=True)
    configuration = await started(schema, tmp_path, translator)
    configuration.store.begin = full  # type: ignore[method-assign]
    configuration.store.finish = full  # type: ignore[method-assign]
    assert await commit(configuration, ONE) == 1
    assert await commit(configuration, entry("<number>3</number>")) == 2
    assert translator.holds[("1",)]["number"] == 3
    assert configuration.datastores.txids.units["/every-construct:top/entry[id='1']"] == 2
    again = await started(schema, tmp_path)
    assert b"<number>3</number>" in again.running.to_xml()
    assert again.datastores.txids.units == configuration.datastores.txids.units
    assert again.store.interrupted() == []


async def test_what_cannot_be_recorded_in_one_step_is_taken_back(schema: Schema, tmp_path: Path) -> None:
    translator = RecordingTranslator(stays_inside=True)
    configuration = await started(schema, tmp_path, translator)
    configuration.store.record = full  # type: ignore[method-assign]
    with pytest.raises(RpcErrors, match="could not be recorded on disk, which is full"):
        await commit(configuration, ONE)
    assert translator.log[-2:] == ["apply ('1',)", "undo ('1',)"]
    assert configuration.running.to_xml() == b""
    again = await started(schema, tmp_path)
    assert (again.running.to_xml(), again.store.latest()) == (b"", 0)


async def test_what_was_refused_without_a_record_is_on_record_as_undone(
    schema: Schema, tmp_path: Path
) -> None:
    translator = RecordingTranslator(stays_inside=True, refuse_apply=True)
    configuration = await started(schema, tmp_path, translator)
    with pytest.raises(RpcErrors, match="refused by apply"):
        await commit(configuration, ONE)
    assert configuration.store.rows("SELECT id, state FROM commits") == [(1, "undone")]
    translator.refuse_apply = False
    assert await commit(configuration, ONE) == 2


@pytest.mark.parametrize("more", [0, 1])
async def test_what_many_units_needed_is_freed_by_the_thread_that_writes(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    """Not by the event loop, and in pieces: others are waiting for it."""
    configuration = await started(schema, tmp_path)
    worker, given = configuration._transactions._worker, list[list[object]]()

    async def note(function: Callable[..., object], *arguments: Any) -> object:
        if function is let_go or function == configuration._transactions._clear_up:
            given.extend(map(list.copy, arguments))
        return await worker(function, *arguments)

    monkeypatch.setattr(configuration._transactions, "_worker", note)
    entries = "".join(f"<entry><id>{n}</id></entry>" for n in range(FREED_AT_ONCE + more))
    await commit(configuration, top(entries))
    assert [type(held).__name__ for (held,) in given] == ["dict", "_Change"] * more


async def test_what_is_due_after_a_large_commit_is_done_when_it_is_in_force(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client has its answer while the snapshot is printed; what comes next waits for that."""
    configuration = await started(schema, tmp_path)
    transactions, held = configuration._transactions, asyncio.Event()
    worker = transactions._worker

    async def late(function: Callable[..., object], *arguments: Any) -> object:
        if function == transactions._clear_up:
            await held.wait()
        return await worker(function, *arguments)

    monkeypatch.setattr(transactions, "_worker", late)
    monkeypatch.setattr("agent.datastore.snapshots.SNAPSHOT_MIN_OCTETS", 1)
    entries = "".join(f"<entry><id>{n}</id></entry>" for n in range(FREED_AT_ONCE + 1))
    assert await commit(configuration, top(entries)) == 1
    assert configuration.store.load()[0] == b""
    held.set()
    await asyncio.wait(transactions._later)
    content, changes = configuration.store.load()
    assert (content, [*changes]) == (configuration.running.to_xml(), [])


async def test_no_snapshot_is_made_while_running_may_be_behind_the_disk(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = await started(schema, tmp_path)
    transactions, made = configuration._transactions, list[int]()
    monkeypatch.setattr(transactions, "_tidy", lambda: made.append(configuration.store.latest()))
    begin = transactions._begin

    def begin_in_between(change: Any) -> int:
        transactions._clear_up([])
        return begin(change)

    monkeypatch.setattr(transactions, "_begin", begin_in_between)
    await commit(configuration, ONE)
    assert made == [1], "the commit's own alone"
    transactions._clear_up([])
    assert made == [1, 1]


async def test_what_cannot_be_cleared_up_is_logged(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = await started(schema, tmp_path)
    monkeypatch.setattr(configuration._transactions, "_tidy", lambda: 1 // 0)
    entries = "".join(f"<entry><id>{n}</id></entry>" for n in range(FREED_AT_ONCE + 1))
    assert await commit(configuration, top(entries)) == 1
    assert "could not be cleared up" in caplog.text
