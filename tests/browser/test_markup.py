"""What others have written is shown as text, whatever stands in it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from xml.sax.saxutils import escape

import pytest
import pytest_asyncio
from playwright.async_api import expect

from agent.restconf.passwords import hash_of
from tests.browser.served import ADMIN, WORD, Served, done, orchestrator, serving, tunnels
from tests.browser.test_views import still
from tests.browser.visits import Visit, Visits
from tests.requests import edit_candidate
from tests.translators.authority import Authority

pytestmark = pytest.mark.asyncio(loop_scope="package")

TAGS = "<img src=x onerror=alert(1)><script>alert(2)</script>"
QUOTES = "\"' onmouseover='alert(3)' x=\"&lt;b&gt; ${alert(4)} {{7*7}} `"
SCHEME = "javascript:alert(5)"
UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
HOSTILE = (TAGS, QUOTES, SCHEME)
USER = "<b>eve</b>\"onclick='alert(6)'"
COMMENT = '<comment xmlns="urn:yangswan:params:xml:ns:yang:agent">{}</comment>'
# What turns the direction of reading, and what nobody sees: no description has it, but a certificate may.
SUBJECT = "to \u202egnp.exe\u2066 \u200f1.0.2.91 <i>x</i> a\u200bb"
SUBJECT_DN = "CN=" + SUBJECT.replace("<", r"\<").replace(">", r"\>")
WRITTEN_OUT = r"to \E2\80\AEgnp.exe\E2\81\A6 \E2\80\8F1.0.2.91 <i>x</i> a\E2\80\8Bb"
CERTIFICATE = (
    '<certificates xmlns="urn:yangswan:params:xml:ns:yang:pki">'
    "<certificate><name>root</name><pem>{}</pem></certificate></certificates>"
)


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def hostile(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    with serving(tmp_path_factory.mktemp("hostile")) as served:
        for number, text in enumerate(HOSTILE, 1):
            async with orchestrator(served.agent) as client:
                described = tunnels([number]).replace(f"to branch {number}", escape(text))
                await done(client, edit_candidate(described))
                await done(client, f"<commit>{COMMENT.format(escape(text))}</commit>")
        await served.commit(CERTIFICATE.format(Authority(SUBJECT_DN).pem))
        quoted = USER.replace('"', '\\"')
        served.change_settings(lambda text: f'{text}"{quoted}" = "{hash_of(WORD.encode())}"\n')
        yield served


async def assert_harmless(visit: Visit) -> None:
    """Nothing of what was written has become an element; that something ran would be a fault of the visit."""
    for selector in (
        "img[src='x']",
        "main b, main i",
        "[onerror], [onmouseover], [onclick]",
        "a[href^='javascript']",
    ):
        await expect(visit.page.locator(selector)).to_have_count(0)


async def test_descriptions_are_text(visits: Visits, hostile: Served) -> None:
    visit = await visits.log_in(hostile.address, ADMIN, WORD)
    for number, text in enumerate((TAGS, QUOTES, SCHEME), 1):
        await expect(visit.row(number)).to_contain_text(text)
        await visit.page.get_by_role("searchbox", name="Filter tunnels").fill(text)
        await expect(visit.row(number)).to_be_visible()
        await expect(visit.row(number % 3 + 1)).to_have_count(0)
        await visit.page.get_by_role("searchbox", name="Filter tunnels").fill("")
    await assert_harmless(visit)
    await visit.screenshot("hostile table")
    for number, text in enumerate((TAGS, QUOTES, SCHEME), 1):
        await visit.go(f"#/tunnels/{number}")
        await expect(visit.page.get_by_role("heading", level=1)).to_contain_text(text)
        await still(visit)
        await assert_harmless(visit)
    await visit.accessible()


async def test_what_nobody_sees_is_written_out(visits: Visits, hostile: Served) -> None:
    visit = await visits.log_in(hostile.address, ADMIN, WORD)
    await visit.go("#/certificates")
    await expect(visit.page.get_by_role("main")).to_contain_text(WRITTEN_OUT)
    assert not UNSEEN.search(await visit.page.get_by_role("main").inner_text())
    await assert_harmless(visit)
    await visit.screenshot("hostile certificate")


async def test_comments_and_differences_are_text(visits: Visits, hostile: Served) -> None:
    visit = await visits.log_in(hostile.address, ADMIN, WORD)
    await visit.go("#/history")
    table = visit.page.get_by_role("table", name="History")
    await expect(table).to_contain_text(TAGS)
    await expect(table).to_contain_text(QUOTES)
    await assert_harmless(visit)
    rows = table.get_by_role("row").filter(has_text=QUOTES)
    await rows.get_by_role("link", name=re.compile(r"\d+")).first.click()
    quoted = QUOTES.replace('"', '\\"')
    await expect(visit.page.get_by_role("region", name="Differences")).to_contain_text(f'"{quoted}"')
    await assert_harmless(visit)
    await visit.accessible()


async def test_names_of_users_are_text(visits: Visits, hostile: Served) -> None:
    visit = await visits.log_in(hostile.address, USER, WORD)
    await expect(visit.page.get_by_text(USER).first).to_be_visible()
    other = await visits.log_in(hostile.address, ADMIN, WORD)
    await other.go("#/sessions")
    await still(other)
    for seen in (visit, other):
        await assert_harmless(seen)
