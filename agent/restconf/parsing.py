"""Where bodies are taken apart: on threads that nobody waits for but who has sent them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from agent.apart import FewAtOnce

SMALL_OCTETS = 65536
"""So small a body waits for no other."""
LARGE_AT_ONCE = 2

Result = TypeVar("Result")


class Parsing:
    """Takes apart a few large bodies at a time, and of each user one."""

    def __init__(self) -> None:
        self._few = FewAtOnce(LARGE_AT_ONCE)

    async def done(self, user: str, octets: int, work: Callable[[], Result]) -> Result:
        """Return what ``work`` makes of a body of ``octets``."""
        if octets <= SMALL_OCTETS:
            return await asyncio.to_thread(work)
        async with self._few.admitted(user):
            return await asyncio.to_thread(work)
