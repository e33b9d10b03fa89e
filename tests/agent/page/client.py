"""The page in a test, on a Context without a wire; and who logs in to it and reads its events."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agent.http.answers import App
from agent.http.limits import DoorLimits
from agent.http.tls import Tls
from agent.page.app import Page
from agent.page.beside import Beside
from agent.page.files import File
from agent.restconf.app import Bounds, Restconf
from agent.restconf.login import Logins
from agent.web import WebDoor
from tests.agent.handlers import Lab
from tests.agent.http.door_lab import PATIENCE_S
from tests.agent.lab import EC
from tests.agent.restconf.client import BOUNDS, LIMITS, WORD, Answer, Client, serving

FILES = {
    "index.html": File(b"<!doctype html>", "text/html; charset=utf-8", '"1"'),
    "main.js": File(b"let x;", "text/javascript; charset=utf-8", '"2"'),
}
_SUBSCRIBE = (
    '<establish-subscription xmlns="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"'
    ' xmlns:yp="urn:ietf:params:xml:ns:yang:ietf-yang-push"'
    ' xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores"><yp:datastore>ds:running</yp:datastore>'
    f'<yp:datastore-subtree-filter><top xmlns="{EC}"><entry><id/><number/></entry></top>'
    "</yp:datastore-subtree-filter>%s</establish-subscription>"
)
CHANGES = (_SUBSCRIBE % "<yp:on-change/>").encode()
_PERIOD = "<yp:period>%d</yp:period><yp:anchor-time>1970-01-01T00:00:00Z</yp:anchor-time>"
PERIODS = (_SUBSCRIBE % f"<yp:periodic>{_PERIOD}</yp:periodic>").encode()


def asked(seconds: int) -> Mapping[str, bytes]:
    return {"state": CHANGES, "traffic": PERIODS % (100 * seconds)}


@dataclass
class Clock:
    """The time of sessions, and of the signs of life of streams, of which ``beat`` lets one come."""

    time: float = 1000.0
    beats: asyncio.Condition = field(default_factory=asyncio.Condition)
    count: int = 0
    waiting: int = 0

    def now(self) -> float:
        return self.time

    async def wait(self) -> None:
        self.waiting += 1
        async with self.beats:
            count = self.count
            await self.beats.wait_for(lambda: self.count > count)
        self.waiting -= 1

    async def beat(self) -> None:
        async with self.beats:
            self.count += 1
            self.beats.notify_all()


@dataclass
class Visitor:
    """A browser that has the page: its cookie and its token, once it has logged in."""

    client: Client
    page: Page
    clock: Clock
    cookie: str = ""
    token: str = ""
    streams: list[Events] = field(default_factory=list)

    @property
    def sessions(self) -> Any:
        return self.client.logins.sessions

    def other(self) -> Visitor:
        """Return another browser."""
        return replace(self, cookie="", token="")

    async def ask(self, method: str, target: str, body: str | bytes | None = None, **fields: str) -> Answer:
        given = {"Cookie": self.cookie} if self.cookie else {}
        return await replace(self.client, fields={}).ask(method, target, body, **{**given, **fields})

    async def change(self, method: str, target: str, body: str | None = None, **fields: str) -> Answer:
        return await self.ask(method, target, body, X_CSRF_Token=self.token, **fields)

    async def try_login(self, user: str, password: str = WORD, **fields: str) -> Answer:
        body = json.dumps({"user": user, "password": password})
        return await self.ask("POST", "/session", body, **{"Content_Type": "application/json", **fields})

    async def log_in(self, user: str = "tester") -> Answer:
        answer = await self.try_login(user)
        assert answer.status == 200, answer.text
        self.cookie = answer.fields["set-cookie"].partition(";")[0]
        self.token = json.loads(answer.body)["csrf-token"]
        return answer

    def web_door(self) -> WebDoor:
        return self.client.web_door(self.page)

    async def follow(self, query: str = "", **fields: str) -> Events:
        given = {"Cookie": self.cookie} if self.cookie else {}
        client = replace(self.client, fields={})
        self.streams.append(Events(*await client.send("GET", f"/events{query}", **{**given, **fields})))
        return self.streams[-1]


@dataclass
class Events:
    """A stream that goes on."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    rest: bytes = b""
    begun: bool = False
    seen: list[tuple[str, Any]] = field(default_factory=list)

    async def next(self) -> tuple[str, Any]:
        """Return the name of the next event and its content; EOFError when there is none."""
        while b"\n\n" not in self.rest:
            self.rest += await asyncio.wait_for(self._piece(), PATIENCE_S)
        one, _, self.rest = self.rest.partition(b"\n\n")
        name, data = one.split(b"\n")
        self.seen.append((name.removeprefix(b"event: ").decode(), json.loads(data.removeprefix(b"data: "))))
        return self.seen[-1]

    async def until(self, name: str, that: Callable[[Any], bool] = lambda content: True) -> Any:
        """Return the content of the first event called ``name`` for which ``that`` holds."""
        while True:
            found, content = await self.next()
            if found == name and that(content):
                return content

    async def ended(self) -> bool:
        """Return True if the stream ends with a whole answer, and nothing more is in it."""
        try:
            await self.next()
        except EOFError:
            return True
        return False

    async def _piece(self) -> bytes:
        if not self.begun:
            head = await self.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 "), head
            assert b"content-type: text/event-stream" in head
            self.begun = True
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        data = await self.reader.readexactly(size + 2)
        if not size:
            raise EOFError
        return data[:-2]

    def leave(self) -> None:
        self.writer.transport.abort()


def kind(content: Any) -> str:
    """Return the name of the notification in a push."""
    inside = content["ietf-restconf:notification"]
    return next(str(name) for name in inside if name != "eventTime")


@asynccontextmanager
async def visiting(
    lab: Lab,
    folder: Path,
    *,
    bounds: Bounds = BOUNDS,
    limits: DoorLimits = LIMITS,
    tls: Tls | None = None,
    tries: int = 30,
    asked: Callable[[int], Mapping[str, bytes]] = asked,
) -> AsyncIterator[Visitor]:
    clock = Clock()
    pages: list[Page] = []

    def around(app: Restconf, logins: Logins) -> App:
        page = Page(
            lab.context,
            logins,
            files=FILES,
            under_way=app.under_way,
            next_session_id=itertools.count(10_000).__next__,
            version="1.2.3",
            asked=asked,
            wait=clock.wait,
        )
        pages.append(page)
        return Beside(app, page)

    served = serving(
        lab, folder, bounds=bounds, limits=limits, tls=tls, tries=tries, now=clock.now, around=around
    )
    async with served as client:
        visitor = Visitor(client, pages[0], clock)
        try:
            yield visitor
        finally:
            for events in visitor.streams:
                events.leave()
            await lab.until(lambda: not pages[0].tabs)


async def opened(visitor: Visitor, query: str = "") -> Events:
    """Return a stream that has begun."""
    events = await visitor.follow(query)
    name, _ = await events.next()
    assert name == "hello"
    return events
