"""Modules of the page alone, in a page without a server: what is pure is tried with what it is given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, Route

STATIC = Path(__file__).resolve().parents[2] / "agent" / "page" / "static"
ADDRESS = "http://modules.invalid"
TYPES = {".js": "text/javascript", ".html": "text/html"}


@dataclass(frozen=True)
class Modules:
    """A page that can import the modules from ``/static/``."""

    page: Page

    async def run(self, script: str, given: object = None) -> Any:
        """Return what ``script``, the body of an async function of ``given``, returns."""
        return await self.page.evaluate(f"async (given) => {{ {script} }}", given)


@asynccontextmanager
async def modules_in(browser: Browser) -> AsyncIterator[Modules]:
    context = await browser.new_context(timezone_id="Europe/Vienna", locale="en-GB")
    try:
        await context.route(f"{ADDRESS}/**", _answer)
        page = await context.new_page()
        await page.goto(f"{ADDRESS}/")
        yield Modules(page)
    finally:
        await context.close()


async def _answer(route: Route) -> None:
    name = route.request.url.removeprefix(f"{ADDRESS}/static/")
    file = STATIC / name
    if name in {one.name for one in STATIC.iterdir()}:
        await route.fulfill(body=file.read_bytes(), content_type=TYPES.get(file.suffix, "text/plain"))
    else:
        await route.fulfill(body="<!DOCTYPE html><title>modules</title>", content_type="text/html")
