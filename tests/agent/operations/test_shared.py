"""What many are told of an event is worked out once."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from agent.nacm.access import Access
from agent.operations import shared
from agent.operations.shared import Shared

ONE, OTHER = cast(Access, object()), cast(Access, object())


class Work:
    def __init__(self, fault: Exception | None = None) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()
        self.fault = fault

    async def __call__(self) -> bytes:
        self.begun += 1
        await self.may_end.wait()
        if self.fault is not None:
            raise self.fault
        return b"told"


async def test_those_who_ask_the_same_wait_for_one() -> None:
    made, work = Shared(), Work()
    asking = [asyncio.create_task(made.told(1, ONE, b"f", work)) for _ in range(5)]
    await asyncio.sleep(0)
    work.may_end.set()
    assert await asyncio.gather(*asking) == [b"told"] * 5
    assert await made.told(1, ONE, b"f", work) == b"told"
    assert work.begun == 1


@pytest.mark.parametrize("other", [(2, ONE, b"f"), (1, OTHER, b"f"), (1, ONE, b"g")])
async def test_another_event_right_or_filter_is_another(other: tuple[int, Access, bytes]) -> None:
    made, work = Shared(), Work()
    work.may_end.set()
    await made.told(1, ONE, b"f", work)
    await made.told(*other, work)
    assert work.begun == 2


async def test_it_goes_on_for_the_others_if_one_is_cancelled() -> None:
    made, work = Shared(), Work()
    first, second = (asyncio.create_task(made.told(1, ONE, b"f", work)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    work.may_end.set()
    assert await second == b"told"
    assert work.begun == 1


async def test_a_failure_is_told_to_all_who_wait_and_kept_for_nobody() -> None:
    made, work = Shared(), Work(ValueError("no"))
    asking = [asyncio.create_task(made.told(1, ONE, b"f", work)) for _ in range(2)]
    await asyncio.sleep(0)
    work.may_end.set()
    assert [type(found) for found in await asyncio.gather(*asking, return_exceptions=True)] == [
        ValueError
    ] * 2
    with pytest.raises(ValueError, match="no"):
        await made.told(1, ONE, b"f", work)
    assert work.begun == 2


async def test_few_are_kept() -> None:
    made, work = Shared(), Work()
    work.may_end.set()
    for number in range(shared.MOST + 1):
        await made.told(number, ONE, b"f", work)
    await made.told(shared.MOST, ONE, b"f", work)
    assert work.begun == shared.MOST + 1
    await made.told(0, ONE, b"f", work)
    assert work.begun == shared.MOST + 2
