"""Signals that end the demonstration, delivered only where that leaves nothing behind."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """One of ``ENDING`` arrived. Raised once; not an Exception, so that no library swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_status = 128 + number


class Interrupts:
    """Turns the first of ``ENDING`` into ``Interrupted``, at once or at the end of ``held``."""

    def __init__(self) -> None:
        self._depth = 0
        self._pending: int | None = None
        self._silent = False

    def install(self) -> None:
        for number in ENDING:
            signal.signal(number, self._arrived)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Finish the block before a signal takes effect: what it makes is then known by name."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
        if self._depth == 0 and self._pending is not None:
            self._raise(self._pending)

    def silence(self) -> None:
        """From now on nothing is raised: whatever comes, the removal runs to its end."""
        self._silent = True

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        if self._depth:
            self._pending = number
        else:
            self._raise(number)

    def _raise(self, number: int) -> None:
        if not self._silent:
            self._silent = True
            raise Interrupted(number)
