"""A start puts right what the last end of the server left: half a commit, or one that nobody confirmed."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.datastore.configuration import Configuration
from agent.datastore.confirmed import Window
from agent.datastore.edit import edit
from agent.datastore.preparation import Prepared
from agent.datastore.records import UnitChange
from agent.datastore.recovery import undo_interrupted
from agent.datastore.store import Store
from agent.datastore.store_errors import StoreError
from agent.datastore.transaction import Opens
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.units import Unit
from tests.agent.datastore.lab import INFO, ONE, commit, started
from tests.agent.lab import config, direct, entry, top
from tests.agent.recording_translator import RecordingTranslator

THREE = entry("<number>3</number>")


def window(rollback_to: int) -> Window:
    return Window(
        rollback_to=rollback_to, timeout_s=600, deadline_s=0.0, session_id=7, user="ann", source="127.0.0.1"
    )


def opens(rollback_to: int) -> Opens:
    async def opened(_prepared: Prepared) -> Window:
        return window(rollback_to)

    return opened


async def unconfirmed(configuration: Configuration, body: str) -> None:
    """Commit ``body`` with a window, and let the server end inside it."""
    edit(configuration.candidate, config(body))
    await configuration.commit(INFO, opens=opens(configuration.store.latest()))
    configuration.store.close()


def commits(store: Store) -> list[tuple[str, str, str]]:
    """Return user, state and comment of every commit, oldest first."""
    return list(store._db.execute("SELECT user, state, comment FROM commits ORDER BY id"))


async def test_an_unconfirmed_commit_is_rolled_back_before_the_backends_start(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, ONE)
    await unconfirmed(configuration, THREE)
    translator = RecordingTranslator()
    again = await started(schema, tmp_path, translator)
    assert b"<number>2</number>" in again.running.to_xml()
    assert again.candidate.tree.to_xml() == again.running.to_xml()
    assert again.candidate.changed == {}
    assert translator.log == ["start", "reconcile"], "it starts with what was rolled back to, and no undo"
    assert translator.holds[("1",)]["number"] == 2
    assert "a confirmed commit of ann was not confirmed before the restart" in caplog.text


async def test_the_rollback_is_a_commit_of_the_server_and_made_once(schema: Schema, tmp_path: Path) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, ONE)
    await unconfirmed(configuration, THREE)
    for _ in range(2):
        again = await started(schema, tmp_path)
        assert again.store.window() is None
        assert commits(again.store)[2:] == [("yangswan", "committed", "rollback of commit 2 at start")]
        assert b"<number>2</number>" in again.running.to_xml()
        again.store.close()


async def test_a_window_in_which_nothing_was_changed_is_closed_without_a_commit(
    schema: Schema, tmp_path: Path
) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, ONE)
    await unconfirmed(configuration, ONE)
    again = await started(schema, tmp_path)
    assert again.store.window() is None
    assert again.store.latest() == 1
    assert b"<number>2</number>" in again.running.to_xml()


async def test_who_follows_running_is_told_of_the_rollback(schema: Schema, tmp_path: Path) -> None:
    await unconfirmed(await started(schema, tmp_path), ONE)
    store = Store(tmp_path / "history.db")
    again = Configuration(schema, store, translators=[RecordingTranslator()], worker=direct)
    told: list[str] = []

    def swapped(running: Tree, units: list[Unit]) -> None:
        assert running is again.running
        told.extend(unit.path for unit in units)

    again.when_swapped.append(swapped)
    await again.start()
    assert told == ["/every-construct:top/entry[id='1']"]


async def test_what_is_not_valid_any_more_is_gone_back_to_all_the_same(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, ONE)
    change = UnitChange(
        "/every-construct:top/entry[id='1']",
        before=entry("<number>2</number><twice>1</twice>").encode(),
        after=ONE.encode(),
    )
    commit_id = configuration.store.begin(INFO, [change], "2026-11-23T00:00:00Z")
    configuration.store.finish(commit_id, window(1))
    configuration.store.close()
    again = await started(schema, tmp_path)
    assert b"<twice>1</twice>" in again.running.to_xml()
    assert again.store.window() is None
    assert "what it goes back to does not satisfy the YANG modules" in caplog.text


async def test_commits_that_a_crash_interrupted_are_named_and_marked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path / "history.db")
    undo_interrupted(store)
    assert caplog.text == ""
    for _ in range(2):
        store.begin(INFO, [], "2026-11-23T00:00:00Z")
    undo_interrupted(store)
    assert [state for _, state, _ in commits(store)] == ["undone", "undone"]
    assert "commit 1, 2 was interrupted and is undone" in caplog.text


async def test_a_commit_that_a_crash_interrupted_is_undone_at_start(schema: Schema, tmp_path: Path) -> None:
    configuration = await started(schema, tmp_path, RecordingTranslator())
    await commit(configuration, ONE)
    edit(configuration.candidate, config(entry("<number>9</number>")))
    prepared = configuration.prepare(configuration.candidate)
    configuration.store.begin(INFO, prepared.records, "2026-11-23T00:00:00Z")  # and then the power fails
    again = await started(schema, tmp_path, RecordingTranslator())
    assert b"<number>2</number>" in again.running.to_xml()
    assert again.store.interrupted() == []


async def without_room(schema: Schema, folder: Path) -> tuple[Store, Configuration]:
    """Return a history that cannot grow, in which a large commit was not confirmed, and who reads it."""
    configuration = await started(schema, folder)
    await commit(configuration, ONE)
    await unconfirmed(configuration, top("".join(f"<entry><id>{n}</id></entry>" for n in range(500))))
    store = Store(folder / "history.db")
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    return store, Configuration(schema, store, translators=[RecordingTranslator()], worker=direct)


async def test_a_rollback_that_the_disk_has_no_room_for_is_in_force_and_recorded_later(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, full = await without_room(schema, tmp_path)
    await full.start()
    assert "cannot be written (database or disk is full)" in caplog.text
    assert b"<number>2</number>" in full.running.to_xml()
    store.close()
    again = await started(schema, tmp_path)
    assert again.store.window() is None
    assert b"<number>2</number>" in again.running.to_xml()


async def test_a_rollback_that_can_be_recorded_nowhere_is_said_and_made_later(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, full = await without_room(schema, tmp_path)
    said = r"rollback .* not be recorded in .*history\.db: .*full.* make room"
    with monkeypatch.context() as patch:
        patch.setattr(Store, "detach", lambda _store, _problem: False)
        with pytest.raises(StoreError, match=said):
            await full.start()
    assert store.window() is not None
    store.close()
    again = await started(schema, tmp_path)
    assert again.store.window() is None
    assert b"<number>2</number>" in again.running.to_xml()
