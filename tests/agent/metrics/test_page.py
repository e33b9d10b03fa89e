"""The answer to a request, without the door that is in front of it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from agent.metrics.page import LIMITS, Page
from tests.agent.metrics.test_scraping import Standin, scraping


async def asked(
    page: Page, path: str = "/metrics", kind: str = "http"
) -> tuple[int, dict[bytes, bytes], bytes]:
    """Return status, headers and body."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await page({"type": kind, "path": path}, None, send)  # type: ignore[arg-type]
    if not sent:
        return 0, {}, b""
    begun, *bodies = sent
    return begun["status"], dict(begun["headers"]), b"".join(one["body"] for one in bodies)


async def test_metrics_say_what_they_are_and_are_kept_by_nobody() -> None:
    status, headers, body = await asked(Page(scraping(Standin())))
    assert (status, headers[b"cache-control"]) == (200, b"no-store")
    assert headers[b"content-type"].startswith(b"text/plain; version=")
    assert int(headers[b"content-length"]) == len(body)
    assert b"thing_size" in body


@pytest.mark.parametrize("path", ["/", "/metric", "/metrics/", "/metrics/x", "//metrics", ""])
async def test_there_is_nothing_else(path: str) -> None:
    standin = Standin()
    status, _, body = await asked(Page(scraping(standin)), path)
    assert (status, standin.asked) == (404, 0)
    assert b"thing_size" not in body


async def test_what_is_no_request_is_not_answered() -> None:
    assert await asked(Page(scraping(Standin())), kind="websocket") == (0, {}, b"")


async def test_a_look_that_takes_too_long_is_an_answer_too_and_goes_on_for_the_next() -> None:
    standin = Standin()
    standin.may.clear()
    page = Page(scraping(standin), patience_s=0.01)
    assert (await asked(page))[0] == 503
    standin.may.set()
    async with asyncio.timeout(60):
        while (await asked(page))[0] != 200:
            pass


async def test_a_defect_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    under_test = scraping(Standin())

    def broken() -> Any:
        raise RuntimeError("a secret of the house")

    under_test._figures = broken
    with caplog.at_level(logging.ERROR, "agent.metrics.page"):
        status, _, body = await asked(Page(under_test))
    assert (status, b"secret" in body) == (500, False)
    assert "a secret of the house" in caplog.text


def test_whoever_comes_to_a_full_door_gets_in_and_the_oldest_gives_way() -> None:
    assert LIMITS.connections_per_source > LIMITS.connections
    assert LIMITS.methods == {"GET", "HEAD"}
