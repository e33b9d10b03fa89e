"""A task in the background from start to stop, and waiting with a limit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any


class Background:
    """At most one task, for whoever starts and stops it."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started, and not stopped since."""
        return self._task is not None

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin ``work``."""
        self._task = asyncio.create_task(work)

    async def stop(self) -> None:
        """Cancel it and return once it has ended. Safe to call twice."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None


async def is_set_within(event: asyncio.Event, limit_s: float) -> bool:
    """Wait for ``event``; return whether it came within ``limit_s`` seconds."""
    # Not wait_for: in Python 3.11 it may swallow a cancellation.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            await event.wait()
    return event.is_set()
