"""The candidate gives its tree up once nobody has changed it for a while: many tunnels take much memory
twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agent.datastore.datastores import Datastores
from agent.memory import give_back_with_end
from agent.yang.beside import BESIDE
from agent.yang.many import are_few
from agent.yang.worker import Worker

AFTER_S = 60.0
"""The next change copies running then: of 10,000 tunnels that takes a tenth of a second."""
SOON_S = 5.0
"""After a large commit that leaves little: to copy that takes nothing, and all that there was is free. A copy
of much, into the pages between what stays, is read more slowly than what was made in one piece."""


class Resting:
    """Has the candidate be running itself, ``after_s`` seconds after the last change, and memory given back;
    ``soon_s`` after one by which it has given up much, and which leaves few units."""

    def __init__(
        self, datastores: Datastores, worker: Worker, after_s: float = AFTER_S, soon_s: float = SOON_S
    ) -> None:
        self._datastores = datastores
        self._worker = worker
        self._after_s = after_s
        self._soon_s = soon_s
        self._due: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def compact(self) -> None:
        """Give memory back that a start has left, as soon as nobody writes."""
        self._task = asyncio.create_task(self._do(self._datastores.compact))

    def later(self) -> None:
        """Look that long from now whether something differs; what was to be looked at before is not."""
        if self._due is not None:
            self._due.cancel()
        if self._datastores.candidate.gave_up_much and self._leaves_few():
            self._wait(self._soon_s, self._begin_soon)
        else:
            self._wait(self._after_s, self._begin)

    def _wait(self, seconds: float, begin: Callable[[], None]) -> None:
        self._due = asyncio.get_running_loop().call_later(seconds, begin)

    def _leaves_few(self) -> bool:
        with self._datastores.published.held(briefly=True) as running:
            return are_few(running)

    def _begin_soon(self) -> None:
        if self._datastores.candidate.is_running:
            self._begin()
        else:  # somebody edits again, who is not to be kept waiting
            self._wait(self._after_s, self._begin)

    def _begin(self) -> None:
        self._due = None
        self._task = asyncio.create_task(self._do(self._look))

    async def _do(self, work: Callable[[], None]) -> None:
        async with self._datastores.writing:
            await self._worker(work)

    def _look(self) -> None:
        """*worker*"""
        candidate = self._datastores.candidate
        rests = candidate.rest()
        if candidate.gave_up_much:
            candidate.gave_up_much = False
            self._datastores.compact()
        elif rests:
            give_back_with_end(BESIDE.pool)
