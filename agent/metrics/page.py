"""The answer to an HTTP request (ASGI): /metrics, and nothing else."""

from __future__ import annotations

import asyncio
import logging

from agent.http.answers import Message, Receive, Send
from agent.http.door import Door
from agent.http.limits import DoorLimits
from agent.metrics.scraping import CONTENT_TYPE, Scraping
from agent.settings import Metrics

log = logging.getLogger(__name__)

PATH = "/metrics"
PATIENCE_S = 30.0
"""For so long an answer may be waited for; Prometheus itself waits 10 s."""
# Each answer may have megabytes, and is held while its client reads. Of one source there may be more than
# there are places: whoever comes gets in, and the oldest of the source that has most gives way.
LIMITS = DoorLimits(
    connections=8,
    connections_per_source=9,
    write_s=10,
    slowest_octets=256 * 1024,
    body_octets=1024,
    head_octets=8 * 1024,
    target_octets=1024,
    methods=frozenset({"GET", "HEAD"}),
)


class Page:
    """An ASGI application. What is asked beside the path (a query) changes nothing."""

    def __init__(self, scraping: Scraping, patience_s: float = PATIENCE_S) -> None:
        self._scraping = scraping
        self._patience_s = patience_s

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        status, body = await self._answer(str(scope["path"]))
        kind = CONTENT_TYPE if status == 200 else "text/plain; charset=utf-8"
        headers = [
            (b"content-type", kind.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, path: str) -> tuple[int, bytes]:
        if path != PATH:
            return 404, f"there is nothing here but {PATH}\n".encode()
        try:
            async with asyncio.timeout(self._patience_s):
                return 200, await self._scraping.text()
        except TimeoutError:
            return 503, b"it takes too long to look at everything\n"
        except Exception:
            log.exception("defect while metrics were made")
            return 500, b"the agent failed to make this; its log says why\n"


class MetricsDoor:
    """The door at which metrics are served, and what is behind it."""

    def __init__(self, settings: Metrics, scraping: Scraping) -> None:
        self._host = settings.host
        self._scraping = scraping
        self._door = Door(
            Page(scraping),
            (settings.host, settings.port),
            limits=LIMITS,
            names=settings.hosts,
            what="metrics",
            plain_anywhere=settings.anybody,
        )

    async def take_address(self) -> None:
        """Have the address without accepting anybody yet.

        Raises:
            OSError: it cannot be had; the text says why.
        """
        await self._door.take_address()

    async def start(self) -> None:
        await self._door.start()
        host = f"[{self._host}]" if ":" in self._host else self._host
        log.info("metrics on http://%s:%d%s", host, self._door.port, PATH)

    async def stop(self) -> None:
        await self._door.close()
        await self._scraping.stop()
