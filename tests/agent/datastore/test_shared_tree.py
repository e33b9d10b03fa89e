"""The candidate is running itself until somebody changes it, after much was committed, and when it rests."""

from __future__ import annotations

import asyncio
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from agent.datastore import datastores as datastores_module
from agent.datastore import edit_beforehand, edit_pieces
from agent.datastore.candidate import Candidate, Savepoint
from agent.datastore.configuration import Configuration
from agent.datastore.edit import edit
from agent.datastore.resting import AFTER_S, SOON_S, Resting
from agent.yang.beside import BESIDE
from agent.yang.many import FEW
from agent.yang.schema import Schema
from agent.yang.tree import Defaults
from tests.agent.datastore.lab import INFO, ONE, commit, started
from tests.agent.lab import config, direct, entry, top

PATIENCE_S = 60
MANY = top("".join(f"<entry><id>{n}</id></entry>" for n in range(FEW + 1)))
NONE = top("").replace("<top ", '<top nc:operation="delete" ')
CHANGE = entry("<number>3</number>")


def printed(candidate: Candidate) -> bytes:
    return candidate.content.to_xml(Defaults.REPORT_ALL_TAGGED)


def is_like_running(configuration: Configuration) -> bool:
    running = configuration.running.to_xml(Defaults.REPORT_ALL_TAGGED)
    return printed(configuration.candidate) == running and not configuration.candidate.changed


async def test_a_start_makes_one_tree_and_the_first_change_another(schema: Schema, tmp_path: Path) -> None:
    await commit(await started(schema, tmp_path), ONE)
    configuration = await started(schema, tmp_path)
    candidate, before = configuration.candidate, configuration.running.to_xml()
    assert candidate.is_running
    assert candidate.content is configuration.running
    assert not candidate.differing(configuration.running)
    edit(candidate, config(CHANGE))
    assert not candidate.is_running
    assert configuration.running.to_xml() == before
    assert b"<number>3</number>" in candidate.content.to_xml()


async def test_a_commit_of_few_keeps_the_tree_and_one_of_many_gives_it_up(
    schema: Schema, tmp_path: Path
) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, MANY)
    assert configuration.candidate.is_running
    assert is_like_running(configuration)
    await commit(configuration, CHANGE)
    assert not configuration.candidate.is_running
    assert is_like_running(configuration)
    configuration.candidate.tree.drop()  # it is another
    assert b"<number>3</number>" in configuration.running.to_xml()


@pytest.mark.parametrize("body", [CHANGE, MANY])
async def test_what_somebody_else_commits_is_in_it_at_once(schema: Schema, tmp_path: Path, body: str) -> None:
    """Running changes in place, or is made anew."""
    await commit(await started(schema, tmp_path), ONE)
    configuration = await started(schema, tmp_path)
    other = Candidate(configuration.running)
    edit(other, config(body))
    assert await configuration.commit(INFO, candidate=other) is not None
    assert configuration.candidate.is_running
    assert is_like_running(configuration)
    assert not configuration.candidate.known_to_differ(configuration.running).units


async def test_an_edit_that_is_taken_back_leaves_it_equal(schema: Schema, tmp_path: Path) -> None:
    await commit(await started(schema, tmp_path), ONE)
    configuration = await started(schema, tmp_path)
    savepoint: Savepoint = edit(configuration.candidate, config(CHANGE))
    savepoint.take_back()
    assert is_like_running(configuration)
    await configuration.discard()
    assert is_like_running(configuration)


async def test_it_rests_when_nothing_differs_and_not_before(schema: Schema, tmp_path: Path) -> None:
    configuration = await started(schema, tmp_path)
    candidate = configuration.candidate
    assert not candidate.rest()  # it does already
    edit(candidate, config(ONE))
    assert not candidate.rest()
    assert b"<number>2</number>" in printed(candidate)
    await configuration.commit(INFO)
    assert not candidate.is_running
    assert candidate.rest()
    assert is_like_running(configuration)
    edit(candidate, config(CHANGE))
    await configuration.discard()
    assert is_like_running(configuration)


async def test_who_is_no_copy_of_what_is_published_never_rests(schema: Schema, tmp_path: Path) -> None:
    configuration = await started(schema, tmp_path)
    assert not Candidate(configuration.running).rest()


async def test_it_rests_a_while_after_the_last_change(schema: Schema, tmp_path: Path) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, ONE)
    looked = asyncio.Event()

    async def worker(*work: Any) -> object:
        looked.set()
        return await direct(*work)

    resting = Resting(configuration.datastores, worker, after_s=0)
    async with configuration.writing:  # who changes it meanwhile is not disturbed
        resting._begin()
        await asyncio.sleep(0)
        assert not configuration.candidate.is_running
    assert not looked.is_set()
    await wait_for(resting._task)
    assert is_like_running(configuration)
    assert configuration.candidate.is_running
    looked.clear()
    resting.later()
    await asyncio.wait_for(looked.wait(), PATIENCE_S)


async def wait_for(task: asyncio.Task[None] | None) -> None:
    assert task is not None
    await asyncio.wait_for(task, PATIENCE_S)


async def test_each_change_puts_the_rest_off(schema: Schema, tmp_path: Path) -> None:
    configuration = await started(schema, tmp_path)
    resting = configuration._resting
    await commit(configuration, ONE)
    first = resting._due
    assert first is not None
    edit(configuration.candidate, config(CHANGE))
    await configuration.discard()
    assert first.cancelled()
    assert resting._due is not None
    assert not resting._due.cancelled()


@pytest.mark.parametrize(("bodies", "wait_s"), [([ONE], AFTER_S), ([MANY], AFTER_S), ([MANY, NONE], SOON_S)])
async def test_after_a_large_commit_that_leaves_little_memory_is_given_back_soon(
    schema: Schema, tmp_path: Path, bodies: list[str], wait_s: float
) -> None:
    loop = asyncio.get_running_loop()
    configuration = await started(schema, tmp_path)
    for body in bodies:
        before_s = loop.time()
        await commit(configuration, body)
    due = configuration._resting._due
    assert due is not None
    assert before_s + wait_s <= due.when() <= loop.time() + wait_s


async def test_running_is_copied_by_the_thread_in_whose_heap_it_was_read(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edit_pieces, "PIECE", 10)
    monkeypatch.setattr(edit_beforehand, "AT_ONCE_ELEMENTS", 10)
    configuration = await started(schema, tmp_path)
    datastores = configuration.datastores
    give = Mock(wraps=BESIDE.give)
    monkeypatch.setattr(BESIDE, "give", give)
    for body, beside in ((MANY, True), (MANY.replace("<entry>", '<entry nc:operation="replace">'), False)):
        await commit(configuration, body)
        text = configuration.running.to_xml(Defaults.REPORT_ALL_TAGGED)
        give.reset_mock()
        datastores.compact()
        assert give.call_count == beside
        assert configuration.running.to_xml(Defaults.REPORT_ALL_TAGGED) == text


@pytest.mark.parametrize("edits", [False, True])
async def test_who_edits_again_after_a_large_commit_is_not_kept_waiting(
    schema: Schema, tmp_path: Path, edits: bool
) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, MANY)
    before, resting = configuration.running, configuration._resting
    if edits:
        edit(configuration.candidate, config(CHANGE))
    resting._begin_soon()
    if edits:
        assert resting._task is None
        assert configuration.running is before
        assert resting._due is not None
        resting._due.cancel()
        resting._begin()  # what is due a minute later
    await wait_for(resting._task)
    assert configuration.running is not before


async def test_what_a_start_has_copied_is_copied_together_once_nobody_writes(
    schema: Schema, tmp_path: Path
) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, MANY)
    configuration.store.close()
    configuration = await started(schema, tmp_path)
    before, text = configuration.running, configuration.running.to_xml(Defaults.REPORT_ALL_TAGGED)
    async with configuration.writing:
        configuration.compact()
        task = configuration._resting._task
        await asyncio.sleep(0)
        assert configuration.running is before
    await wait_for(task)
    assert configuration.running is not before
    assert configuration.running.to_xml(Defaults.REPORT_ALL_TAGGED) == text


@pytest.mark.parametrize("beside", [False, True])
async def test_the_old_tree_is_freed_before_memory_is_given_back(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: bool
) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, MANY)
    old, seen = weakref.ref(configuration.running), list[object]()
    monkeypatch.setattr(datastores_module, "give_back_with_end", lambda _pool: seen.append(old()))
    configuration.candidate.lies_beside = beside
    configuration.datastores.compact()
    assert seen == [None]


async def test_running_is_copied_once_to_where_a_large_tree_was(schema: Schema, tmp_path: Path) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, MANY)
    before, text = configuration.running, configuration.running.to_xml(Defaults.REPORT_ALL_TAGGED)
    resting = Resting(configuration.datastores, direct, after_s=0)
    with configuration.published.held() as held:
        assert held is before
        pool = ThreadPoolExecutor(1)  # who holds it is another thread than the one that writes
        with pool:
            pool.submit(resting._look).result(PATIENCE_S)
        assert held.to_xml(Defaults.REPORT_ALL_TAGGED) == text
    after = configuration.running
    assert after is not before
    assert after.to_xml(Defaults.REPORT_ALL_TAGGED) == text
    assert is_like_running(configuration)
    resting._look()
    await commit(configuration, CHANGE)
    resting._look()  # what a commit of one had is given back as it is
    assert configuration.candidate.is_running
    assert configuration.running is after
