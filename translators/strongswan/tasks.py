"""A task in the background from start to stop, long work in turns with others, and waiting with a limit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from agent.at_work import unbound
from translators.strongswan.pieces import Pieces, at_once

T = TypeVar("T")


class Background:
    """At most one task, for whoever starts and stops it."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started, and not stopped since."""
        return self._task is not None

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin ``work``, which is about no session or commit, whoever began it."""
        self._task = asyncio.create_task(work, context=unbound())

    async def stop(self) -> None:
        """Cancel it and return once it has ended. Safe to call twice."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None


TURN_S = 0.002
"""A request of another session takes several rounds of the event loop, and waits for a turn in each."""
REST_S = 0.002
TRIES = 3
"""What is looked at in turns may change meanwhile, and is looked at so often before it is done at once."""


async def in_turns(pieces: Pieces[T], rest_s: float = REST_S) -> T:
    """Return the result of ``pieces``, done with pauses in which the loop does other things, each of
    ``rest_s`` seconds at least."""
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + TURN_S
        try:
            next(pieces)
            while clock() < due:
                next(pieces)
        except StopIteration as end:
            result: T = end.value
            return result
        await asyncio.sleep(rest_s)


async def of_one_moment(begin: Callable[[], Pieces[T]], moment: Callable[[], object]) -> T:
    """Return the result of the pieces that ``begin`` returns, done in turns with others: again where
    ``moment`` is another one meanwhile, and at once in the end."""
    for _ in range(TRIES):
        begun_at = moment()
        try:
            found = await in_turns(begin(), rest_s=0)
        except Exception:
            # What comes between two pieces may be what neither of them expects.
            if begun_at == moment():
                raise
        else:
            if begun_at == moment():
                return found
    return at_once(begin())


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of ``work``, which is not broken off when the caller is: that hears of it later."""
    task, cancelled = asyncio.get_running_loop().create_task(work), None
    try:
        while not task.done():
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None and not task.cancelled():
            task.result()
            raise cancelled
        return task.result()
    finally:
        del task, cancelled  # what was raised holds this frame


async def is_set_within(event: asyncio.Event, limit_s: float) -> bool:
    """Wait for ``event``; return whether it came within ``limit_s`` seconds."""
    # Not wait_for: in Python 3.11 it may swallow a cancellation.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            await event.wait()
    return event.is_set()
