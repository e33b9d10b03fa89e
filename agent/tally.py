"""What the agent has done since it was started, counted for whoever watches it. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Outcome(Enum):
    """What became of a commit. FAILED: it was refused, or nobody knows."""

    COMMITTED = "committed"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(slots=True)
class Histogram:
    """How many took how long: ``counts`` up to each of BOUNDS_S, and beyond."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_s: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Return (bound, how many took no longer), as the exposition format has them."""
        found, total = [], 0
        for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), self.counts, strict=True):
            total += count
            found.append((bound, float(total)))
        return found


class Commits:
    """Durations of commits, by outcome."""

    def __init__(self) -> None:
        self.durations = {outcome: Histogram() for outcome in Outcome}

    def ended(self, outcome: Outcome, seconds: float) -> None:
        """Count one."""
        self.durations[outcome].add(seconds)


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known at one moment; counters are those since the agent was started.

    ``sessions``: how many are open. ``operations``: requests, by the name of the operation. ``errors``: those
    that were answered, by error-tag.
    """

    sessions: int
    in_sessions: int
    dropped_sessions: int
    bad_hellos: int
    operations: Mapping[str, int]
    bad_rpcs: int
    errors: Mapping[str, int]
    notifications: int
    rejected_logins: int
    refused_connections: int
    confirmed_pending: bool
    history_read_only: bool
