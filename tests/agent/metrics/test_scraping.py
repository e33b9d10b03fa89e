"""One look at a time, which all who ask share; a translator with a fault hides nothing else."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from agent.measures import Metric, Table
from agent.metrics.scraping import Scraping
from agent.tally import Commits
from agent.translator import Json
from tests.agent.metrics.test_figures import FIGURES

THINGS = Table("/m:things/thing", (Metric("thing_size", "How large it is.", "size"),), {"id": "id"})


class Standin:
    """As much of a translator as is asked; ``may`` lets it answer."""

    def __init__(self, name: str = "standin", count: int = 2) -> None:
        self.name = name
        self.measures: Sequence[Table] = (THINGS,)
        self.count = count
        self.asked = 0
        self.at_once = 0
        self.came, self.may = asyncio.Event(), asyncio.Event()
        self.may.set()
        self.fault: Exception | None = None
        self.when_asked: Callable[[], object] = lambda: None

    async def measured(self, of: str) -> Sequence[Json]:
        assert of == THINGS.of
        self.asked += 1
        self.came.set()
        self.when_asked()
        self.at_once += 1
        assert self.at_once == 1
        try:
            await self.may.wait()
            if self.fault is not None:
                raise self.fault
            return [{"id": str(n), "size": self.asked} for n in range(self.count)]
        finally:
            self.at_once -= 1


def scraping(*translators: Standin) -> Scraping:
    known: Any = translators
    return Scraping(known, figures=lambda: FIGURES, commits=Commits())


async def test_a_scrape_has_what_translators_agent_and_process_say() -> None:
    lines = (await scraping(Standin()).text()).decode().splitlines()
    assert 'thing_size{id="1"} 1.0' in lines
    assert "yangswan_sessions 2.0" in lines
    assert 'yangswan_translator_metrics_available{translator="standin"} 1.0' in lines
    assert any(line.startswith("process_resident_memory_bytes ") for line in lines)
    assert any(line.startswith("process_cpu_seconds_total ") for line in lines)


async def test_all_who_ask_meanwhile_share_one_look() -> None:
    standin = Standin()
    standin.may.clear()
    under_test = scraping(standin)
    asking = [asyncio.create_task(under_test.text()) for _ in range(50)]
    await standin.came.wait()
    late = asyncio.create_task(under_test.text())
    await asyncio.sleep(0)
    standin.may.set()
    texts = await asyncio.gather(*asking, late)
    assert (standin.asked, len(set(texts))) == (1, 1)
    assert b'thing_size{id="1"} 2.0' in await under_test.text(), "the next one looks anew"


async def test_who_goes_away_takes_the_answer_from_nobody_else() -> None:
    standin = Standin()
    standin.may.clear()
    under_test = scraping(standin)
    goes, stays = (asyncio.create_task(under_test.text()) for _ in range(2))
    await standin.came.wait()
    goes.cancel()
    await asyncio.wait([goes])
    standin.may.set()
    assert b"thing_size" in await stays
    assert standin.asked == 1


async def test_a_translator_with_a_fault_hides_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    broken, other = Standin("broken"), Standin("other")
    broken.fault = RuntimeError("no such thing")
    with caplog.at_level(logging.ERROR, "agent.metrics.scraping"):
        lines = (await scraping(broken, other).text()).decode().splitlines()
    assert 'yangswan_translator_metrics_available{translator="broken"} 0.0' in lines
    assert 'yangswan_translator_metrics_available{translator="other"} 1.0' in lines
    assert 'thing_size{id="0"} 1.0' in lines
    assert "yangswan_sessions 2.0" in lines
    assert "broken" in caplog.text


async def test_a_look_that_goes_on_ends_with_the_agent() -> None:
    standin = Standin()
    standin.may.clear()
    under_test = scraping(standin)
    asking = asyncio.create_task(under_test.text())
    await standin.came.wait()
    await under_test.stop()
    await asyncio.wait([asking])
    assert asking.cancelled()
    assert standin.at_once == 0


async def test_who_asks_without_a_pause_waits_for_as_long_as_a_look_takes() -> None:
    standin, loop = Standin(), asyncio.get_running_loop()
    under_test = scraping(standin)
    standin.may.clear()
    begun_s = loop.time()
    loop.call_later(0.05, standin.may.set)
    await under_test.text()
    ended_s = loop.time()
    seen: list[float] = []
    standin.when_asked = lambda: seen.append(loop.time())
    await under_test.text()
    clock_s = 0.005
    assert seen[0] - ended_s >= 0.05 - clock_s
    assert ended_s - begun_s >= 0.05 - clock_s


async def test_a_text_is_held_no_longer_than_somebody_waits_for_it() -> None:
    under_test = scraping(Standin())
    await under_test.text()
    await asyncio.sleep(0)
    assert under_test._look is None


def test_an_agent_without_metrics_does_without_the_library() -> None:
    program = "import sys, agent.program; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


async def test_without_a_look_there_is_nothing_to_stop() -> None:
    await scraping().stop()
