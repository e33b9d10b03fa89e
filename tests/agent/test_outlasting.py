"""What goes on though whoever waits is cancelled; and what failed is not kept by who has waited."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable
from weakref import ref

import pytest

from agent.outlasting import end_of


class Large:
    """What is worked on."""


async def refused(large: Large) -> None:
    await asyncio.sleep(0)
    raise ValueError(f"refused: {type(large).__name__}")


async def refusal(work: Awaitable[object]) -> str | None:
    try:
        await work
    except ValueError as problem:  # pytest.raises would keep it
        return str(problem)
    return None


async def waited() -> None:
    """The loop holds what it has thrown into a task until that waits again."""
    await asyncio.sleep(0)


async def test_what_was_refused_goes_without_the_collector(no_collector: None) -> None:
    large = Large()
    seen = ref(large)
    said = await refusal(end_of(asyncio.ensure_future(refused(large))))
    assert said == "refused: Large"
    del large
    await waited()
    assert seen() is None


async def test_a_name_for_the_task_keeps_it(no_collector: None) -> None:
    """Else the test before this one would see nothing."""

    async def waits(large: Large) -> None:
        task = asyncio.ensure_future(refused(large))
        await asyncio.shield(task)

    large = Large()
    seen = ref(large)
    said = await refusal(waits(large))
    assert said == "refused: Large"
    del large
    await waited()
    assert seen() is not None
    gc.collect()
    assert seen() is None


async def test_it_goes_on_though_who_waits_is_cancelled() -> None:
    goes_on = asyncio.Event()

    async def work() -> int:
        await goes_on.wait()
        return 7

    task = asyncio.ensure_future(work())
    waiting = asyncio.ensure_future(end_of(task))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    goes_on.set()
    assert await task == 7
