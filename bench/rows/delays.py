"""How long after an event of charon each door tells of it.

The far end of a tunnel begins it and cuts it, so that charon hears of it from the wire. It counts from when
its event comes out of charon's socket, where the agent gets it, too, to when the octets that say so have come
to who listens; one thread reads all, by one clock. The next change comes when all have heard of the last one,
after a pause by chance, so that it falls anywhere between two scrapes. Each tunnel comes and goes once: of
one that does so more than a few times the agent tells less often.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bench.ears import Ears, Scrape
from bench.figures import Row
from bench.session import Late
from bench.site import Site
from bench.table import figure

CHARON = "charon"
DAMPENED = "dampened"
DAMPENING_CS = 100
SCRAPE = "scrape"
AT_ONCE = "at-once"
SCRAPE_EACH_S = 1.0
PAUSE_MAX_S = 1.0
LIMIT_S = 30.0
KINDS = {"installed": "up", "down": "cut"}
"""What is waited for, and what it is called."""


@dataclass(slots=True)
class Line:
    """All who listen to what becomes of tunnels, one of which is up at a time. ``far``: has the far end of
    one do something, "initiate" or "terminate". ``names``: of who listens, besides charon."""

    ears: Ears
    far: Callable[[int, str], object]
    scrape: Scrape
    names: frozenset[str]
    next_scrape_s: float = 0.0

    def change(self, number: int, to: str, *, at_once: bool = False) -> Mapping[str, float]:
        """Have a tunnel become ``to`` and return how many seconds after charon each has heard of it.

        Args:
            at_once: metrics are asked for when charon has told, and again until they say so, instead of
                at fixed times.
        """
        self.far(number, "initiate" if to == "installed" else "terminate")
        heard: dict[str, float] = {}
        wanted = {CHARON, *self.names}
        try:
            for name, value, now in self.ears.heard(
                lambda: wanted <= heard.keys() or self._tick(at_once, heard), limit_s=LIMIT_S
            ):
                if value == to:
                    heard.setdefault(name, now)
                else:
                    heard.pop(name, None)  # it was of the time before
        except Late as problem:
            deaf = ", ".join(sorted(wanted - heard.keys()))
            raise Late(f"a tunnel that becomes {to!r}: nothing of it at {deaf}") from problem
        return {name: now - heard[CHARON] for name, now in heard.items() if name != CHARON}

    def pause(self, seconds: float) -> None:
        """Listen on for so long."""
        end = time.monotonic() + seconds
        for _ in self.ears.heard(lambda: time.monotonic() > end or self._tick(False, {})):
            pass

    def _tick(self, at_once: bool, heard: Mapping[str, float]) -> bool:
        """Ask for metrics if it is time to; returns False."""
        if self.scrape.goes_on:
            return False
        now = time.monotonic()
        if at_once:
            if CHARON in heard and SCRAPE not in heard:
                self.scrape.ask()
        elif now >= self.next_scrape_s:
            self.next_scrape_s = now + SCRAPE_EACH_S
            self.scrape.ask()
        return False


def delays(site: Site, line: Line) -> Iterator[Row]:
    """Have some tunnels come and be cut; then again, with a scrape that is made at once."""
    chance = random.Random(1)
    yield from _rows(site, _found(site, line, chance))
    line.names = frozenset({SCRAPE})
    yield from _rows(site, _found(site, line, chance, at_once=True))


def tunnels(site: Site) -> range:
    """Return the numbers of those that come and go."""
    return site.numbers[: site.plan.cuts]


def _found(
    site: Site, line: Line, chance: random.Random, *, at_once: bool = False
) -> dict[tuple[str, str], list[float]]:
    """Return the milliseconds by who heard and what."""
    found: dict[tuple[str, str], list[float]] = {}
    for number in tunnels(site):
        for to, kind in KINDS.items():
            line.pause(chance.uniform(0, PAUSE_MAX_S))
            for name, seconds in line.change(number, to, at_once=at_once).items():
                if name in line.names:
                    found.setdefault((AT_ONCE if at_once else name, kind), []).append(seconds * 1e3)
    return found


def _rows(site: Site, found: dict[tuple[str, str], list[float]]) -> Iterator[Row]:
    for (name, kind), values in sorted(found.items()):
        yield site.row(f"delays.{name}.{kind}", "ms", *values, note=f"worst {figure(max(values))} ms")
