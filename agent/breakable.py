"""A wait that somebody else ends, and for which no task is begun."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Breakable:
    """A block of a task that ``break_off`` ends while it waits: then it is left, and ``broken`` says so.

    It is done as asyncio.timeout() does it, by a cancellation that is taken back where the block ends. One by
    anybody else goes on.
    """

    __slots__ = ("_before", "_task", "broken")

    def __init__(self) -> None:
        self.broken = False
        self._task: asyncio.Task[object] | None = None
        self._before = 0

    def __enter__(self) -> Breakable:
        self._task = asyncio.current_task()
        assert self._task is not None
        self._before = self._task.cancelling()
        return self

    def break_off(self) -> None:
        """End the block. A task does not do it to itself: it would be told at some later wait."""
        if self._task is None or self.broken or self._task is asyncio.current_task():
            return
        self.broken = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, _problem: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        task, self._task = self._task, None
        if not self.broken or task is None:
            return False
        return task.uncancel() <= self._before and kind is asyncio.CancelledError
