"""The page with a gateway that tells what a test says: for what no real one can be made to tell at will.

What is between the two, the stream and the requests, is played here; the page is the one that is served.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.browser.chromium import PATIENCE_MS
from tests.browser.modules import ADDRESS, STATIC, TYPES

STREAMS = """
    window.streams = [];
    window.EventSource = class extends EventTarget {
        constructor(url) { super(); this.url = url; window.streams.push(this); }
        close() { this.closed = true; }
    };
    window.tell = (name, value) => {
        const stream = window.streams.at(-1);
        if (stream.closed) throw new Error("the stream is closed");
        const data = typeof value === "string" ? value : JSON.stringify(value);
        stream.dispatchEvent(new MessageEvent(name, {data}));
    };
"""
BEGIN = "2026-11-28T03:00:{:02d}Z"
State = dict[str, Any]


@dataclass
class Told:
    """``user``: who is logged in, None for nobody; ``tunnels``: what each first update of a stream has;
    ``unreachable``: paths that get no answer; ``held``: those that get one once ``go_on`` is set."""

    page: Page
    user: str | None = "admin"
    tunnels: list[State] = field(default_factory=list)
    patches: int = 0
    unreachable: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def tell(self, name: str, value: object) -> None:
        await self.page.evaluate("([name, value]) => window.tell(name, value)", [name, value])

    async def greet(self, **more: object) -> None:
        """Begin the stream that is open, with all tunnels."""
        self.patches = 0
        ids = {"state": 1, "traffic": 2}
        await self.tell(
            "hello", {"user": self.user, "now": BEGIN.format(0), "version": "1", "subscriptions": ids} | more
        )
        await self.push(1, **{"push-update": _contents(self.tunnels)})

    async def change(self, *edits: State) -> None:
        """Tell of changes, each a member of an edit by itself."""
        changes = {"yang-patch": {"patch-id": str(self.patches), "edit": list(edits)}}
        self.patches += 1
        await self.push(1, **{"push-change-update": {"datastore-changes": changes}})

    async def sample(self, second: int, *tunnels: State) -> None:
        await self.push(2, second=second, **{"push-update": _contents(list(tunnels))})

    async def push(self, id: int, second: int = 0, **update: State) -> None:
        told = {f"ietf-yang-push:{name}": {"id": id, **body} for name, body in update.items()}
        await self.tell("push", {"ietf-restconf:notification": {"eventTime": BEGIN.format(second), **told}})

    async def streams(self, count: int) -> None:
        """Return when the page has opened so many streams."""
        there = "count => window.streams.length >= count"
        await self.page.wait_for_function(there, arg=count, timeout=PATIENCE_MS)

    def rows(self) -> Locator:
        return self.page.get_by_role("table", name="Tunnels").locator("tbody tr")

    async def ids(self) -> list[int]:
        return [int(text) for text in await self.rows().locator("th").all_inner_texts()]

    async def answer(self, route: Route) -> None:
        path = route.request.url.removeprefix(ADDRESS).split("?")[0]
        name = path.removeprefix("/static/")
        if path in self.held:
            await self.go_on.wait()
        if path in self.unreachable:
            await route.abort("connectionreset")
        elif path == "/":
            await route.fulfill(body=(STATIC / "index.html").read_bytes(), content_type=TYPES[".html"])
        elif path == "/session" and self.user is not None:
            known = {"user": self.user, "csrf-token": "t", "expires": None, "by": "password"}
            await route.fulfill(body=json.dumps(known), content_type="application/json")
        elif path == "/session":
            await route.fulfill(status=204)
        elif path.startswith("/restconf"):
            await route.fulfill(body='{"yangswan-ipsec:tunnels": {}}', content_type="application/json")
        else:
            kind = {".css": "text/css", ".svg": "image/svg+xml", **TYPES}[(STATIC / name).suffix]
            await route.fulfill(body=(STATIC / name).read_bytes(), content_type=kind)


def _contents(tunnels: list[State]) -> State:
    return {"datastore-contents": {"yangswan-ipsec:tunnels": {"ipsec": tunnels}}}


def tunnel(id: int, status: str = "installed", **more: object) -> State:
    return {"id": id, "enabled": True, "peer": f"192.0.2.{id % 250}", "state": {"status": status, **more}}


def status(id: int, value: str) -> State:
    """An edit that gives a tunnel another status."""
    target = f"/yangswan-ipsec:tunnels/ipsec={id}/state/status"
    return {"operation": "replace", "target": target, "value": {"yangswan-ipsec:status": value}}


def gone(id: int) -> State:
    return {"operation": "delete", "target": f"/yangswan-ipsec:tunnels/ipsec={id}"}


@asynccontextmanager
async def told_in(
    browser: Browser,
    tunnels: list[State],
    *,
    has_clock: bool = False,
    scripts: Sequence[str] = (),
    is_live: bool = True,
) -> AsyncIterator[Told]:
    """The page of somebody who is logged in, live, with ``tunnels``.

    ``has_clock``: its time can be moved; ``scripts``: are run before its own; ``is_live``: else its
    stream has not begun.
    """
    context = await browser.new_context()
    faults: list[str] = []
    context.on("weberror", lambda error: faults.append(str(error.error)))
    try:
        for script in (STREAMS, *scripts):
            await context.add_init_script(script)
        told = Told(await context.new_page(), tunnels=tunnels)
        await context.route(f"{ADDRESS}/**", told.answer)
        if has_clock:
            await told.page.clock.install()
        await told.page.goto(f"{ADDRESS}/")
        await told.streams(1)
        if is_live:
            await told.greet()
            await expect(told.page.get_by_role("status")).to_have_text("Live")
        yield told
    finally:
        await context.close()
    assert faults == []
