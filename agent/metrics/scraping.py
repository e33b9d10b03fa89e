"""One look at everything, which all who ask meanwhile share, and its text."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CONTENT_TYPE_LATEST, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from agent.measures import Table
from agent.memory import LARGE_OCTETS, give_back
from agent.metrics import figures
from agent.metrics.derived import Memory, families
from agent.release import release
from agent.tally import Commits, Figures
from agent.translator import Json, Translator

log = logging.getLogger(__name__)

CONTENT_TYPE = CONTENT_TYPE_LATEST
Found = Sequence[tuple[Table, Sequence[Json]]]


class Scraping:
    """Makes the text of a scrape.

    Args:
        figures: what the agent knows of itself at the moment.
        commits: how long commits took.
        now: the clock, in seconds since the epoch.
    """

    def __init__(
        self,
        translators: Sequence[Translator],
        *,
        figures: Callable[[], Figures],
        commits: Commits,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._translators = tuple(translators)
        self._figures = figures
        self._commits = commits
        self._now = now
        self._memory = Memory()
        self._look: asyncio.Task[bytes] | None = None
        self._not_before_s = 0.0
        self._version = release()
        self._process = ProcessCollector(registry=None)

    async def text(self) -> bytes:
        """Return all metrics in the text format of Prometheus, of a look that goes on or else a new one."""
        if self._look is None:
            self._look = asyncio.create_task(self._looked())
            self._look.add_done_callback(self._looked_at)
        # Who goes away takes the answer from nobody else.
        return await asyncio.shield(self._look)

    async def stop(self) -> None:
        """End a look that is going on."""
        if self._look is not None:
            self._look.cancel()
            await asyncio.wait([self._look])

    def _looked_at(self, _look: asyncio.Task[bytes]) -> None:
        self._look = None  # a text may be long, and is held no longer than it takes to send it

    async def _looked(self) -> bytes:
        """Look, no sooner after the last time than that took: who asks without a pause gets at most half of a
        processor."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._not_before_s - loop.time()))
        begun_s = loop.time()
        try:
            return await self._look_now()
        finally:
            self._not_before_s = loop.time() + (loop.time() - begun_s)

    async def _look_now(self) -> bytes:
        found: list[tuple[Table, Sequence[Json]]] = []
        silent: list[tuple[str, bool]] = []
        for translator in self._translators:
            tables = await self._of(translator)
            found.extend(tables or ())
            silent.append((translator.name, tables is not None))
        own = [*figures.families(self._figures(), self._commits, self._version), _available(silent)]
        # Thousands of lines are no work for the event loop.
        return await asyncio.to_thread(self._written, own, found)

    async def _of(self, translator: Translator) -> Found | None:
        """Return what ``translator`` says, None if it has a fault, which hides nothing else."""
        try:
            return [(table, await translator.measured(table.of)) for table in translator.measures]
        except Exception:
            log.exception("defect while metrics of %s were looked for; they are left out", translator.name)
            return None

    def _written(self, own: Iterable[Family], found: Found) -> bytes:
        """*any thread* Return the text: made family by family, so that nothing in it takes long at once."""
        text = b"".join(generate_latest(_One(family)) for family in self._all(own, found))
        if len(text) >= LARGE_OCTETS:
            give_back()
        return text

    def _all(self, own: Iterable[Family], found: Found) -> Iterator[Family]:
        now = self._now()
        yield from own
        for table, contents in found:
            yield from families(table, contents, self._memory, now)
        yield from self._process.collect()


class _One(Collector):
    """A family as a registry of prometheus_client gives it."""

    def __init__(self, family: Family) -> None:
        self._family = family

    def collect(self) -> Iterator[Family]:
        yield self._family


def _available(found: Sequence[tuple[str, bool]]) -> Family:
    family = GaugeMetricFamily(
        "yangswan_translator_metrics_available",
        "Whether the metrics of a translator are in this answer; 0: the agent's log says why not.",
        labels=("translator",),
    )
    for name, available in found:
        family.add_metric((name,), available)
    return family
