"""What a page does that none of ours may do, and all that it has received."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Coroutine, Mapping
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import (
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Error,
    Page,
    Request,
    Response,
    WebError,
)

from tests.browser.chromium import PATIENCE_MS

# What nobody wants to know any more, as a view is left, and the stream, the page ends itself; what a server
# ends has other names.
EXCUSED = (r"failed: GET \S+: net::ERR_ABORTED$",)
STREAM = "text/event-stream"


class Watch:
    """Looks at all pages of a context of the browser.

    Args:
        origin: of whom the pages are; what goes to others is stopped, and a fault.
    """

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self._context = context
        self._origin = origin
        self._faults: list[str] = []
        self._noted = asyncio.Event()
        self._excused = list(EXCUSED)
        self._received: list[str] = []
        self._unread: list[str] = []
        self._work: set[asyncio.Task[None]] = set()
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("dialog", self._dialog)
        context.on("request", self._request)
        context.on("requestfailed", self._failed)
        context.on("response", self._response)

    async def begin(self) -> None:
        """Stop what goes to others from now on."""
        elsewhere = re.compile(rf"^(?!{re.escape(self._origin)}(/|$))")
        await self._context.route(elsewhere, lambda route: route.abort("blockedbyclient"))

    async def tab(self) -> Page:
        """Return a new page, of whose streams each event is noted, too."""
        page = await self._context.new_page()
        protocol = await self._context.new_cdp_session(page)

        def arrived(event: Mapping[str, Any]) -> None:
            if event["response"]["mimeType"] == STREAM:
                self._begin(read_on(event["requestId"]))

        async def read_on(request: str) -> None:
            try:
                answer = await protocol.send("Network.streamResourceContent", {"requestId": request})
            except Error:  # it has ended already
                return
            self._received.append(_decoded(answer["bufferedData"]))

        protocol.on("Network.responseReceived", arrived)
        protocol.on("Network.eventSourceMessageReceived", lambda event: self._received.append(event["data"]))
        protocol.on(
            "Network.dataReceived", lambda event: self._received.append(_decoded(event.get("data", "")))
        )
        await protocol.send("Network.enable")
        return page

    def excuse(self, *patterns: str) -> None:
        """Let faults be that a test brings about: regular expressions that are found in them."""
        self._excused += patterns

    async def received(self) -> str:
        """Return all bodies and events that have come so far, and the fields of the answers.

        Raises:
            AssertionError: the browser kept one of them to itself.
        """
        await self._settled()
        assert not self._unread, self._unread
        return "\n".join(self._received)

    async def faults(self) -> list[str]:
        await self._settled()
        return [
            fault for fault in self._faults if not any(re.search(pattern, fault) for pattern in self._excused)
        ]

    async def first_faults(self) -> list[str]:
        """Return the faults as soon as there are any."""
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while not (found := await self.faults()):
                self._noted.clear()
                await self._noted.wait()
        return found

    async def end(self) -> None:
        """Look no more, and close all pages.

        Raises:
            AssertionError: there were faults.
        """
        found = await self.faults()
        for event, handler in (("requestfailed", self._failed), ("console", self._console)):
            self._context.remove_listener(event, handler)
        await self._context.close()
        await self._settled()
        assert not found, "the page did what it may not:\n" + "\n".join(found)

    def _note(self, fault: str) -> None:
        self._faults.append(fault)
        self._noted.set()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self._note(f"console {message.type}: {message.text} at {message.location['url']}")

    def _error(self, error: WebError) -> None:
        self._note(f"uncaught: {error.error.stack or error.error.message}")

    def _dialog(self, dialog: Dialog) -> None:
        self._note(f"{dialog.type}: {dialog.message}")
        self._begin(dialog.dismiss())

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if f"{parts.scheme}://{parts.netloc}" != self._origin:
            self._note(f"asked another origin: {request.method} {request.url[:200]}")

    def _failed(self, request: Request) -> None:
        self._note(f"failed: {request.method} {request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        self._received.append("".join(f"{name}: {value}\n" for name, value in response.headers.items()))
        if response.headers.get("content-type", "").startswith(STREAM) or response.status == 204:
            return
        self._begin(self._read(response))

    async def _read(self, response: Response) -> None:
        try:
            self._received.append((await response.body()).decode(errors="replace"))
        except Error as problem:
            if response.request.failure is None:  # else the page itself has not seen the end of it
                self._unread.append(f"{response.url}: {problem.message}")

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _settled(self) -> None:
        while self._work:
            await asyncio.wait(self._work)


def _decoded(data: str) -> str:
    return base64.b64decode(data).decode(errors="replace")
