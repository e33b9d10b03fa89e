"""What takes long at a start: it says how far it is, and ends when the agent is told to stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

PROGRESS_S = 5.0
"""After so much time the log says how far it is."""


class Ended(Exception):
    """The agent was told to stop before it had started. What was under way has changed nothing."""


def _to_nobody(*_: object) -> None:
    pass


class Progress:
    """Is told of every step.

    Args:
        ended: whether the agent was told to stop; asked on the thread that does the work.
        moved: called at every step, on that thread.
        told: gets what the log gets, on that thread.
    """

    def __init__(
        self,
        ended: Callable[[], bool],
        now: Callable[[], float] = time.monotonic,
        *,
        moved: Callable[[], None] = _to_nobody,
        told: Callable[[str], None] = _to_nobody,
    ) -> None:
        self._ended = ended
        self._now = now
        self._moved = moved
        self._told = told
        self._said_s = now()

    def step(self, sentence: str, *values: object) -> None:
        """Log ``sentence`` (with %) if nothing was said for a while.

        Raises:
            Ended: the agent was told to stop.
        """
        if self._ended():
            raise Ended
        self._moved()
        if self._now() - self._said_s >= PROGRESS_S:
            self.say(sentence, *values)

    def say(self, sentence: str, *values: object) -> None:
        self._said_s = self._now()
        log.info(sentence, *values)
        self._told(sentence % values)


def endless() -> Progress:
    """Return one for work that nothing ends."""
    return Progress(lambda: False)
