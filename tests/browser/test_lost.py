"""A gateway that does not answer any more, and sessions that end: the page says so, and goes on by itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.relay import relay_to
from tests.browser.served import ADMIN, READER, WORD, Served, serving, tunnels
from tests.browser.visits import Visit, Visits

pytestmark = pytest.mark.asyncio(loop_scope="package")

GONE = (
    r"net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|CONNECTION_CLOSED|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING"
    r"|NETWORK_CHANGED|HTTP2\S*|SSL\S*|FAILED)"
)


async def lost(visit: Visit) -> None:
    said = visit.page.get_by_role("status").filter(has_text=re.compile(r"Lost the gateway.*\d\d:\d\d:\d\d"))
    await expect(said).to_be_visible()


async def logged_out(visit: Visit) -> None:
    await expect(visit.page.get_by_role("button", name="Log in")).to_be_visible()
    await expect(visit.page.get_by_role("table")).to_have_count(0)


async def test_a_way_that_breaks_is_said_and_what_was_missed_is_there_afterwards(
    visits: Visits, served: Served
) -> None:
    async with relay_to(served.address) as relay:
        visit = await visits.log_in(relay.address, ADMIN, WORD)
        visit.watch.excuse(GONE)
        await expect(visit.row(1)).to_be_visible()
        await relay.cut()
        await lost(visit)
        await visit.accessible()
        await visit.screenshot("lost")
        await served.commit(tunnels([12], description="renamed meanwhile"))
        await relay.mend()
        await visit.live()
        await expect(visit.row(12)).to_contain_text("renamed meanwhile")
        await served.commit(tunnels([12]))
        await expect(visit.row(12)).to_contain_text("to branch 12")


async def test_a_gateway_that_says_nothing_is_lost_after_a_while(visits: Visits, served: Served) -> None:
    async with relay_to(served.address) as relay:
        visit = await visits.begin(relay.address)
        visit.watch.excuse(GONE)
        await visit.page.clock.install()
        await visit.open()
        await visit.log_in(ADMIN, WORD)
        await visit.live()
        relay.hold()
        await visit.page.clock.fast_forward(30_000)
        await lost(visit)
        relay.let_go()
        while await visit.page.get_by_role("status").filter(has_text="Live").count() == 0:
            await visit.page.clock.run_for(1000)
        await visit.live()


async def test_an_agent_that_was_restarted_asks_for_a_login_again(visits: Visits, tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        await served.commit(tunnels([1, 2]))
        visit = await visits.log_in(served.address, ADMIN, WORD)
        visit.watch.excuse(GONE, r"status of 401 .*/events")
        await expect(visit.row(2)).to_be_visible()
        served.agent.stop()
        await lost(visit)
        served.again()
        await logged_out(visit)
        await visit.log_in(ADMIN, WORD)
        await visit.live()
        await expect(visit.row(2)).to_be_visible()


async def test_who_logs_out_in_one_tab_is_out_in_all(admin: Visit) -> None:
    other = await admin.watch.tab()
    await other.goto(f"{admin.address}/#/history")
    await expect(other.get_by_role("table", name="History")).to_be_visible()
    await other.get_by_role("button", name="Log out").click()
    await expect(other.get_by_role("button", name="Log in")).to_be_visible()
    await logged_out(admin)
    await admin.accessible()
    assert await admin.context.cookies() == []
    answer = await admin.context.request.get(f"{admin.address}/restconf/data/yangswan-ipsec:tunnels")
    assert answer.status == 401
    assert "www-authenticate" not in answer.headers or "Basic" in answer.headers["www-authenticate"]


async def test_a_tab_does_not_go_on_as_who_has_logged_in_in_another_one(
    visits: Visits, served: Served
) -> None:
    admin = await visits.begin(served.address)
    other = await admin.watch.tab()
    await admin.open()
    await other.goto(f"{admin.address}/")
    await expect(other.get_by_role("button", name="Log in")).to_be_visible()
    await admin.log_in(ADMIN, WORD)
    await admin.live()
    await other.get_by_role("textbox", name="User").fill(READER)
    await other.get_by_label("Password").fill(WORD)
    await other.get_by_role("button", name="Log in").click()
    await expect(other.get_by_role("status").filter(has_text="Live")).to_be_visible()
    await expect(admin.alert(f"was that of {ADMIN}, and is that of {READER} now")).to_be_visible()
    await expect(admin.page.locator(".who")).to_have_text(READER)
    await admin.live()
    await expect(admin.row(1)).to_be_visible()
    await admin.accessible()


async def test_a_session_that_has_ended_is_noticed_when_the_stream_is_opened_again(
    visits: Visits, served: Served
) -> None:
    async with relay_to(served.address) as relay:
        visit = await visits.log_in(relay.address, READER, WORD)
        visit.watch.excuse(GONE, r"status of 401 .*/events")
        await expect(visit.row(1)).to_be_visible()
        await visit.context.clear_cookies()
        await relay.cut()
        await lost(visit)
        await relay.mend()
        await logged_out(visit)
        await expect(visit.page.get_by_text("Your session has ended")).to_be_visible()


async def test_whose_password_is_taken_away_is_out_at_once(visits: Visits, tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        visit = await visits.log_in(served.address, READER, WORD)
        visit.watch.excuse(r"status of 401 .*/session$")
        served.change_settings(lambda text: re.sub(rf"{READER} = .*\n", "", text))
        await logged_out(visit)
        await visit.log_in(READER, WORD)
        await expect(visit.alert("password")).to_be_visible()
