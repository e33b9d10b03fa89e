"""Visits to the page: each in a fresh context of the browser, as somebody, and looked at until its end."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.axe import assert_accessible
from tests.browser.chromium import PATIENCE_MS
from tests.browser.watch import Watch

SCREENSHOTS = Path(__file__).resolve().parents[2] / "reports" / "screenshots"
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}


@dataclass
class Visit:
    """A context of the browser and its first page; ``address``: where the page is, without a last slash."""

    address: str
    context: BrowserContext
    watch: Watch
    page: Page

    async def open(self, route: str = "") -> None:
        """Load the page anew, at a route as ``#/history``."""
        await self.page.goto(f"{self.address}/{route}")

    async def go(self, route: str) -> None:
        """Go to a route of the page that is loaded."""
        await self.page.evaluate("route => { location.hash = route; }", route)

    async def log_in(self, user: str, password: str) -> None:
        """Fill in the form that is shown."""
        await self.page.get_by_role("textbox", name="User").fill(user)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Log in").click()

    async def live(self) -> None:
        """Return when the page follows the gateway."""
        await expect(self.page.get_by_role("status").filter(has_text="Live")).to_be_visible()

    def link(self, name: str) -> Locator:
        return self.page.get_by_role("navigation", name="Main").get_by_role("link", name=name)

    def alert(self, words: str) -> Locator:
        """What is said at once to who hears the page, of which there may be several places."""
        return self.page.get_by_role("alert").filter(has_text=words)

    def row(self, tunnel: int) -> Locator:
        """The row of a tunnel in the table."""
        cell = self.page.get_by_role("cell", name=str(tunnel), exact=True)
        header = self.page.get_by_role("rowheader", name=str(tunnel), exact=True)
        return self.page.get_by_role("table", name="Tunnels").get_by_role("row").filter(has=cell.or_(header))

    async def accessible(self) -> None:
        await assert_accessible(self.page)

    async def screenshot(self, name: str) -> Path:
        """Keep what is to be seen now among the reports."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        file = SCREENSHOTS / f"{re.sub(r'[^A-Za-z0-9-]+', '-', name).strip('-')}.png"
        await self.page.screenshot(path=file)
        return file


class Visits:
    """Begins visits; they end with it."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._stack = AsyncExitStack()
        self.begun: list[Visit] = []

    async def begin(self, address: str, **options: Any) -> Visit:
        """Return a visit that has not opened the page yet. ``options``: those of a context of playwright."""
        context = await self._browser.new_context(
            ignore_https_errors=True, service_workers="block", locale="en-GB", **options
        )
        context.set_default_timeout(PATIENCE_MS)
        watch = Watch(context, address)
        self._stack.push_async_callback(watch.end)
        await watch.begin()
        visit = Visit(address, context, watch, await watch.tab())
        self.begun.append(visit)
        return visit

    async def log_in(self, address: str, user: str, password: str, **options: Any) -> Visit:
        """Return a visit of ``user``, whose page follows the gateway."""
        visit = await self.begin(address, **options)
        await visit.open()
        await visit.log_in(user, password)
        await visit.live()
        return visit

    async def end(self) -> None:
        """End all visits.

        Raises:
            AssertionError: a page did what none of ours may do.
        """
        await self._stack.aclose()


@asynccontextmanager
async def visiting(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Visits]:
    """Visits of a test; if it fails, what each had before it is kept as a picture."""
    failed = request.session.testsfailed
    visits = Visits(browser)
    try:
        yield visits
    finally:
        if request.session.testsfailed > failed:
            for number, visit in enumerate(visits.begun, 1):
                await visit.screenshot(f"failed-{request.node.name}-{number}")
        await visits.end()
