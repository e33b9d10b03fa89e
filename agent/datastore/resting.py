"""The candidate gives its tree up once nobody has changed it for a while: many tunnels take much memory
twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agent.datastore.datastores import Datastores
from agent.memory import give_back_with_end
from agent.yang.beside import BESIDE
from agent.yang.worker import Worker

AFTER_S = 60.0
"""The next change copies running then: of 10,000 tunnels that takes a tenth of a second."""


class Resting:
    """Has the candidate be running itself, and memory given back, ``after_s`` after the last change."""

    def __init__(self, datastores: Datastores, worker: Worker, after_s: float = AFTER_S) -> None:
        self._datastores = datastores
        self._worker = worker
        self._after_s = after_s
        self._due: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def compact(self) -> None:
        """Give memory back that a start has left, as soon as nobody writes."""
        self._task = asyncio.create_task(self._do(self._datastores.compact))

    def later(self) -> None:
        """Look that long from now whether something differs; what was to be looked at before is not."""
        if self._due is not None:
            self._due.cancel()
        self._due = asyncio.get_running_loop().call_later(self._after_s, self._begin)

    def _begin(self) -> None:
        self._due = None
        self._task = asyncio.create_task(self._do(self._look))

    async def _do(self, work: Callable[[], None]) -> None:
        async with self._datastores.writing:
            await self._worker(work)

    def _look(self) -> None:
        """*worker*"""
        self._datastores.candidate.rest()
        BESIDE.pool.submit(give_back_with_end)
