"""A clock that a test holds."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from agent.operations.publisher import Clock


class HeldClock(Clock):
    """Time passes when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.waiting: list[tuple[float, asyncio.Event]] = []
        self.asleep = asyncio.Event()

    def now(self) -> float:
        return self.seconds

    def wall(self) -> datetime:
        return datetime(2026, 11, 27, tzinfo=UTC) + timedelta(seconds=self.seconds)

    async def wait(self, woken: asyncio.Event, seconds: float | None) -> None:
        if seconds is None:
            await woken.wait()
            return
        over = asyncio.Event()
        self.waiting.append((self.seconds + seconds, over))
        self.asleep.set()
        waits = [asyncio.ensure_future(event.wait()) for event in (woken, over)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    async def until_asleep(self) -> None:
        """Wait until somebody waits for a time."""
        await self.asleep.wait()
        self.asleep.clear()

    def pass_(self, seconds: float) -> None:
        self.seconds += seconds
        for until, over in self.waiting:
            if until <= self.seconds:
                over.set()
        self.waiting = [one for one in self.waiting if not one[1].is_set()]
