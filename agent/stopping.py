"""An agent that stops: how long its parts may take, from one beginning, and that all of them are ended."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Each from the beginning of the stop. ``answers_s``: for so long goes on what is being answered; then
    what can be broken off is. ``changes_s``: so long goes on what cannot be: a commit, and what a session has
    to give back. ``all_s``: then nothing is waited for any more, nor that clients close their connections."""

    answers_s: float = 10.0
    changes_s: float = 18.0
    all_s: float = 22.0


class Stopping:
    """What is left of ``bounds``, in seconds, from the construction on."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._begun_s = time.monotonic()

    @property
    def answers_s(self) -> float:
        return self._left(self._bounds.answers_s)

    @property
    def changes_s(self) -> float:
        return self._left(self._bounds.changes_s)

    @property
    def all_s(self) -> float:
        return self._left(self._bounds.all_s)

    def _left(self, bound_s: float) -> float:
        return max(0.0, self._begun_s + bound_s - time.monotonic())


@contextmanager
def going_on(what: str) -> Iterator[None]:
    """Have what comes after the block done though ``what`` fails in it, and the log say that it did."""
    try:
        yield
    except Exception as problem:
        log.error("a stop goes on though a part of it failed: %s", what, exc_info=problem)


async def ended(parts: Mapping[str, Awaitable[None]]) -> None:
    """Wait for the ends of all ``parts``, by what they are, whichever of them fails."""

    async def one(what: str, end: Awaitable[None]) -> None:
        with going_on(what):
            await end

    await asyncio.gather(*(one(what, end) for what, end in parts.items()))
