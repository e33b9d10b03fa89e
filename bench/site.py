"""One peer with so many tunnels, and how work on it is timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench import processes
from bench.figures import Row
from bench.messages import Words
from bench.session import ANSWER_LIMIT_S, Session, open_session

ROUNDS_LIMIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How often things are done."""

    cycles: int
    """of loading all tunnels and deleting them"""
    changes: int
    """of one tunnel"""
    large: int
    """reads of all tunnels, and starts"""
    small: int
    """reads of one tunnel"""
    requests: int
    """for a rate"""
    sessions: int
    """that are set up, or idle, at most"""
    probe_s: float
    """how long another session is waited on, at least"""
    cuts: int
    """of a live tunnel"""
    subscribing: int
    """sessions that subscribe to changes"""
    later_s: float = 0.0
    """until memory is looked at once more; 0: it is not"""


FULL = Plan(
    cycles=3,
    changes=31,
    large=7,
    small=301,
    requests=2000,
    sessions=16,
    probe_s=4.0,
    cuts=20,
    subscribing=50,
    later_s=8.0,
)
QUICK = Plan(
    cycles=3, changes=11, large=3, small=101, requests=600, sessions=8, probe_s=1.0, cuts=10, subscribing=20
)
TINY = Plan(
    cycles=2,
    changes=2,
    large=2,
    small=5,
    requests=20,
    sessions=2,
    probe_s=0.2,
    cuts=1,
    subscribing=4,
    later_s=0.1,
)
"""For tests."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that is measured. ``command``: opens a session with it. ``pid``: the process whose time of a
    processor and memory are its own."""

    subject: str
    command: tuple[str, ...]
    pid: int
    words: Words
    limit_s: float = ANSWER_LIMIT_S
    """how long an answer may take"""


@dataclass(frozen=True, slots=True)
class Site:
    """A peer and its tunnels, numbered from 1. ``folder``: for what is written meanwhile."""

    peer: Peer
    tunnels: int
    plan: Plan
    folder: Path

    @property
    def numbers(self) -> range:
        return range(1, self.tunnels + 1)

    @property
    def middle(self) -> int:
        """The number of the tunnel that is read or changed alone."""
        return (self.tunnels + 1) // 2

    def another_session(self) -> AbstractContextManager[Session]:
        return open_session(self.peer.command, self.folder, self.peer.limit_s)

    def row(self, name: str, unit: str, *values: float, cpu_ms: float | None = None, note: str = "") -> Row:
        return Row(
            name=name,
            subject=self.peer.subject,
            tunnels=self.tunnels,
            unit=unit,
            values=values,
            cpu_ms=cpu_ms,
            note=note,
        )

    def timed(self, name: str, rounds: int, work: Callable[[int], object]) -> Row:
        """Return the milliseconds of each round of ``work``, which gets the round's number.

        No round begins when those before it took ``ROUNDS_LIMIT_S``.
        """
        times = []
        before_s = processes.cpu_s(self.peer.pid)
        end = time.perf_counter() + ROUNDS_LIMIT_S
        for number in range(rounds):
            begin = time.perf_counter()
            work(number)
            done = time.perf_counter()
            times.append((done - begin) * 1e3)
            if done > end:
                break
        used_s = processes.cpu_s(self.peer.pid) - before_s
        return self.row(name, "ms", *times, cpu_ms=used_s * 1e3 / len(times))
