"""A wait for what goes on to its end though whoever waits is cancelled."""

from __future__ import annotations

import asyncio
from typing import TypeVar

Result = TypeVar("Result")


async def end_of(task: asyncio.Future[Result]) -> Result:
    """Return what ``task`` returns, or raise what it raises; a cancellation ends this wait alone.

    Whoever calls this keeps no name for ``task`` in his frame. A task that failed holds its exception, and
    that holds the frames it passed through: if one of them held the task, all that was worked on would stay
    until the collector of cycles comes, which few large documents do not call.
    """
    try:
        return await asyncio.shield(task)
    finally:
        del task
