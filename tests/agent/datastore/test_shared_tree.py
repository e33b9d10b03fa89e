"""The candidate is running itself until somebody changes it, after much was committed, and when it rests."""

from __future__ import annotations

import asyncio
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agent.datastore import datastores as datastores_module
from agent.datastore import resting as resting_module
from agent.datastore import transaction
from agent.datastore.candidate import Candidate, Savepoint
from agent.datastore.configuration import Configuration
from agent.datastore.edit import edit
from agent.datastore.resting import Resting
from agent.memory import FREED_AT_ONCE
from agent.yang.many import FEW
from agent.yang.nodes import Defaults
from agent.yang.schema import Schema
from tests.agent.datastore.lab import INFO, ONE, commit, started
from tests.agent.lab import config, direct, entry, top

PATIENCE_S = 60
MANY = top("".join(f"<entry><id>{n}</id></entry>" for n in range(FEW + 1)))
EVEN_MORE = top("".join(f"<entry><id>{n}</id></entry>" for n in range(FREED_AT_ONCE + 1)))
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


async def test_memory_is_given_back_when_it_has_rested_and_after_a_large_commit(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the thread that has a heap of its own; what is free by then is the tree that was given up."""
    configuration = await started(schema, tmp_path)
    edit(configuration.candidate, config(EVEN_MORE))
    old, seen = weakref.ref(configuration.candidate.tree), asyncio.Queue[tuple[str, object]]()
    loop = asyncio.get_running_loop()

    def note() -> None:
        loop.call_soon_threadsafe(seen.put_nowait, (threading.current_thread().name, old()))

    monkeypatch.setattr(transaction, "give_back_with_end", note)
    monkeypatch.setattr(resting_module, "give_back_with_end", note)
    await configuration.commit(INFO)
    assert await asyncio.wait_for(seen.get(), PATIENCE_S) == ("beside_0", None)
    await commit(configuration, CHANGE)
    assert seen.empty()
    old = weakref.ref(configuration.candidate.tree)
    resting = Resting(configuration.datastores, direct, after_s=0)
    resting._begin()
    await wait_for(resting._task)
    assert await asyncio.wait_for(seen.get(), PATIENCE_S) == ("beside_0", None)


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


async def test_running_is_copied_to_where_a_start_has_read_it(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, MANY)
    before, text = configuration.running, configuration.running.to_xml(Defaults.REPORT_ALL_TAGGED)
    with configuration.published.held() as held:
        assert held is before
        pool = ThreadPoolExecutor(1)  # who holds it is another thread than the one that writes
        with pool:
            pool.submit(configuration.datastores.compact).result(PATIENCE_S)
        assert held.to_xml(Defaults.REPORT_ALL_TAGGED) == text
    after = configuration.running
    assert after is not before
    assert after.to_xml(Defaults.REPORT_ALL_TAGGED) == text
    assert is_like_running(configuration)
    old, seen = weakref.ref(after), list[object]()
    monkeypatch.setattr(datastores_module, "give_back", lambda: seen.append(old()))
    del before, held, after
    configuration.datastores.compact()
    assert seen == [None], "it is freed before memory is given back"
