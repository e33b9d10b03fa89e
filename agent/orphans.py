"""Data trees that were dropped where nobody has the time to free them, on the event loop above all.

A thread that frees trees takes them with it when it drops the next of its own. Where nothing is asked for
after a large request, a dry run or a validation of what was given, none does: what that took would be kept
until then.
"""

from __future__ import annotations

import asyncio
import contextlib

from agent.memory import give_back_with_end
from agent.yang.beside import BESIDE
from agent.yang.schema import Schema
from agent.yang.worker import Worker

AFTER_S = 1.0
"""By then what comes next has mostly taken them with it."""
LARGE_S = 0.005
"""What takes so long to be freed was large enough to be given back to the system."""


class Orphans:
    """Has them freed by ``worker``, at most each ``after_s``."""

    def __init__(self, schema: Schema, worker: Worker, after_s: float = AFTER_S) -> None:
        self._schema = schema
        self._worker = worker
        self._after_s = after_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_due = False
        self._freeing_s = 0.0
        self._task: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Hear of each that comes."""
        self._loop = asyncio.get_running_loop()
        self._schema.when_orphaned = self._came

    async def stop(self) -> None:
        """Leave those that come now to the end of the program."""
        self._schema.when_orphaned = None
        self._loop = None
        if self._task is not None:
            await asyncio.wait([self._task])

    def _came(self) -> None:
        """Called by any thread, wherever Python happens to drop a tree."""
        loop = self._loop
        if self._is_due or loop is None:
            return
        self._is_due = True
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(loop.call_later, self._after_s, self._begin)

    def _begin(self) -> None:
        self._is_due = False
        if self._loop is not None and (self._task is None or self._task.done()):
            self._task = asyncio.ensure_future(self._worker(self._free))

    def _free(self) -> None:
        """*worker*"""
        self._schema.free_orphans()
        # Another thread may have come by before, and has given nothing back.
        before_s, self._freeing_s = self._freeing_s, self._schema.freeing_s
        if self._freeing_s - before_s >= LARGE_S:
            BESIDE.pool.submit(give_back_with_end)
