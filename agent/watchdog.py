"""Says that the agent is alive while it is: its event loop turns, and libyang's thread gets something done.

While it starts and stops, systemd is asked for more time; while it serves, its watchdog is fed. The same
holds for all three: what is sent is sent by the event loop, and only if since the last time a call on
libyang's thread has ended or a step of long work was done. An empty call is always under way there, so an
idle thread is alive, too, and one that works through a long queue is, whatever the empty call waits for. So
a loop that hangs stops it, and a single call that takes longer than the watchdog waits does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from agent.supervision import WATCHDOG, Supervision, extended

log = logging.getLogger("agent")

Pause = Callable[[float], Awaitable[None]]

EXTENDED_S = 60.0
"""How much time is asked for at once to start or to stop in; asked again after a part of it."""
EXTENDED_MAX_S = 3600.0
"""For so long in all: what is not done by then hangs, even if something moves."""
PARTS = 4
"""How often in its time a watchdog is fed. Twice would do for systemd; but a call that takes half of the time
would then be taken for a hang, and so only one that takes three quarters is."""


class Beats:
    """Counts what gets done on libyang's thread. Beaten on any thread; only whether it grows matters."""

    def __init__(self) -> None:
        self.count = 0

    def beat(self, _done: object = None) -> None:
        self.count += 1


def _nothing() -> None:
    pass


class Watchdog:
    """Tells ``supervision`` that the agent is alive, by ``beats``, to which calls of ``worker`` belong."""

    def __init__(
        self,
        supervision: Supervision,
        *,
        beats: Beats,
        worker: Callable[[Callable[[], None]], Awaitable[None]],
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._supervision = supervision
        self._beats = beats
        self._worker = worker
        self._pause = pause
        self._seen = beats.count
        self._empty_call: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def take_time(self) -> None:
        """Ask for more time to start or to stop in, again and again, until something else is called for."""
        self._begin(EXTENDED_S / PARTS, extended(EXTENDED_S), most=int(EXTENDED_MAX_S * PARTS / EXTENDED_S))

    def feed(self) -> None:
        """Feed the watchdog from now on, if there is one."""
        self.rest()
        if self._supervision.watchdog_s is not None:
            self._begin(self._supervision.watchdog_s / PARTS, WATCHDOG)

    def rest(self) -> None:
        """Say nothing more."""
        for task in (self._task, self._empty_call):
            if task is not None:
                task.cancel()
        self._task = self._empty_call = None

    def _begin(self, every_s: float, line: str, most: int | None = None) -> None:
        self.rest()
        if self._supervision.address is not None:
            self._task = asyncio.get_running_loop().create_task(self._tell(every_s, line, most))

    async def _tell(self, every_s: float, line: str, most: int | None) -> None:
        self._supervision.notify(line)
        told = 1
        while most is None or told < most:
            if self._empty_call is None or self._empty_call.done():
                self._empty_call = asyncio.ensure_future(self._worker(_nothing))
            await self._pause(every_s)
            if self._beats.count != self._seen:
                self._seen = self._beats.count
                self._supervision.notify(line)
                told += 1
