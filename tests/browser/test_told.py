"""What the page makes of what it is told: rows that stay, streams that cannot go on, rights that lack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.axe import assert_accessible
from tests.browser.told import Told, gone, status, told_in, tunnel

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(loop_scope="package")
async def told(chromium: Browser) -> AsyncIterator[Told]:
    async with told_in(chromium, [tunnel(id) for id in range(1, 8)]) as page:
        yield page


def flow(id: int, octets: int, age_s: int = 100) -> dict[str, Any]:
    sa = {"unique-id": id, "bytes-in": str(octets), "bytes-out": "0"}
    return {"id": id, "state": {"time-since-rekey": age_s, "child-sa": [sa]}}


async def test_only_what_has_changed_is_written(told: Told) -> None:
    await expect(told.rows()).to_have_count(7)
    await told.page.evaluate(
        """() => {
            window.touched = new Set();
            new MutationObserver((all) => all.forEach(({target}) => {
                const element = target.nodeType === Node.ELEMENT_NODE ? target : target.parentElement;
                window.touched.add(element.closest("tr")?.querySelector("th").innerText ?? element.tagName);
            })).observe(
                document.querySelector("tbody"),
                {subtree: true, childList: true, characterData: true, attributes: true},
            );
        }"""
    )
    await told.change(status(3, "connecting"))
    await expect(told.rows().nth(2)).to_contain_text("Down(Connecting)")
    assert await told.page.evaluate("[...window.touched]") == ["3"]


async def test_traffic_and_time_are_shown_once_they_are_told(told: Told) -> None:
    row = told.rows().nth(0)
    await told.sample(10, flow(1, 0))
    await expect(row).to_contain_text("min")
    await told.sample(20, flow(1, 12_340, 110))
    await expect(row).to_contain_text("1.2 kB/s")
    await told.change(status(1, "down"))
    await expect(row).not_to_contain_text("kB/s")
    await expect(row).not_to_contain_text("min")


async def test_rows_keep_their_places_while_somebody_is_in_them(told: Told) -> None:
    await told.page.get_by_role("button", name="Status", exact=True).click()
    await expect(told.rows()).to_have_count(7)
    await told.rows().nth(4).get_by_role("link").focus()
    await told.change(status(7, "down"), status(6, "down"))
    await expect(told.rows().nth(6)).to_contain_text("Down")
    assert await told.ids() == [1, 2, 3, 4, 5, 6, 7]
    await expect(told.page.get_by_text("Rows keep their places")).to_be_visible()
    await expect(told.page.get_by_role("link", name="5", exact=True)).to_be_focused()
    await assert_accessible(told.page)
    await told.page.get_by_role("searchbox").focus()
    await expect(told.rows().nth(0)).to_contain_text("Down")
    assert await told.ids() == [6, 7, 1, 2, 3, 4, 5]
    await expect(told.page.get_by_text("Rows keep their places")).to_be_hidden()


async def test_the_focus_goes_on_when_its_row_goes_away(told: Told) -> None:
    await told.rows().nth(3).get_by_role("link").focus()
    await told.change(gone(4))
    await expect(told.page.get_by_role("link", name="5", exact=True)).to_be_focused()
    await told.change(*(gone(id) for id in (1, 2, 3, 5, 6, 7)))
    await expect(told.page.get_by_role("searchbox")).to_be_focused()
    await expect(told.page.get_by_text("There is no tunnel.")).to_be_visible()


@pytest.mark.parametrize("strange", ["missed", "no JSON", "unknown"])
async def test_what_is_not_understood_is_told_anew_by_another_stream(told: Told, strange: str) -> None:
    if strange == "missed":
        await told.change(status(1, "down"))
        told.patches += 1
        await told.change(status(2, "down"))
    elif strange == "no JSON":
        await told.tell("push", "{")
    else:
        await told.push(1, **{"push-change-update": {"datastore-changes": {"other": 1}}})
    await expect(told.page.get_by_role("status")).to_have_text("Connecting")
    told.tunnels = [tunnel(9, "retransmission")]
    await told.streams(2)
    assert await told.page.evaluate("window.streams.map((one) => !!one.closed)") == [True, False]
    await told.greet()
    await expect(told.page.get_by_role("status")).to_have_text("Live")
    await expect(told.rows()).to_have_count(1)
    await expect(told.rows()).to_contain_text("Down(Retransmission)")


async def test_live_is_said_when_all_is_true_again_and_not_when_the_line_is_there(told: Told) -> None:
    await told.page.evaluate("window.streams.at(-1).onerror(new Event('error'))")
    await expect(told.page.get_by_role("status")).to_contain_text("Lost the gateway, last seen")
    await expect(told.page.get_by_text("may be old")).to_be_visible()
    pale = await told.rows().nth(0).locator("td").first.evaluate("e => getComputedStyle(e).color")
    await told.page.get_by_role("button", name="Try now").click()
    await told.streams(2)
    await told.tell("hello", {"user": "admin", "subscriptions": {"state": 1, "traffic": 2}, "version": "1"})
    await expect(told.page.get_by_text("may be old")).to_be_visible()
    await told.greet()
    await expect(told.page.get_by_role("status")).to_have_text("Live")
    await expect(told.page.get_by_text("may be old")).to_be_hidden()
    assert await told.rows().nth(0).locator("td").first.evaluate("e => getComputedStyle(e).color") != pale


async def test_rights_that_lack_are_named(told: Told) -> None:
    said = "access is denied"
    await told.greet(subscriptions={"state": 1}, refused={"traffic": said})
    note = told.page.locator(".note")
    await expect(note).to_contain_text("time-since-rekey")
    await expect(note).to_contain_text(said)
    await told.tell(
        "hello", {"user": "admin", "subscriptions": {}, "refused": {"state": said}, "version": "1"}
    )
    await expect(note).to_contain_text("/yangswan-ipsec:tunnels")
    await expect(told.rows()).to_have_count(0)
    await expect(told.page.get_by_role("status")).to_have_text("Live")
    await assert_accessible(told.page)


async def test_counters_that_are_left_out_are_no_traffic_of_nought(told: Told) -> None:
    for second in (10, 20):
        await told.sample(second, *({"id": id} for id in range(1, 8)))
    await expect(told.page.locator(".note")).to_contain_text("your rights do not include reading child-sa")
    await expect(told.rows().nth(0)).not_to_contain_text("B/s")


async def test_a_subscription_that_is_suspended_is_said_and_one_that_goes_on_begins_anew(told: Told) -> None:
    changed = "ietf-subscribed-notifications:subscription-"
    too_big = {"id": 1, "reason": "ietf-yang-push:update-too-big"}
    await told.tell("push", {"ietf-restconf:notification": {"eventTime": "", f"{changed}suspended": too_big}})
    await expect(told.page.locator(".note")).to_contain_text("update-too-big")
    await told.tell("push", {"ietf-restconf:notification": {"eventTime": "", f"{changed}resumed": {"id": 1}}})
    await told.streams(2)
    await told.greet()
    await expect(told.page.locator(".note")).to_have_count(0)


async def test_what_is_told_of_a_subscription_that_is_not_ours_is_nothing_to_us(told: Told) -> None:
    await told.push(77, **{"push-update": {"datastore-contents": {}}})
    await told.change(status(1, "down"))
    await expect(told.rows().nth(0)).to_contain_text("Down")
    await expect(told.rows()).to_have_count(7)
    assert await told.page.evaluate("window.streams.length") == 1


async def test_an_agent_of_another_version_says_that_the_page_is_old(told: Told) -> None:
    await told.greet(version="2")
    await expect(told.page.locator(".note")).to_contain_text("load the page again")


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("logout", "You have logged out."),
        ("login", "another login in this browser"),
        ("expired", "has ended"),
        ("changed", "its password or its rights have changed"),
    ],
)
async def test_a_session_that_is_over_leaves_nothing_but_the_reason(
    told: Told, reason: str, said: str
) -> None:
    await told.change({"operation": "create", "target": "/yangswan-ipsec:tunnels/ipsec=1/description",
                       "value": {"description": "not for everybody"}})  # fmt: skip
    await expect(told.rows().nth(0)).to_contain_text("not for everybody")
    told.user = None
    await told.tell("over", {"reason": reason})
    await expect(told.page.get_by_role("button", name="Log in")).to_be_visible()
    await expect(told.page.get_by_role("status")).to_contain_text(said)
    assert "not for everybody" not in await told.page.content()
    assert await told.page.evaluate("window.streams.at(-1).closed")
    assert await told.page.evaluate("window.streams.length") == 1


@pytest.mark.parametrize("way", ["over", "hello", "retry", "sessions"])
async def test_a_session_that_is_somebody_elses_by_now_is_begun_anew_as_his(told: Told, way: str) -> None:
    await told.page.get_by_role("searchbox").fill("192.0.2.3")
    await expect(told.rows()).to_have_count(1)
    told.user = "rita"
    if way == "over":
        await told.tell("over", {"reason": "changed"})
    elif way == "hello":
        await told.tell("hello", {"user": "rita", "subscriptions": {"state": 1}, "version": "1"})
    elif way == "retry":
        await told.page.evaluate("window.streams.at(-1).onerror(new Event('error'))")
    else:
        await told.page.get_by_role("link", name="Sessions").click()
    said = told.page.get_by_role("alert").filter(has_text="somebody else has logged in")
    await expect(said).to_contain_text("was that of admin, and is that of rita now")
    await told.streams(2)
    assert await told.page.evaluate("window.streams.map((one) => !!one.closed)") == [True, False]
    await expect(told.page.locator(".who")).to_have_text("rita")
    await told.page.get_by_role("link", name="Tunnels", exact=True).click()
    await expect(told.rows()).to_have_count(0)
    told.tunnels = [tunnel(5)]
    await told.greet()
    await expect(told.page.get_by_role("status")).to_have_text("Live")
    await expect(told.rows()).to_have_count(1)
    await expect(told.page.get_by_role("searchbox")).to_have_value("")
    await expect(said).to_be_visible()
    await assert_accessible(told.page)


async def test_who_has_logged_in_again_in_another_tab_goes_on(told: Told) -> None:
    await told.tell("over", {"reason": "changed"})
    await told.streams(2)
    await told.greet()
    await expect(told.page.get_by_role("status")).to_have_text("Live")
    await expect(told.rows()).to_have_count(7)
    await expect(told.page.get_by_role("alert").filter(has_text="somebody else")).to_have_count(0)


@pytest.mark.parametrize("missing", ["history.js", "commits.js"], ids=["view", "what it imports"])
async def test_a_view_that_could_not_be_fetched_is_shown_when_somebody_tries_again(
    told: Told, missing: str
) -> None:
    told.unreachable = {f"/static/{missing}", "/session"}
    await told.page.get_by_role("link", name="History").click()
    await expect(told.page.get_by_role("heading", level=1)).to_have_text("This cannot be shown")
    await assert_accessible(told.page)
    again = told.page.get_by_role("main").get_by_role("button", name="Try again")
    await again.click()
    await expect(told.page.get_by_role("main").get_by_role("alert")).to_contain_text("does not answer")
    told.unreachable.clear()
    await again.click()
    await expect(told.page.get_by_role("heading", level=1)).to_have_text("History")
    await told.streams(1)
    await told.greet()
    await expect(told.page.get_by_role("status").first).to_have_text("Live")


async def test_a_gateway_that_stops_is_waited_for(told: Told) -> None:
    await told.tell("over", {"reason": "stopping"})
    await expect(told.page.get_by_role("status")).to_contain_text("Lost the gateway")
    await told.streams(2)
    await told.greet()
    await expect(told.page.get_by_role("status")).to_have_text("Live")


async def test_of_many_tunnels_some_rows_are_shown_at_a_time_and_all_are_counted(chromium: Browser) -> None:
    async with told_in(
        chromium, [tunnel(id, "down" if id % 10 == 0 else "installed") for id in range(1, 451)]
    ) as told:
        await expect(told.rows()).to_have_count(200)
        table, pages = told.page.get_by_role("table"), told.page.get_by_role("navigation", name="Rows")
        await expect(table).to_have_attribute("aria-rowcount", "451")
        await expect(pages).to_contain_text("Rows 1 to 200 of 450")
        await pages.get_by_role("button", name="Next").press("Enter")
        await expect(pages).to_contain_text("Rows 201 to 400 of 450")
        await expect(told.rows().nth(0)).to_have_attribute("aria-rowindex", "202")
        await pages.get_by_role("button", name="Last").press("Enter")
        await expect(told.rows()).to_have_count(50)
        await expect(pages.get_by_role("button", name="Last")).to_be_focused()
        await expect(pages.get_by_role("button", name="Next")).to_have_attribute("aria-disabled", "true")
        down = told.page.get_by_role("button", name="45 down")
        await down.press("Enter")
        await expect(pages).to_contain_text("Rows 1 to 45 of 45, of 450 tunnels in all")
        await expect(down).to_have_attribute("aria-pressed", "true")
        await expect(told.page.get_by_role("combobox", name="Status")).to_have_value("down")
        await expect(told.page.locator("p[aria-live=polite]")).to_have_text("45 tunnels")
        await told.change(status(10, "installed"))
        await expect(told.rows()).to_have_count(44)
        await down.or_(told.page.get_by_role("button", name="44 down")).press("Enter")
        await expect(told.rows()).to_have_count(200)
