"""What a refused change was made of is gone once it is answered, whether or not anybody looks for circles."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from agent.operations.shared import Shared
from agent.restconf.changes import Changes
from translators.strongswan.tasks import to_the_end

Waits = Callable[[Callable[[], Coroutine[Any, Any, bytes]]], Awaitable[bytes]]


class Document:
    """What was sent."""


class Refused(Exception):
    """For a reason that names no document."""


async def told(work: Callable[[], Coroutine[Any, Any, bytes]]) -> bytes:
    return await Shared().told(1, None, None, work)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wait",
    [
        lambda work: Changes().unbroken(work),
        lambda work: Changes().in_turn(work),
        lambda work: to_the_end(work()),
        told,
    ],
    ids=["unbroken", "in_turn", "to_the_end", "told"],
)
async def test_what_is_refused_keeps_nothing(wait: Waits, no_collector: None) -> None:
    kept: list[weakref.ref[Document]] = []

    async def asks() -> None:
        document = Document()
        kept.append(weakref.ref(document))

        async def work() -> bytes:
            await asyncio.sleep(0)
            raise Refused(type(document).__name__)

        await wait(work)

    for _ in range(3):
        with pytest.raises(Refused):
            await asks()
    await asyncio.sleep(0)
    assert [one() for one in kept] == [None] * 3
