"""RESTCONF in a test: the application behind its door, on a Context without a wire, and who asks it."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agent.http.answers import App
from agent.http.door import Door, open_door
from agent.http.limits import DoorLimits
from agent.http.tls import Tls
from agent.page.app import Page
from agent.restconf.app import DATA, METHODS, Bounds, Restconf
from agent.restconf.login import Logins
from agent.restconf.passwords import Passwords, hash_of
from agent.transport.accounts import Lookups
from agent.transport.doorway import Favoured
from agent.transport.lockout import Lockout
from agent.web import WebDoor
from tests.agent.handlers import Lab
from tests.agent.http.door_lab import PATIENCE_S, all_of

WORD = "correct horse"
USERS = ("tester", "bob", "reader")
HASH = hash_of(WORD.encode())
XML = "application/yang-data+xml"
JSON = "application/yang-data+json"
BOUNDS = Bounds(body_octets=100_000, bodies_octets=150_000, elements=10_000, requests_per_user=8)
LIMITS = DoorLimits(body_octets=BOUNDS.body_octets, methods=METHODS, slashes_below="/restconf")


@dataclass(frozen=True)
class Answer:
    status: int
    fields: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        assert self.fields["content-type"] == JSON
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def error(self) -> Mapping[str, Any]:
        """The first error."""
        found, *_ = self.json["ietf-restconf:errors"]["error"]
        return found  # type: ignore[no-any-return]


def basic(user: str, password: str = WORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@dataclass
class Client:
    """Who asks, a connection for each request."""

    door: Door
    lab: Lab
    app: Restconf
    lockout: Lockout
    logins: Logins
    passwords: Passwords
    fields: dict[str, str] = field(default_factory=lambda: basic("tester"))
    tls: ssl.SSLContext | None = None

    def as_user(self, user: str, password: str = WORD) -> Client:
        return replace(self, fields=basic(user, password))

    async def ask(self, method: str, target: str, body: str | bytes | None = None, **fields: str) -> Answer:
        """Return the answer; of the ``fields``, an underscore is a hyphen."""
        reader, writer = await self.send(method, target, body, **fields)
        try:
            found = await asyncio.wait_for(all_of(reader), PATIENCE_S)
        finally:
            writer.transport.abort()
        return answer_of(found)

    async def send(
        self, method: str, target: str, body: str | bytes | None = None, **fields: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.door.port, ssl=self.tls)
        data = body.encode() if isinstance(body, str) else body
        given = {"Host": "127.0.0.1", "Connection": "close", **self.fields}
        given |= {name.replace("_", "-"): value for name, value in fields.items()}
        if data is not None:
            given = {"Content-Type": JSON, "Content-Length": str(len(data)), **given}
        lines = [
            f"{method} {target} HTTP/1.1",
            *(f"{name}: {value}" for name, value in given.items()),
            "",
            "",
        ]
        writer.write("\r\n".join(lines).encode() + (data or b""))
        await writer.drain()
        return reader, writer

    async def get(self, path: str, **fields: str) -> Answer:
        return await self.ask("GET", DATA + path, **fields)

    async def put(self, path: str, content: object, **fields: str) -> Answer:
        return await self.ask("PUT", DATA + path, json.dumps(content), **fields)

    async def post(self, path: str, content: object, **fields: str) -> Answer:
        return await self.ask("POST", DATA + path, json.dumps(content), **fields)

    async def patch(self, path: str, content: object, **fields: str) -> Answer:
        return await self.ask("PATCH", DATA + path, json.dumps(content), **fields)

    def web_door(self, page: Page | None = None) -> WebDoor:
        """Return the door as an agent has it, which takes other settings over."""
        return WebDoor(
            self.door,
            self.app,
            logins=self.logins,
            passwords=self.passwords,
            tries=self.logins._tries,
            secure=self.tls is not None,
            page=page,
        )


def answer_of(data: bytes) -> Answer:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if fields.get("transfer-encoding") == "chunked":
        body = _dechunked(body)
    return Answer(int(first.split(" ")[1]), fields, body)


def _dechunked(data: bytes) -> bytes:
    found = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        octets = int(size, 16)
        found, data = found + data[:octets], data[octets + 2 :]
    return found


@asynccontextmanager
async def serving(
    lab: Lab,
    folder: Path,
    *,
    bounds: Bounds = BOUNDS,
    limits: DoorLimits = LIMITS,
    tls: Tls | None = None,
    tries: int = 30,
    now: Callable[[], float] = time.monotonic,
    around: Callable[[Restconf, Logins], App] | None = None,
) -> AsyncIterator[Client]:
    """Serve RESTCONF, or what ``around`` makes of it; ``now``: the time of sessions of the page."""
    passwords = Passwords(dict.fromkeys(USERS, HASH))
    kept_tries = Lockout(folder / "lockout-names.json", tries, 30)
    lockout = Lockout(folder / "lockout.json", tries, 30)
    logins = Logins(
        passwords,
        certified=USERS,
        recovery_users=("tester",),
        lockout=lockout,
        tries=kept_tries,
        favoured=Favoured(folder / "recovery.json", any_users=False),
        lookups=Lookups(),
        now=now,
    )
    app = Restconf(lab.context, logins, bounds, next_session_id=itertools.count(100).__next__)
    try:
        served: App = app if around is None else around(app, logins)
        async with open_door(served, ("127.0.0.1", 0), tls, limits) as door:
            yield Client(door, lab, app, lockout=lockout, logins=logins, passwords=passwords)
            await app.stop()
    finally:
        passwords.close()
        await lockout.kept.written()
        await kept_tries.kept.written()
