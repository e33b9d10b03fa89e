"""How often who may not read something was told that it is in the way of his change.

Such an answer depends on no secret. Yet who asks again and again learns what there is, one identity or
network after the other, so that a bound is set.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from agent.errors import ResourceDenied

MAX_TRIES = 10
WINDOW_S = 600.0
MAX_USERS = 1000
_COUNTED: ContextVar[set[str] | None] = ContextVar("counted", default=None)


class Tries:
    """Tries of each user in the last ``WINDOW_S``; ``clock`` is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: dict[str, deque[float]] = {}

    @contextmanager
    def once(self) -> Iterator[None]:
        """Count one try of a user at most meanwhile: what is done again, and answered once, is one."""
        if _COUNTED.get() is not None:
            yield
            return
        before = _COUNTED.set(set())
        try:
            yield
        finally:
            _COUNTED.reset(before)

    def count(self, user: str) -> None:
        """Count one try."""
        if (counted := _COUNTED.get()) is not None:
            if user in counted:
                return
            counted.add(user)
        times = self._times.pop(user, deque(maxlen=MAX_TRIES))
        times.append(self._clock())
        if len(self._times) >= MAX_USERS:
            del self._times[next(iter(self._times))]  # who has not tried for longest
        self._times[user] = times

    def refuse_more(self, user: str) -> None:
        """Refuse to look at a change of ``user`` before the time is over.

        Raises:
            ResourceDenied: he has tried ``MAX_TRIES`` times.
        """
        if user in (_COUNTED.get() or ()):
            return  # it was admitted
        times = self._times.get(user, deque())
        if len(times) == MAX_TRIES and (left := times[0] + WINDOW_S - self._clock()) > 0:
            raise ResourceDenied(
                f"{MAX_TRIES} changes in {WINDOW_S / 60:g} minutes were in conflict with what you may "
                f"not read: nothing of yours is validated or committed for {int(left) + 1} s"
            )
