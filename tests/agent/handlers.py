"""Handlers without a wire: a Context on a recording translator, and callers who only remember."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent import monitoring
from agent.datastore.configuration import Configuration
from agent.datastore.confirming import ConfirmedCommits
from agent.datastore.locks import Locks
from agent.datastore.store import Store
from agent.errors import RpcError, RpcErrors
from agent.nacm.control import NACM_PATH, AccessControl
from agent.notifications import Stream, Subscription
from agent.operational import Operational
from agent.operations.context import Context, Ending
from agent.operations.dispatch import dispatch
from agent.server import subscription_bounds
from agent.subscriptions import SUBSCRIPTIONS_PATH, Subscriptions, namespaces_of
from agent.transport.limits import Limits
from agent.xml import parse
from agent.yang.schema import Schema
from agent.yang.worker import Worker
from tests.agent.lab import PREFIXES, direct
from tests.agent.recording_translator import RecordingTranslator
from tests.requests import edit_candidate

LIMIT_S = 30


@dataclass
class Counted:
    in_rpcs: int = 0
    in_bad_rpcs: int = 0
    out_rpc_errors: int = 0
    out_notifications: int = 0


@dataclass
class Remembering:
    """A Caller; ``sent`` are the notifications it got, ``ending`` why it was to end."""

    session_id: int
    user: str = "tester"
    groups: tuple[str, ...] = ()
    source: str = "127.0.0.1"
    local: str = "127.0.0.1"
    transport: str = "netconf-ssh"
    administers: bool = False
    sees_secrets: bool = True
    login_time: str = "2026-11-23T00:00:00Z"
    counters: Counted = field(default_factory=Counted)
    ending: Ending | None = None
    sent: list[bytes] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    later: list[Callable[[], None]] = field(default_factory=list)
    followers: list[asyncio.Task[None]] = field(default_factory=list)

    over: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, ending: Ending) -> None:
        self.ending = ending
        self.over.set()

    async def ended(self) -> None:
        await self.over.wait()

    async def _send(self, message: bytes) -> None:
        self.sent.append(message)
        self.arrived.set()

    @property
    def send(self) -> Callable[[bytes], Awaitable[None]]:
        return self._send

    def subscribed(self) -> bool:
        return self.task is not None and not self.task.done()

    def subscribe(self, subscription: Subscription) -> None:
        self.task = asyncio.create_task(subscription.run())

    def after_reply(self, do: Callable[[], None]) -> None:
        self.later.append(do)

    def follow(self, run: Callable[[], Awaitable[None]]) -> None:
        self.after_reply(lambda: self.followers.append(asyncio.create_task(run())))

    def replied(self) -> None:
        while self.later:
            self.later.pop(0)()

    async def got(self, text: str, count: int = 1) -> bytes:
        """Return the notification in which ``text`` came for the ``count``-th time."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                found = [message for message in self.sent if text.encode() in message]
                if len(found) >= count:
                    return found[count - 1]
                self.arrived.clear()
                await self.arrived.wait()


@dataclass
class Lab:
    context: Context
    translator: RecordingTranslator
    callers: dict[int, Remembering] = field(default_factory=dict)

    def caller(self, session_id: int) -> Remembering:
        return self.callers.setdefault(session_id, Remembering(session_id))

    @property
    def running(self) -> str:
        return self.context.configuration.running.to_xml().decode()

    @property
    def candidate(self) -> str:
        return self.context.configuration.candidate.tree.to_xml().decode()

    async def do(self, operation: str, session_id: int = 1) -> str:
        rpc = parse(
            f'<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" {PREFIXES}>{operation}</rpc>'.encode()
        )
        reply = (await dispatch(self.context, self.caller(session_id), rpc[0])).decode()
        self.caller(session_id).replied()
        return reply

    async def refused(self, operation: str, session_id: int = 1) -> list[RpcError]:
        with pytest.raises(RpcErrors) as caught:
            await self.do(operation, session_id)
        return list(caught.value.errors)

    async def edit(self, body: str, session_id: int = 1) -> None:
        await self.do(edit_candidate(body), session_id)

    async def commit(self, body: str, session_id: int = 1) -> None:
        await self.edit(body, session_id)
        await self.do("<commit/>", session_id)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until ``condition`` holds."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(LIMIT_S):
            while not condition():
                turn = loop.create_future()
                loop.call_later(0.01, turn.set_result, None)
                await turn


@asynccontextmanager
async def running_lab(
    schema: Schema,
    folder: Path,
    translator: RecordingTranslator | None = None,
    worker: Worker = direct,
    reader: Worker | None = None,
) -> AsyncIterator[Lab]:
    """Start what a server is made of, on the history in ``folder``; stops it as a crash would."""
    translator = translator or RecordingTranslator()
    schema.states = {translator.config_list: translator.state_path.removeprefix(translator.config_list)}
    stream = Stream(schema, worker, lambda: datetime.now(UTC))
    configuration = Configuration(
        schema,
        Store(folder / "history.db"),
        translators=[translator],
        worker=worker,
        announce=stream.publish,
    )
    stream.start()
    await configuration.start()
    operational = Operational(schema, [translator], {})

    async def library() -> dict[str, object]:
        return monitoring.yang_library(schema)

    operational.roots[monitoring.LIBRARY_PATH] = library
    confirmed = ConfirmedCommits(configuration)
    operational.when_changed.append(confirmed.state_changed)
    nacm = AccessControl(schema, recovery_users=("tester",))
    configuration.with_swap.append(nacm.reload)
    nacm.load(configuration.running)
    operational.roots[NACM_PATH] = nacm.state
    subscriptions = Subscriptions(
        subscription_bounds(Limits()), now=lambda: datetime.now(UTC), namespaces=namespaces_of(schema)
    )
    operational.roots[SUBSCRIPTIONS_PATH] = subscriptions.state
    context = Context(
        schema=schema,
        configuration=configuration,
        locks=Locks(),
        confirmed=confirmed,
        stream=stream,
        subscriptions=subscriptions,
        nacm=nacm,
        operational=operational,
        worker=worker,
        reader=reader or worker,
        callers=list,
        now=lambda: "2026-11-23T00:00:00Z",
    )
    made = Lab(context, translator)
    context.callers = lambda: [made.caller(1), made.caller(2)]
    try:
        yield made
    finally:
        await confirmed.stop()
        await stream.stop()
        for caller in made.callers.values():
            for task in (*caller.followers, *([] if caller.task is None else [caller.task])):
                task.cancel()
                await asyncio.wait([task])
        subscriptions.stop()
        await worker(configuration.store.close)
