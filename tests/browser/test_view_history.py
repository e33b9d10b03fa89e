"""The history as it grows, beyond what one answer holds; a commit that waits, and who has made it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from tests.browser.served import ADMIN, SECRET, WORD, Served, done, orchestrator, serving, tunnels
from tests.browser.visits import Visit, Visits
from tests.requests import IPSEC, edit_candidate

pytestmark = pytest.mark.asyncio(loop_scope="package")

AGENT = "urn:yangswan:params:xml:ns:yang:agent"
COMMITS = 128


def described(words: str) -> str:
    return f'<tunnels xmlns="{IPSEC}"><ipsec><id>1</id><description>{words}</description></ipsec></tunnels>'


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def busy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """An agent with more commits than one answer shows; the first is that of its start."""
    with serving(tmp_path_factory.mktemp("busy")) as served:
        async with orchestrator(served.agent) as client:
            await done(client, edit_candidate(tunnels([1])))
            await done(client, "<commit/>")
            for number in range(3, COMMITS + 1):
                await done(client, edit_candidate(described(f"as of {number}")))
                await done(client, f'<commit><comment xmlns="{AGENT}">ticket {number}</comment></commit>')
        yield served


@pytest_asyncio.fixture(loop_scope="package")
async def visit(visits: Visits, busy: Served) -> Visit:
    return await visits.log_in(busy.address, ADMIN, WORD)


def commits(visit: Visit) -> Locator:
    return visit.page.get_by_role("table", name="History").get_by_role("link")


async def test_older_commits_are_read_when_somebody_asks_for_them(visit: Visit) -> None:
    await visit.link("History").click()
    await expect(commits(visit)).to_have_count(100)
    await expect(visit.page.get_by_role("main")).to_contain_text(f"100 commits of {COMMITS} shown")
    older = visit.page.get_by_role("button", name="Older commits")
    await older.click()
    await expect(commits(visit)).to_have_count(COMMITS)
    await expect(commits(visit).last).to_have_text("1")
    await expect(older).to_be_hidden()
    row = visit.page.get_by_role("row").filter(has_text="ticket 10")
    await expect(row.first).to_be_visible()
    await visit.accessible()


async def test_a_commit_that_changed_nothing_but_a_secret_shows_no_secret(visit: Visit, busy: Served) -> None:
    change = '<tunnels xmlns="{}"><ipsec><id>1</id><secret>{}</secret></ipsec></tunnels>'
    await busy.commit(change.format(IPSEC, "Walrus-Hunting-9"))
    await busy.commit(change.format(IPSEC, SECRET))
    await visit.link("History").click()
    await commits(visit).first.click()
    region = visit.page.get_by_role("region", name="Differences")
    await expect(region).to_contain_text("What it changed is a secret, or is not shown to you.")
    await expect(visit.page.get_by_role("link", name="Tunnel 1")).to_be_visible()
    received = await visit.watch.received()
    assert SECRET not in received
    assert "Walrus" not in received


async def test_a_confirmed_commit_is_shown_while_it_waits(visit: Visit, busy: Served) -> None:
    await visit.link("Daemon").click()
    region = visit.page.get_by_role("region", name="Confirmed commit")
    await expect(region).to_contain_text("None waits to be confirmed.")
    async with orchestrator(busy.agent) as client:
        await done(client, edit_candidate(described("for a while")))
        await done(client, "<commit><confirmed/><confirm-timeout>3600</confirm-timeout></commit>")
        await expect(region).to_contain_text("waits to be confirmed; else it is taken back")
        await visit.accessible()
        await visit.link("Sessions").click()
        sessions = visit.page.get_by_role("table", name="Sessions")
        await expect(sessions.get_by_role("row").filter(has_text=ADMIN)).to_have_count(1)
        await visit.accessible()
        await visit.link("History").click()
        await expect(visit.page.get_by_role("row").filter(has_text="to be confirmed by")).to_have_count(1)
        await visit.accessible()
        number = await commits(visit).first.inner_text()
    # The session has ended, and so it is taken back.
    row = visit.page.get_by_role("row").filter(
        has=visit.page.get_by_role("rowheader", name=number, exact=True)
    )
    await expect(row).to_contain_text("taken back by")


async def test_sessions_come_and_go(visit: Visit, busy: Served) -> None:
    await visit.link("Sessions").click()
    region = visit.page.get_by_role("region", name="Sessions of NETCONF")
    await expect(region).to_contain_text("Nobody has a session of NETCONF.")
    async with orchestrator(busy.agent) as client:
        await expect(region.get_by_role("table", name="Sessions")).to_contain_text(ADMIN)
        await done(client, "<lock><target><candidate/></target></lock>")
        async with orchestrator(busy.agent):
            await expect(region).to_contain_text("candidate")
    await expect(region).to_contain_text("Nobody has a session of NETCONF.")
