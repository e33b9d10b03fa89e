"""A burst of happenings of one tunnel becomes few notifications, the last of which is the last. Pure.

Each subject (a tunnel and a kind of notification) has a purse: ``BURST`` at once, and one more every
``REFILL_S`` seconds. What comes when the purse is empty is held, and what is held is merged with what comes
after it, until the purse can pay. So nobody is ever left with an old last word.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")

BURST = 6
REFILL_S = 10.0


@dataclass(slots=True)
class _Purse(Generic[Item]):
    left: float
    at: float
    held: Item | None = None
    suppressed: int = 0


@dataclass(frozen=True, slots=True)
class Release(Generic[Item]):
    """What to tell now; ``suppressed`` happenings before it were not told one by one."""

    item: Item
    suppressed: int


class Dampener(Generic[Item]):
    """``merge`` makes one of a held item and the next; None if the two cancel each other out."""

    def __init__(self, merge: Callable[[Item, Item], Item | None]) -> None:
        self._merge = merge
        self._purses: dict[Hashable, _Purse[Item]] = {}

    def offer(self, subject: Hashable, item: Item, now: float) -> Release[Item] | None:
        """Return what is to be told at once, None if ``item`` is held."""
        purse = self._purses.setdefault(subject, _Purse(BURST, now))
        _refill(purse, now)
        if purse.suppressed == 0 and purse.held is None and purse.left >= 1:
            purse.left -= 1
            return Release(item, 0)
        if purse.held is None:
            purse.held = item
        else:
            purse.held = self._merge(purse.held, item)
            purse.suppressed += 1 if purse.held is not None else 2
        return self._release(purse)

    def due(self, now: float) -> list[Release[Item]]:
        """Return what was held and can be told by now; forget the subjects that have been quiet."""
        released = []
        for subject, purse in list(self._purses.items()):
            _refill(purse, now)
            if (release := self._release(purse)) is not None:
                released.append(release)
            if purse.held is None and purse.left >= BURST:
                del self._purses[subject]
        return released

    def flush(self) -> list[Release[Item]]:
        """Return all that is held: there will be no later."""
        for purse in self._purses.values():
            purse.left = max(purse.left, 1.0)
        return self.due(float("-inf"))

    def next_due(self) -> float | None:
        """Return when something that is held can be told, None if nothing is."""
        times = [purse.at + (1 - purse.left) * REFILL_S for purse in self._purses.values() if purse.held]
        return min(times, default=None)

    @staticmethod
    def _release(purse: _Purse[Item]) -> Release[Item] | None:
        if purse.held is None or purse.left < 1:
            return None
        release = Release(purse.held, purse.suppressed)
        purse.left -= 1
        purse.held, purse.suppressed = None, 0
        return release


def _refill(purse: _Purse[Item], now: float) -> None:
    purse.left = min(BURST, purse.left + max(0.0, now - purse.at) / REFILL_S)
    purse.at = now
