"""Who works on the event loop takes turns: a piece at a time, and who has taken least goes first.

Everybody's packets and messages are taken apart on one loop. Without an order, the pieces of sixteen busy
clients come before the one of a quiet client; with it, a quiet client waits for the piece being worked on.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable, Generator
from contextvars import Context, copy_context
from typing import TypeVar

T = TypeVar("T")

TURN_S = 0.002
"""After so long the loop does other things before the next piece,"""
REST_S = 0.002
"""and for so long nothing but them: an answer takes many short steps, each a round of the loop."""


Pieces = Generator[None, None, T]
"""Long work that yields between two pieces, and returns the result."""


async def in_turns(pieces: Pieces[T]) -> T:
    """Return the result of ``pieces``, done with pauses in which the loop does other things."""
    while True:
        due_s = time.perf_counter() + TURN_S
        try:
            next(pieces)
            while time.perf_counter() < due_s:
                next(pieces)
        except StopIteration as end:
            result: T = end.value
            return result
        await asyncio.sleep(REST_S)


class Account:
    """What one client has taken: seconds of work, on a clock that all accounts share.

    Its work is done in the ``context`` in which the account was opened: whoever happens to begin the turns
    may be another client, whose name is not to stand in what is logged of this one.
    """

    def __init__(self) -> None:
        self.taken_s = 0.0
        self.context: Context = copy_context()


class Turns:
    """Pieces of work that wait, and their order.

    The shared clock stands at what the last one who worked had taken. Who comes back after a rest is put
    there: a rest saves nothing up, and a long life with much work is no debt.

    Args:
        now: seconds, from any beginning.

    ``at_work`` counts who answers requests on the loop at the moment, outside of these pieces.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._waiting: list[tuple[float, int, Account, Callable[[], None]]] = []
        self._order = itertools.count()
        self._clock_s = 0.0
        self._due = False
        self._spare_s, self._spare_at_s = TURN_S, now()
        self.at_work = 0

    def ask(self, account: Account, work: Callable[[], None]) -> None:
        """Have ``work``, which is short, done when it is the turn of ``account``; it raises nothing."""
        account.taken_s = max(account.taken_s, self._clock_s)
        heapq.heappush(self._waiting, (account.taken_s, next(self._order), account, work))
        self._begin_soon()

    async def done(self, account: Account, work: Callable[[], T]) -> T:
        """Return what ``work``, which is short, returns when it is the turn of ``account``; or raise so."""
        result: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def settle() -> None:
            if result.done():  # who waited has gone
                return
            try:
                result.set_result(work())
            except Exception as problem:
                result.set_exception(problem)

        self.ask(account, settle)
        return await result

    async def soon(self, account: Account, work: Callable[[], T]) -> T:
        """As ``done``, and without a round of the loop where nobody waits; ``work`` is smaller than a turn.

        What is done so may take half of the time, as what has its turns does: more of it waits as that does.
        """
        begun_s = self._now()
        if not self._has_time(begun_s):
            return await self.done(account, work)
        try:
            return work()
        finally:
            self._took(account, begun_s)

    def at_once(self, account: Account, work: Callable[[], None]) -> bool:
        """Do ``work`` now if ``soon`` would, and return whether it is done; else nothing is."""
        begun_s = self._now()
        if not self._has_time(begun_s):
            return False
        try:
            account.context.run(work)
        finally:
            self._took(account, begun_s)
        return True

    def _has_time(self, now_s: float) -> bool:
        self._spare_s = min(TURN_S, self._spare_s + (now_s - self._spare_at_s) / 2)
        self._spare_at_s = now_s
        return not self._due and self._spare_s > 0

    def _took(self, account: Account, begun_s: float) -> None:
        self._clock_s = max(account.taken_s, self._clock_s)
        took_s = self._now() - begun_s
        account.taken_s = self._clock_s + took_s
        self._spare_s -= took_s

    def is_over(self, begun_s: float) -> bool:
        """Whether who has worked since ``begun_s`` has had his part of a turn: each at work has one."""
        return (self._now() - begun_s) * self.at_work > TURN_S

    def _begin_soon(self) -> None:
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._work)

    def _work(self) -> None:
        begun_s = self._now()
        try:
            while self._waiting and self._now() - begun_s < TURN_S:
                self._clock_s, _, account, work = heapq.heappop(self._waiting)
                before_s = self._now()
                try:
                    account.context.run(work)
                finally:
                    account.taken_s = max(account.taken_s, self._clock_s) + self._now() - before_s
        finally:
            self._due = bool(self._waiting)
            if self._due:
                asyncio.get_running_loop().call_later(REST_S, self._work)
