"""Work that many subscribers want done of the same event, done once for all who may be told the same."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from weakref import WeakValueDictionary

from agent.nacm.access import Access

MOST = 64
"""Results that are kept: those of the newest events, which all who keep up ask for at about the same time."""


Key = tuple[int, int, Hashable]


class Shared:
    """What was told of events, by event, rights and filter; and whose turn it is to have one looked at."""

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks: OrderedDict[Key, tuple[Access, asyncio.Task[bytes]]] = OrderedDict()

    async def told(
        self, event: int, access: Access, filter_: Hashable, work: Callable[[], Awaitable[bytes]]
    ) -> bytes:
        """Return what ``work`` returns for whoever has ``access`` and ``filter_``, and asks for ``event``.

        It goes on if one of those who wait is cancelled. What fails is done again for who asks later.
        """
        key = event, id(access), filter_
        known = self._tasks.get(key)
        if known is None:
            task = asyncio.create_task(_done(work))
            task.add_done_callback(lambda done: self._forget_failure(key, done))
            self._tasks[key] = access, task  # which stays, so that no other has its id
            if len(self._tasks) > MOST:
                self._tasks.popitem(last=False)
        else:
            task = known[1]
        try:
            return await asyncio.shield(task)
        finally:
            del known, task  # what it raised holds this frame

    def turn(self, user: str) -> asyncio.Lock:
        """Return what ``user`` holds while an event is looked at for him: one at a time, so that others, and
        commits, wait for one look of his and not for those of all his subscriptions."""
        return self._turns.setdefault(user, asyncio.Lock())

    def _forget_failure(self, key: Key, done: asyncio.Task[bytes]) -> None:
        failed = done.cancelled() or done.exception() is not None
        known = self._tasks.get(key)
        if failed and known is not None and known[1] is done:
            del self._tasks[key]


async def _done(work: Callable[[], Awaitable[bytes]]) -> bytes:
    return await work()
