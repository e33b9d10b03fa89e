"""When an update is due (RFC 8641 sections 3.1 and 4.2). Pure: times are arguments, in seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass

CENTISECONDS = 100
"""In a second; periods are given in these."""


@dataclass(slots=True)
class Dampening:
    """How a subscription to changes keeps its pace: two updates are ``period_s`` apart, or more.

    What changes after a pause is told at once; what changes again within the period waits for its end, and is
    one change by then, or none.
    """

    period_s: float = 0.0
    _told: float | None = None
    _waits: bool = False

    def changed(self) -> None:
        """Note that something may have changed since the last look."""
        self._waits = True

    def due(self, now: float) -> float | None:
        """Return when it is to be looked what has changed, not before ``now``; None: there is nothing."""
        if not self._waits:
            return None
        return now if self._told is None else max(now, self._told + self.period_s)

    def looked(self) -> None:
        """Note that what is there is being looked at: what changes from here on needs another look."""
        self._waits = False

    def follow(self, before: Dampening) -> None:
        """Go on from where another was: a modified subscription keeps its distance to the last update."""
        self._told, self._waits = before._told, self._waits or before._waits

    def told(self, now: float) -> None:
        """Note that an update was made. A look that found nothing costs nothing, and no time either."""
        self._told = now


def next_update(now: float, period_s: float, anchor: float) -> float:
    """Return the first time after ``now`` that is a whole number of periods from ``anchor``, which may lie
    before or after it (``anchor-time``)."""
    passed = math.floor((now - anchor) / period_s)
    due = anchor + (passed + 1) * period_s
    return due if due > now else due + period_s  # for what rounding does to it
