"""What changes something: it is carried out to its end though its client is gone, and none begins when the
server stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from agent.restconf.problems import Problem

Result = TypeVar("Result")


class Changes:
    """Those that go on."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._going_on: set[asyncio.Task[Any]] = set()
        self._is_shut = False

    def shut(self) -> None:
        """Let none begin any more, also of those that wait for their turn."""
        self._is_shut = True

    async def over(self, within_s: float) -> None:
        """Wait for those that go on, whose clients may be gone, but not for longer."""
        if self._going_on:
            await asyncio.wait(self._going_on, timeout=within_s)

    async def unbroken(self, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Return what ``work`` returns, which goes on though whoever waits is cancelled.

        Raises:
            Problem: the server stops, and nothing was begun (503).
        """
        self._refuse_late()
        task = asyncio.ensure_future(work())
        self._going_on.add(task)
        task.add_done_callback(self._going_on.discard)
        try:
            return await asyncio.shield(task)
        finally:
            # It holds what it raised, which holds this frame, and with it all that was sent.
            del task

    async def in_turn(self, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """As ``unbroken``, when those are done that came before.

        Raises:
            Problem: as ``unbroken``.
        """

        async def in_turn() -> Result:
            async with self._turn:
                self._refuse_late()
                return await work()

        return await self.unbroken(in_turn)

    def _refuse_late(self) -> None:
        if self._is_shut:
            message = "the server stops, and this was not begun"
            raise Problem(503, "resource-denied", message, headers={"Retry-After": "1"})
