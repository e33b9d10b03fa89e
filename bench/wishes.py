"""What the rows are to reach with 10,000 tunnels and no charon, and what each is beside."""

from __future__ import annotations

from dataclasses import dataclass

AT_TUNNELS = 10_000


@dataclass(frozen=True, slots=True)
class Wish:
    """At most, or with ``at_least`` at least, so much of a row's unit."""

    limit: float
    at_least: bool = False

    def holds(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:,g}"


WISHES = {
    "load.total": Wish(2500),
    "leaf.total": Wish(4),
    "whole.filter": Wish(110),
    "state.all": Wish(350),
    "one.get-config": Wish(0.6),
    "rpc.serial": Wish(1900, at_least=True),
    "rpc.deep-16": Wish(3500, at_least=True),
    "rpc.sessions-8": Wish(3500, at_least=True),
    "memory.loaded": Wish(200),
    "idle.session": Wish(16),
    "waits.load.p99": Wish(50),
    "waits.load.worst": Wish(150),
    "waits.get.p99": Wish(50),
    "waits.get.worst": Wish(150),
    "waits.dry-run.p99": Wish(50),
    "waits.dry-run.worst": Wish(150),
    "waits.start.p99": Wish(50),
    "waits.start.worst": Wish(150),
    "start.first-answer": Wish(3000),
}
"""By the name of the row."""
