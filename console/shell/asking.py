"""Yes or no."""

from __future__ import annotations

from collections.abc import Callable

TRIES = 3


def answered(ask: Callable[[], str]) -> bool:
    """Ask until the answer is yes or no, ``TRIES`` times at most; nothing, and what is neither, is no."""
    for _ in range(TRIES):
        answer = ask().strip().lower()
        if answer in ("", "n", "no"):
            return False
        if answer in ("y", "yes"):
            return True
    return False
