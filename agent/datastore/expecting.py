"""Translators hear early what they will probably begin with: while the rest of it is read from the history.

What they make of it they keep, and nothing else comes of it; whether it is what they begin with is told by
``start``, as if they had heard nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from agent.translator import Json, Keys, Translator

log = logging.getLogger(__name__)

Entries = Mapping[Keys, Json]


class Expecting:
    """Made on the event loop, on which the translators do their work."""

    def __init__(self, translators: Sequence[Translator]) -> None:
        self._translators = {translator.config_list: translator for translator in translators}
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[tuple[str, Entries] | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._tell())

    def tell(self, list_path: str, entries: Entries) -> None:
        """*worker* Have the translator of a list hear of some of its entries."""
        self._loop.call_soon_threadsafe(self._waiting.put_nowait, (list_path, entries))

    async def over(self) -> None:
        """Wait until they have heard of everything."""
        self._loop.call_soon(self._waiting.put_nowait, None)  # behind what was told before
        await self._task

    async def give_up(self) -> None:
        """Have them hear of nothing more."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _tell(self) -> None:
        while (told := await self._waiting.get()) is not None:
            list_path, entries = told
            try:
                await self._translators[list_path].expect(entries)
            except Exception:
                log.debug("%s cannot tell yet what it begins with", list_path, exc_info=True)
