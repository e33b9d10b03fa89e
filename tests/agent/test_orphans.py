"""Trees that are dropped where nobody has time to free them are freed though nothing else is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from agent.orphans import Orphans
from agent.threads import thread, worker_of
from agent.yang.beside import BESIDE
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.lab import make_schema, top
from tests.agent.subscribers import until

DOCUMENT = top("<entry><id>1</id></entry>").encode()


class Counted:
    """The worker of a thread, and how often it was called."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool = pool
        self._worker = worker_of(pool)
        self.calls = 0

    async def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        self.calls += 1
        return await self._worker(function, *arguments)


@asynccontextmanager
async def lab() -> AsyncIterator[tuple[Schema, Counted]]:
    pool = thread("libyang")
    worker = Counted(pool)
    schema = await worker(make_schema)
    yield schema, worker
    await worker(schema.close)
    pool.shutdown()


def dropped(schema: Schema, worker: Counted, number: int = 1) -> None:
    """Drop trees of that thread on this one."""
    held = [worker.pool.submit(Tree.parse, schema, DOCUMENT).result() for _ in range(number)]
    before = len(schema._orphans)
    held.clear()
    assert len(schema._orphans) == before + number


async def test_they_are_freed_though_nothing_is_asked_for() -> None:
    async with lab() as (schema, worker):
        orphans = Orphans(schema, worker, after_s=0)
        orphans.start()
        for _ in range(2):
            dropped(schema, worker)
            await until(lambda: not schema._orphans)
        await orphans.stop()


async def test_many_are_freed_in_one_call() -> None:
    async with lab() as (schema, worker):
        orphans = Orphans(schema, worker, after_s=0)
        orphans.start()
        dropped(schema, worker, 50)
        before = worker.calls
        await until(lambda: not schema._orphans)
        assert worker.calls == before + 1
        await orphans.stop()


async def test_without_it_they_wait_for_the_next() -> None:
    async with lab() as (schema, worker):
        dropped(schema, worker, 2)
        await worker(int)
        assert len(schema._orphans) == 2
        await worker(schema.free_orphans)
        assert not schema._orphans


async def test_what_comes_when_it_has_stopped_waits_for_the_end() -> None:
    async with lab() as (schema, worker):
        orphans = Orphans(schema, worker, after_s=0)
        orphans.start()
        came = schema.when_orphaned
        await orphans.stop()
        assert came is not None
        came()  # a thread that had looked before
        before = worker.calls
        dropped(schema, worker)
        await asyncio.sleep(0)
        assert (worker.calls, len(schema._orphans)) == (before, 1)


async def test_memory_is_given_back_also_where_another_call_has_freed_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_back: list[str] = []
    monkeypatch.setattr("agent.orphans.give_back_with_end", partial(given_back.append, "once"))
    monkeypatch.setattr("agent.orphans.LARGE_S", 0.0)
    async with lab() as (schema, worker):
        orphans = Orphans(schema, worker, after_s=0)
        orphans.start()
        dropped(schema, worker)
        worker.pool.submit(schema.free_orphans).result()
        await until(lambda: given_back)
        await orphans.stop()
        assert given_back == ["once"]


async def test_of_small_trees_nothing_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    given_back: list[str] = []
    monkeypatch.setattr("agent.orphans.give_back_with_end", partial(given_back.append, "once"))
    monkeypatch.setattr("agent.orphans.LARGE_S", 60.0)
    async with lab() as (schema, worker):
        orphans = Orphans(schema, worker, after_s=0)
        orphans.start()
        dropped(schema, worker)
        await until(lambda: not schema._orphans)
        await orphans.stop()
        BESIDE.pool.submit(int).result()
        assert given_back == []
