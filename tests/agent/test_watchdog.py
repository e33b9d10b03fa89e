"""The watchdog is fed while the event loop and the threads of libyang answer, and not otherwise."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from agent import watchdog
from agent.supervision import Supervision
from agent.threads import worker_of
from agent.watchdog import PARTS, Beats, Watchdog, Watched
from agent.yang.worker import Worker
from tests.agent.listening import Listening, listening

FED = "WATCHDOG=1\n"
MORE_TIME = "EXTEND_TIMEOUT_USEC=180000000\n"


@dataclass
class Clock:
    """Stands still until it is told to go on. ``used_s``: what of a processor the process has had."""

    asked_s: list[float] = field(default_factory=list)
    used_s: float = 0.0
    _rounds: asyncio.Queue[None] = field(default_factory=asyncio.Queue)
    _waits: asyncio.Event = field(default_factory=asyncio.Event)

    async def pause(self, seconds: float) -> None:
        self.asked_s.append(seconds)
        self._waits.set()
        await self._rounds.get()

    async def goes_on(self, rounds: int = 1) -> None:
        """Let so many pauses end, each when what was to be said after the one before has been said."""
        for _ in range(rounds):
            await self._waits.wait()
            self._waits.clear()
            self._rounds.put_nowait(None)
        await self._waits.wait()


@dataclass
class Agent:
    """A loop and a thread each to write and to read on, with a watchdog that waits for 8 s by ``clock``."""

    systemd: Listening
    worker: Worker
    reader: Worker
    beats: Beats
    clock: Clock
    watchdog: Watchdog

    async def idle(self) -> None:
        """Return when all that the threads were asked for is done."""
        await asyncio.gather(self.worker(int), self.reader(int))

    async def empty_calls(self) -> None:
        """Return when those that are under way have ended."""
        for thread in self.watchdog._threads:
            assert thread.empty_call is not None
            await thread.empty_call


@asynccontextmanager
async def busy(thread: Worker) -> AsyncIterator[threading.Event]:
    """Have ``thread`` in one call until the event is set, at the end of the block at the latest."""
    begun, free = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        free.wait()

    working = asyncio.ensure_future(thread(work))
    try:
        await asyncio.to_thread(begun.wait)
        yield free
    finally:
        free.set()
    await working


@asynccontextmanager
async def an_agent() -> AsyncIterator[Agent]:
    with listening() as systemd, ThreadPoolExecutor(1) as writes, ThreadPoolExecutor(1) as reads:
        beats, of_reads, clock = Beats(), Beats(), Clock()
        worker, reader = worker_of(writes, beats.beat), worker_of(reads, of_reads.beat)
        supervision = Supervision(systemd.address, watchdog_s=8.0)
        made = Watchdog(
            supervision,
            threads=(Watched(beats, worker), Watched(of_reads, reader)),
            pause=clock.pause,
            used_s=lambda: clock.used_s,
        )
        try:
            yield Agent(systemd, worker, reader, beats, clock, made)
        finally:
            made.rest()


async def test_it_is_fed_while_nothing_is_to_do() -> None:
    async with an_agent() as agent:
        agent.watchdog.feed()
        for _ in range(5):
            await agent.clock.goes_on()
            await agent.idle()
        assert agent.systemd.said() == [FED] * 6
        assert set(agent.clock.asked_s) == {8.0 / PARTS}


@pytest.mark.parametrize("which", ["worker", "reader"])
async def test_a_thread_that_hangs_stops_it_and_one_that_goes_on_begins_it_again(which: str) -> None:
    """Whatever the other one does meanwhile."""
    async with an_agent() as agent:
        other = {"worker": agent.reader, "reader": agent.worker}[which]
        async with busy(getattr(agent, which)):
            agent.watchdog.feed()
            for _ in range(10 * PARTS):
                await other(int)
                await agent.clock.goes_on()
            assert agent.systemd.said() == [FED], "the first, and none of the forty that would follow"
        await agent.idle()
        await agent.clock.goes_on()
        assert agent.systemd.said() == [FED]


async def test_a_read_that_takes_long_is_no_hang() -> None:
    """As one of all that ten thousand tunnels have: a single call, without a step in between."""
    async with an_agent() as agent:
        async with busy(agent.reader):
            agent.watchdog.feed()
            for _ in range(PARTS - 2):
                await agent.worker(int)
                await agent.clock.goes_on()
        await agent.idle()
        await agent.clock.goes_on()
        assert agent.systemd.said() == [FED] * 2, "the second after three quarters of the time"


async def test_long_work_in_steps_is_no_hang() -> None:
    """As a start that reads thousands of tunnels: one call on the thread, which says that it moves."""
    async with an_agent() as agent:
        begun, free = threading.Event(), threading.Event()

        def work() -> None:
            begun.set()
            free.wait()

        working = asyncio.ensure_future(agent.worker(work))
        try:
            await asyncio.to_thread(begun.wait)
            agent.watchdog.feed()
            for _ in range(5):
                agent.beats.beat()
                await agent.reader(int)
                await agent.clock.goes_on()
            assert agent.systemd.said() == [FED] * 6
        finally:
            free.set()
        await working


async def test_a_long_queue_is_no_hang() -> None:
    """The empty call of the watchdog waits behind all of it."""
    async with an_agent() as agent:
        begun, turns = [threading.Event() for _ in range(8)], [threading.Event() for _ in range(8)]

        def work(number: int) -> None:
            begun[number].set()
            turns[number].wait()

        queue = [asyncio.ensure_future(agent.worker(work, number)) for number in range(8)]
        try:
            await asyncio.to_thread(begun[0].wait)
            agent.watchdog.feed()
            for turn, done in zip(turns[:-1], queue[:-1], strict=True):
                turn.set()
                await done
                await agent.reader(int)
                await agent.clock.goes_on()
            assert agent.systemd.said() == [FED] * 8
        finally:
            for turn in turns:
                turn.set()
        await asyncio.gather(*queue)


async def test_a_loop_that_hangs_stops_it() -> None:
    with listening() as systemd, ThreadPoolExecutor(1) as pool:
        beats, interval_s = Beats(), 0.01
        worker = worker_of(pool, beats.beat)
        made = Watchdog(Supervision(systemd.address, watchdog_s=interval_s), threads=[Watched(beats, worker)])
        made.feed()
        await asyncio.to_thread(systemd.until, "WATCHDOG=1")
        while_it_hung: list[str] = []

        def hang() -> None:
            systemd.said()
            due_s = time.monotonic() + 20 * interval_s
            while time.monotonic() < due_s:
                beats.beat()
            while_it_hung.extend(systemd.said())

        asyncio.get_running_loop().call_soon(hang)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert while_it_hung == []
        await asyncio.to_thread(systemd.until, "WATCHDOG=1")
        made.rest()


async def test_time_is_asked_for_while_a_start_moves_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watchdog, "EXTENDED_MAX_S", 2 * watchdog.EXTENDED_S)
    async with an_agent() as agent:
        agent.watchdog.take_time()
        for _ in range(2 * PARTS - 2):
            await agent.clock.goes_on()
            await agent.idle()
        agent.clock._rounds.put_nowait(None)  # after which it ends
        await asyncio.wait({agent.watchdog._task} - {None})  # type: ignore[type-var]
        assert agent.systemd.said() == [MORE_TIME] * 2 * PARTS
        assert set(agent.clock.asked_s) == {watchdog.EXTENDED_S / PARTS}


STILL_ROUNDS = int(watchdog.STILL_MAX_S * PARTS / watchdog.EXTENDED_S)


async def while_it_waits(agent: Agent, rounds: int) -> list[str]:
    """Let time go on while the thread does nothing but the empty calls, which it ends in time; returns what
    was said."""
    said = []
    for _ in range(rounds):
        await agent.clock.goes_on(0)
        await agent.empty_calls()
        await agent.clock.goes_on()
        said += agent.systemd.said()
    return said


async def test_a_start_that_waits_for_what_never_comes_gets_no_more_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its loop turns, and its thread is idle."""
    async with an_agent() as agent:
        agent.watchdog.take_time()
        said = await while_it_waits(agent, STILL_ROUNDS - 1)
        assert (set(said), "no more time" in caplog.text) == ({MORE_TIME}, False)
        agent.clock._rounds.put_nowait(None)
        await asyncio.wait({agent.watchdog._task} - {None})  # type: ignore[type-var]
        assert "no more time" in caplog.text


async def test_a_start_that_moves_now_and_then_goes_on() -> None:
    """By a call on the thread, by a step of long work, or by what it does elsewhere, as on the event loop."""
    async with an_agent() as agent:
        agent.watchdog.take_time()
        for _ in range(2):
            await while_it_waits(agent, STILL_ROUNDS - 1)
            await agent.idle()
            await while_it_waits(agent, STILL_ROUNDS - 1)
            agent.beats.beat()
            await while_it_waits(agent, STILL_ROUNDS - 1)
            agent.clock.used_s += watchdog.WORKING_SHARE * watchdog.EXTENDED_S / PARTS
        assert await while_it_waits(agent, 2) == [MORE_TIME] * 2


async def test_an_agent_that_serves_may_be_idle_for_ever() -> None:
    async with an_agent() as agent:
        agent.watchdog.feed()
        assert set(await while_it_waits(agent, 50 * STILL_ROUNDS)) == {FED}


async def test_one_thing_at_a_time_is_said() -> None:
    async with an_agent() as agent:
        agent.watchdog.take_time()
        await agent.clock.goes_on(0)
        agent.watchdog.feed()
        await agent.idle()
        await agent.clock.goes_on()
        assert agent.systemd.said() == [MORE_TIME, FED, FED]
        agent.watchdog.rest()
        await agent.idle()
        assert agent.systemd.said() == []


async def test_without_systemd_or_without_its_watchdog_nothing_runs() -> None:
    with listening() as systemd, ThreadPoolExecutor(1) as pool:
        threads = [Watched(Beats(), worker_of(pool))]
        for supervision in (Supervision(), Supervision(systemd.address)):
            made = Watchdog(supervision, threads=threads)
            made.feed()
            assert made._task is None
        assert systemd.said() == []
        Watchdog(Supervision(), threads=threads).take_time()
        assert len(asyncio.all_tasks()) == 1
