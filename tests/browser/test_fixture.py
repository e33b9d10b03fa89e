"""What the tests of the page look with: on pages made for it, each guard is seen to refuse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.axe import assert_accessible
from tests.browser.chromium import missing
from tests.browser.visits import SCREENSHOTS, Visit, Visits, visiting

pytestmark = pytest.mark.asyncio(loop_scope="package")

PLAIN = '<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1>{}</main></html>'
# Loaded by the pages, whose policy lets no script in that stands in them.
SCRIPTS = {
    "/nothing.js": "",
    "/error.js": "console.error('something is wrong');",
    "/warning.js": "console.warn('something may be wrong');",
    "/uncaught.js": "throw new Error('nobody catches it');",
    "/rejected.js": "Promise.reject(new Error('nobody awaits it'));",
    "/foreign.js": "fetch('http://192.0.2.1/');",
    "/missing.js": "fetch('/nowhere');",
    "/broken.js": "fetch('/broken').catch(() => {});",
    "/alert.js": "alert('hello');",
    "/stream.js": "new EventSource('/stream').onmessage = (e) => { document.title = 'heard'; };",
    "/fetched.js": (
        "fetch('/stream').then(r => r.body.getReader().read()).then(() => { document.title = 'heard'; });"
    ),
}
POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'"
SECRET = "Zebra-Crossing-7"


def page(script: str) -> str:
    return PLAIN.format(f'<script src="{script}"></script>')


BODIES = {
    "/inline": ("text/html", PLAIN.format("<script>document.title = 'in';</script>")),
    "/styled": ("text/html", PLAIN.format('<p style="color: red">x</p>')),
    "/image": ("text/html", PLAIN.format('<img alt="" src="http://192.0.2.1/x.png">')),
    "/unlabelled": ("text/html", PLAIN.format("<input><button></button>")),
    **{name: ("text/javascript", text) for name, text in SCRIPTS.items()},
    **{name.removesuffix(".js"): ("text/html", page(name)) for name in SCRIPTS},
    # Before its pages of the same name.
    "/stream-of-events": ("text/html", page("/stream.js")),
    "/stream": ("text/event-stream", f"data: {SECRET}\n\n"),
}  # fmt: skip
del BODIES["/broken"]
BODIES["/breaking"] = ("text/html", page("/broken.js"))


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def address() -> AsyncIterator[str]:
    """Where the pages above are served."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ")[1].decode()
        if path == "/broken":
            writer.transport.abort()
            return
        kind, body = BODIES.get(path, ("text/plain", ""))
        status = "200 OK" if path in BODIES else "404 Not Found"
        data = body.encode()
        length = "" if kind == "text/event-stream" else f"Content-Length: {len(data)}\r\n"
        policy = "" if path == "/image" else f"Content-Security-Policy: {POLICY}\r\n"
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{policy}{length}Connection: close\r\n\r\n".encode()
            + data
        )
        await writer.drain()
        if kind == "text/event-stream":
            await reader.read()  # until the browser has gone
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def visited(visits: Visits, address: str, path: str) -> Visit:
    visit = await visits.begin(address)
    await visit.page.goto(address + path)
    return visit


async def faults(visit: Visit) -> list[str]:
    """Return the first faults that come, and excuse them all."""
    found = await visit.watch.first_faults()
    visit.watch.excuse(".")
    return found


async def test_a_page_that_does_nothing_wrong_has_no_faults(visits: Visits, address: str) -> None:
    visit = await visited(visits, address, "/nothing")
    await visit.page.wait_for_load_state("networkidle")
    visit.watch.excuse("/favicon.ico")
    assert await visit.watch.faults() == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/error", "console error: something is wrong"),
        ("/warning", "console warning: something may be wrong"),
        ("/uncaught", "uncaught: Error: nobody catches it"),
        ("/rejected", "uncaught: Error: nobody awaits it"),
        ("/image", "asked another origin: GET http://192.0.2.1/x.png"),
        ("/foreign", "Content Security Policy"),
        ("/missing", "status of 404"),
        ("/breaking", "failed: GET"),
        ("/alert", "alert: hello"),
        ("/inline", "Content Security Policy"),
        ("/styled", "Content Security Policy"),
    ],
)
async def test_what_no_page_may_do_is_seen(visits: Visits, address: str, path: str, words: str) -> None:
    visit = await visited(visits, address, path)
    visit.watch.excuse("/favicon.ico")
    assert words in "\n".join(await faults(visit))


async def test_faults_fail_the_test_that_has_them(chromium: Browser, address: str) -> None:
    visits = Visits(chromium)
    visit = await visited(visits, address, "/error")
    await visit.page.wait_for_load_state("networkidle")
    with pytest.raises(AssertionError, match="something is wrong"):
        await visits.end()


async def test_a_test_that_fails_leaves_a_picture_of_what_it_looked_at(
    chromium: Browser, address: str, request: pytest.FixtureRequest
) -> None:
    session = SimpleNamespace(testsfailed=0)
    fake = SimpleNamespace(session=session, node=request.node)
    async with visiting(chromium, fake) as visits:  # type: ignore[arg-type]
        visit = await visited(visits, address, "/nothing")
        visit.watch.excuse("/favicon.ico")
        session.testsfailed += 1
    picture = SCREENSHOTS / f"failed-{request.node.name.replace('_', '-')}-1.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    picture.unlink()


async def test_without_a_browser_the_reason_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tests.browser.chromium.CHROMIUM", tmp_path / "chromium")
    assert missing() == "chromium is not installed (script/setup --tests installs it)"


async def test_what_is_not_accessible_is_said(visits: Visits, address: str) -> None:
    visit = await visited(visits, address, "/nothing")
    visit.watch.excuse("/favicon.ico")
    await assert_accessible(visit.page)
    await visit.page.goto(address + "/unlabelled")
    with pytest.raises(AssertionError) as caught:
        await assert_accessible(visit.page)
    assert "label (critical): Form elements must have labels" in str(caught.value)
    assert "button-name (critical)" in str(caught.value)


@pytest.mark.parametrize("path", ["/stream-of-events", "/fetched"])
async def test_what_a_stream_brings_is_noted(visits: Visits, address: str, path: str) -> None:
    visit = await visited(visits, address, path)
    visit.watch.excuse("/favicon.ico", "/stream")
    await expect(visit.page).to_have_title("heard")
    assert SECRET in await visit.watch.received()


async def test_what_an_answer_brings_is_noted(visits: Visits, address: str) -> None:
    visit = await visited(visits, address, "/nothing")
    visit.watch.excuse("/favicon.ico")
    found = await visit.watch.received()
    assert "<h1>A page</h1>" in found
    assert "content-security-policy: default-src 'none'" in found


async def test_a_picture_of_it_is_kept(visits: Visits, address: str) -> None:
    visit = await visited(visits, address, "/nothing")
    visit.watch.excuse("/favicon.ico")
    file = await visit.screenshot("fixture: a page")
    assert file.name == "fixture-a-page.png"
    assert file.read_bytes().startswith(b"\x89PNG")
