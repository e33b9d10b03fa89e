"""What one tab is told as it happens: server-sent events, of subscriptions that end with its stream.

The subscriptions are those of NETCONF, carried out by the same handlers for sessions of the user. RFC 8640
has those of RFC 5277 and of RFC 8639 not in one session, so a stream has two. What goes on in a stream waits
for the one event that is being written, and for nobody else.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.errors import RpcErrors
from agent.http.answers import Send
from agent.notifications import time_text
from agent.operations.context import Context
from agent.operations.dispatch import dispatch
from agent.page.selected import EVENTS
from agent.page.sessions import Over
from agent.page.written import Written
from agent.restconf.caller import Requester
from agent.restconf.request import Gone, Request
from agent.xml import parse

log = logging.getLogger(__name__)

LARGE_OCTETS = 64 * 1024
"""An event of more is told of before: while it is on its way there is no sign of life."""

Run = Callable[[], Awaitable[None]]


@dataclass(eq=False, slots=True)
class Subscriber(Requester):
    """Who subscribes for a tab; ``runs`` is what goes on in tasks of the stream."""

    runs: list[Run] = field(default_factory=list)

    def follow(self, run: Run) -> None:
        self.runs.append(run)


@dataclass(eq=False, slots=True)
class Tab:
    """One stream. ``pushed`` and ``notified``: whose its subscriptions are; ``wait``: until the next sign of
    life; ``look``: called then."""

    context: Context
    written: Written
    pushed: Subscriber
    notified: Subscriber
    send: Send
    version: str
    look: Callable[[], None]
    wait: Run
    why: Over | None = None
    _ended: asyncio.Event = field(default_factory=asyncio.Event)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def user(self) -> str:
        return self.pushed.user

    def end(self, why: Over) -> None:
        """Have it end, with a last event that says why."""
        self.why = self.why or why
        self._ended.set()

    async def show(self, request: Request, asked: Mapping[str, bytes]) -> None:
        """Send events until the stream is ended, or its client is gone; ``asked``: rpcs of subscriptions, by
        name."""
        self.pushed.sender = self._push
        self.notified.sender = self._notify
        try:
            await self._show(request, asked)
        finally:
            self.context.subscriptions.session_ended(self.pushed.session_id)
            for one in (self.pushed, self.notified):
                one.over.set()

    async def _show(self, request: Request, asked: Mapping[str, bytes]) -> None:
        ids: dict[str, int] = {}
        refused: dict[str, str] = {}
        for name, operation in asked.items():
            try:
                reply = await dispatch(self.context, self.pushed, parse(operation))
                ids[name] = int(parse(reply).text or "")
            except RpcErrors as problem:
                refused[name] = _words(problem)
        try:
            await dispatch(self.context, self.notified, parse(EVENTS))
        except RpcErrors as problem:
            refused["events"] = _words(problem)
        await self._begin({"subscriptions": ids, **({"refused": refused} if refused else {})})
        try:
            await request.while_there(self._go_on())
        except Gone:
            return
        assert self.why is not None
        await self._put("over", _line({"reason": self.why.value}), more=False)

    async def _begin(self, content: dict[str, Any]) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
        ]
        await self.send({"type": "http.response.start", "status": 200, "headers": headers})
        known = {"user": self.user, "now": self._now(), "version": self.version}
        await self._say("hello", {**known, **content})

    async def _go_on(self) -> None:
        """Return when the stream is to end, and no event is half written or will be."""
        subscription = self.notified.subscription
        runs = [*self.pushed.runs, *([] if subscription is None else [subscription.run])]
        tasks = {asyncio.create_task(_done(run)) for run in (*runs, self._be_alive)}
        tasks.add(asyncio.create_task(_done(self._ended.wait)))
        going_on = tasks
        try:
            while not self._ended.is_set():
                done, going_on = await asyncio.wait(going_on, return_when=asyncio.FIRST_COMPLETED)
                for task in done:  # one of a subscription that has ended
                    task.result()
            await self._writing.acquire()  # when what is being written is written
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _be_alive(self) -> None:
        while True:
            await self.wait()
            self.look()
            if not self._writing.locked():  # else something comes anyhow
                await self._say("alive", {"now": self._now()})

    def _now(self) -> str:
        return time_text(self.context.stream.now())

    async def _push(self, message: bytes) -> None:
        await self._tell("push", message)

    async def _notify(self, message: bytes) -> None:
        await self._tell("notification", message)

    async def _tell(self, name: str, message: bytes) -> None:
        data = await self.written.json(message)
        if data is not None:
            await self._write(name, data)

    async def _say(self, name: str, content: object) -> None:
        await self._write(name, _line(content))

    async def _write(self, name: str, data: bytes) -> None:
        async with self._writing:
            await self._put(name, data)

    async def _put(self, name: str, data: bytes, *, more: bool = True) -> None:
        """Send an event, and before a large one how many octets it has; ``data`` is one line."""
        body = b"event: %b\ndata: %b\n\n" % (name.encode(), data)
        if len(body) > LARGE_OCTETS:
            await self._put("large", _line({"octets": len(body)}))
        await self.send({"type": "http.response.body", "body": body, "more_body": more})


def _words(problem: RpcErrors) -> str:
    return " ".join(problem.errors[0].message.split())


async def _done(run: Callable[[], Awaitable[object]]) -> None:
    await run()


def _line(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()
