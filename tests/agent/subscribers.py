"""A subscription that runs in a test: its source, and the session that is to read what it sends."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agent.push.source import Backlog, Update
from agent.subscribed import Bounds, Subscribed
from agent.subscriptions import Subscriptions

LIMIT_S = 30
BOUNDS = Bounds(all=6, per_user=4, per_session=3, events=10, octets=1000, suspended_s=5)


async def until(condition: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(LIMIT_S):
        while not condition():
            turn = loop.create_future()
            loop.call_later(0.005, turn.set_result, None)
            await turn


@dataclass
class Client:
    """A session that takes one message for each ``reads``; it takes all if that is None."""

    session_id: int = 1
    user: str = "tester"
    reads: asyncio.Semaphore | None = None
    got: list[str] = field(default_factory=list)
    fault: Exception | None = None

    async def _send(self, message: bytes) -> None:
        if self.reads is not None:
            await self.reads.acquire()
        if self.fault is not None:
            raise self.fault
        found = re.search(rb"</eventTime><([\w-]+)", message)
        assert found is not None
        reason = re.search(rb">sn:([\w-]+)</reason>", message) or re.search(rb"<count>(\d+)<", message)
        self.got.append(found[1].decode() + (f" {reason[1].decode()}" if reason else ""))

    @property
    def send(self) -> Callable[[bytes], object]:
        return self._send


@dataclass
class Source:
    """Numbers its updates; what is put into ``due`` comes next."""

    name: str = "u"
    due: asyncio.Queue[object] = field(default_factory=asyncio.Queue)
    waiting: Backlog = field(default_factory=Backlog)
    lost: int = 0
    closed: int = 0
    followed: list[str] = field(default_factory=list)
    well: asyncio.Event = field(default_factory=asyncio.Event)

    def follow(self, before: Source) -> None:
        assert not before.closed
        self.followed += [*before.followed, before.name]

    async def next(self) -> Update | None:
        due = await self.due.get()
        if isinstance(due, Exception):
            raise due
        if due is None or isinstance(due, Update):
            return due
        return Update(datetime.now(UTC), f"<{self.name}{due}/>".encode())

    async def recovered(self) -> None:
        await self.well.wait()

    def behind(self) -> Backlog:
        return self.waiting

    def skip(self) -> int:
        self.waiting = Backlog()
        return self.lost

    def described(self) -> bytes:
        return b"<stream>NETCONF</stream>"

    def close(self) -> None:
        self.closed += 1


@dataclass
class Run:
    register: Subscriptions
    client: Client
    source: Source
    subscribed: Subscribed
    task: asyncio.Task[None]

    def look(self, after_s: float) -> None:
        """Look at all as if ``after_s`` had gone by since now."""
        self.register.look(asyncio.get_running_loop().time() + after_s)


@asynccontextmanager
async def running(client: Client, source: Source | None = None) -> AsyncIterator[Run]:
    register = Subscriptions(BOUNDS, now=lambda: datetime.now(UTC))
    subscribed = register.reserved(client)  # type: ignore[arg-type]
    subscribed.source = source = source or Source()
    task = asyncio.create_task(subscribed.run())
    try:
        yield Run(register, client, source, subscribed, task)
    finally:
        task.cancel()
        await asyncio.wait([task])
        register.stop()


async def stalled(run: Run) -> None:
    """Have an update wait for a client that does not read, and more behind it than may be."""
    run.source.due.put_nowait(1)
    await until(run.source.due.empty)
    await until(lambda: run.subscribed._sending_since_s is not None)
    run.source.waiting, run.source.lost = Backlog(11, 100), 4
