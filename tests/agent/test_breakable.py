"""A wait that is broken off ends there; a cancellation by anybody else goes on."""

from __future__ import annotations

import asyncio

import pytest

from agent.breakable import Breakable


async def waiting(wait: Breakable, log: list[str]) -> None:
    with wait:
        log.append("waits")
        await asyncio.Event().wait()
    log.append("left")
    await asyncio.sleep(0)
    log.append("goes on")


async def test_what_is_broken_off_ends_and_its_task_goes_on() -> None:
    wait, log = Breakable(), []
    task = asyncio.create_task(waiting(wait, log))
    await asyncio.sleep(0)
    wait.break_off()
    wait.break_off()
    await task
    assert wait.broken
    assert log == ["waits", "left", "goes on"]
    assert task.cancelling() == 0


@pytest.mark.parametrize("broken", [False, True])
async def test_a_cancellation_by_somebody_else_goes_on(*, broken: bool) -> None:
    wait, log = Breakable(), []
    task = asyncio.create_task(waiting(wait, log))
    await asyncio.sleep(0)
    if broken:
        wait.break_off()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert log == ["waits"]


async def test_what_is_over_is_not_broken_off_any_more() -> None:
    wait = Breakable()
    wait.break_off()  # not begun
    with wait:
        wait.break_off()  # by itself: it would be told later, at some other wait
    wait.break_off()
    await asyncio.sleep(0)
    assert not wait.broken


async def test_what_goes_wrong_inside_is_raised() -> None:
    wait = Breakable()

    async def fail() -> None:
        with wait:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise ConnectionResetError from None

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    wait.break_off()
    with pytest.raises(ConnectionResetError):
        await task
    assert task.cancelling() == 0
