"""When to try again. Pure: the random number is an argument."""

from __future__ import annotations

from dataclasses import dataclass

JITTER = 0.25


def delay_s(attempt: int, first_s: float, max_s: float, random_0_1: float) -> float:
    """Return the pause in seconds before try ``attempt`` (0 is the first retry).

    Doubles from ``first_s`` up to ``max_s``; the jitter, a quarter either way, keeps a thousand
    tunnels that fell together from coming back together.
    """
    pause = min(max_s, first_s * 2.0 ** min(attempt, 30))
    return pause * (1 - JITTER + 2 * JITTER * random_0_1)


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often a tunnel was initiated since it was last wanted or stable, and in how many seconds it is
    looked at next (None: it waits for its turn, for an outcome, or is up)."""

    made: int
    next_in_s: float | None
