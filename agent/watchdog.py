"""Says that the agent is alive while it is: its event loop turns, and each thread of libyang gets something
done.

While it starts and stops, systemd is asked for more time; while it serves, its watchdog is fed. The same
holds for all three: what is sent is sent by the event loop, and only if since the last time on each of the
threads a call has ended or a step of long work was done. An empty call is always under way there, so an idle
thread is alive, too, and one that works through a long queue is, whatever the empty call waits for. So a loop
that hangs stops it, and a single call that takes longer than the watchdog waits does, on whichever thread.

Whoever waits for what never comes has a loop that turns and threads that are idle. So a start or a stop in
which nothing else moves, no other call on those threads and no work of this process, gets no more time after
a while.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from agent.supervision import WATCHDOG, Supervision, extended

log = logging.getLogger("agent")

Pause = Callable[[float], Awaitable[None]]

EXTENDED_S = 180.0
"""How much time is asked for at once to start or to stop in; asked again after a part of it. A single call
may take as long as the watchdog of the units lets one take, as where the YANG modules are read on a slow
processor."""
EXTENDED_MAX_S = 3600.0
"""For so long in all: what is not done by then hangs, even if something moves."""
STILL_MAX_S = 360.0
"""For so long while nothing moves: each wait for charon, or for a program, has a shorter limit."""
WORKING_SHARE = 0.02
"""Who works uses at least this share of a processor, also where many others want it; who waits, less."""
PARTS = 4
"""How often in its time a watchdog is fed. Twice would do for systemd; but a call that takes half of the time
would then be taken for a hang, and so only one that takes three quarters is."""


class Beats:
    """Counts what gets done on a thread. Beaten on any thread; only whether it grows matters."""

    def __init__(self) -> None:
        self.count = 0

    def beat(self, _done: object = None) -> None:
        self.count += 1


class Watched:
    """A thread, by ``beats``, to which calls of ``worker`` belong. ``empty_call``: the one under way."""

    def __init__(self, beats: Beats, worker: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
        self._beats = beats
        self._worker = worker
        self._seen = beats.count
        self._empty_calls = 0
        self.empty_call: asyncio.Future[None] | None = None

    def ask(self) -> None:
        """Have an empty call under way."""
        if self.empty_call is None or self.empty_call.done():
            self.empty_call = asyncio.ensure_future(self._worker(self._nothing))

    def rest(self) -> None:
        """Have none under way."""
        if self.empty_call is not None:
            self.empty_call.cancel()
        self.empty_call = None

    def has_moved(self) -> bool:
        """Return whether something got done since ``see``."""
        return self._beats.count != self._seen

    def see(self) -> None:
        """Take note of what got done until now."""
        self._seen = self._beats.count

    def work(self) -> int:
        """Return what got done but for the empty calls; less by one for a moment while one of these ends."""
        return self._beats.count - self._empty_calls

    def _nothing(self) -> None:
        self._empty_calls += 1


class Watchdog:
    """Tells ``supervision`` that the agent is alive, as long as each of ``threads`` is."""

    def __init__(
        self,
        supervision: Supervision,
        *,
        threads: Sequence[Watched],
        pause: Pause = asyncio.sleep,
        used_s: Callable[[], float] = time.process_time,
    ) -> None:
        """``used_s``: the time that this process has had a processor."""
        self._supervision = supervision
        self._threads = threads
        self._pause = pause
        self._used_s = used_s
        self._task: asyncio.Task[None] | None = None

    def take_time(self) -> None:
        """Ask for more time to start or to stop in, again and again, until something else is called for."""
        self._begin(EXTENDED_S / PARTS, extended(EXTENDED_S), most_s=EXTENDED_MAX_S)

    def feed(self) -> None:
        """Feed the watchdog from now on, if there is one."""
        self.rest()
        if self._supervision.watchdog_s is not None:
            self._begin(self._supervision.watchdog_s / PARTS, WATCHDOG)

    def rest(self) -> None:
        """Say nothing more."""
        if self._task is not None:
            self._task.cancel()
        self._task = None
        for thread in self._threads:
            thread.rest()

    def _begin(self, every_s: float, line: str, most_s: float | None = None) -> None:
        self.rest()
        if self._supervision.address is not None:
            self._task = asyncio.get_running_loop().create_task(self._tell(every_s, line, most_s))

    async def _tell(self, every_s: float, line: str, most_s: float | None) -> None:
        self._supervision.notify(line)
        told, still_s = 1, 0.0
        work, used_s = self._work(), self._used_s()
        while most_s is None or (told * every_s < most_s and still_s < STILL_MAX_S):
            for thread in self._threads:
                thread.ask()
            await self._pause(every_s)
            work_before, used_before_s = work, used_s
            work, used_s = max(work, self._work()), self._used_s()
            moves = work > work_before or used_s - used_before_s >= WORKING_SHARE * every_s
            still_s = 0.0 if moves else still_s + every_s
            if all(thread.has_moved() for thread in self._threads):
                for thread in self._threads:
                    thread.see()
                self._supervision.notify(line)
                told += 1
        log.error("the agent hangs, or takes too long: systemd is asked for no more time")

    def _work(self) -> int:
        return sum(thread.work() for thread in self._threads)
