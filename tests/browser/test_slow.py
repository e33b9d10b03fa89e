"""A slow line, a gateway that has much to read, and clocks that are put back: none of them is a loss."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from tests.browser.axe import assert_accessible
from tests.browser.told import Told, told_in, tunnel

pytestmark = pytest.mark.asyncio(loop_scope="package")

OCTETS = 10 * 60 * 16_384
"""As many as may take ten minutes more than what is small."""


@pytest_asyncio.fixture(loop_scope="package")
async def told(chromium: Browser) -> AsyncIterator[Told]:
    async with told_in(chromium, [tunnel(1)], has_clock=True) as page:
        yield page


def status(told: Told) -> Locator:
    return told.page.get_by_role("status")


async def later(told: Told, seconds: int) -> None:
    """Let time pass, and the page look at it."""
    await told.page.clock.fast_forward(seconds * 1000)
    await told.page.clock.run_for(1500)


async def lost(told: Told) -> None:
    await expect(status(told)).to_contain_text(re.compile("Lost the gateway|does not answer"))


async def streams(told: Told) -> int:
    found = await told.page.evaluate("window.streams.length")
    assert isinstance(found, int)
    return found


async def test_a_large_event_is_waited_for_as_long_as_a_slow_line_takes(told: Told) -> None:
    await told.tell("large", {"octets": OCTETS})
    await expect(status(told)).to_have_text("Live")
    await later(told, 600)
    await expect(status(told)).to_have_text("Loading 9.8 MB")
    assert await streams(told) == 1
    await told.push(1, **{"push-update": {"datastore-contents": {}}})
    await expect(status(told)).to_have_text("Live")
    await expect(told.page.get_by_text("There is no tunnel.")).to_be_visible()


async def test_a_large_event_that_does_not_come_is_a_loss_at_last(told: Told) -> None:
    await told.tell("large", {"octets": OCTETS})
    await later(told, 630)
    await lost(told)


@pytest.mark.parametrize("octets", ["many", -1, None])
async def test_a_size_that_is_none_gives_no_more_time(told: Told, octets: object) -> None:
    await told.tell("large", {"octets": octets})
    await later(told, 30)
    await lost(told)


async def test_after_a_large_event_the_silence_is_short_again_and_nothing_is_loading(told: Told) -> None:
    await told.tell("large", {"octets": OCTETS})
    await told.tell("alive", {"now": "2026-11-28T03:00:10Z"})
    await later(told, 5)
    await expect(status(told)).to_have_text("Live")
    await later(told, 30)
    await lost(told)


async def test_who_was_lost_and_is_loading_is_told_so(told: Told) -> None:
    await told.page.evaluate("window.streams.at(-1).onerror(new Event('error'))")
    await lost(told)
    await told.page.get_by_role("button", name="Try now").click()
    await told.streams(2)
    await told.tell("hello", {"user": "admin", "subscriptions": {"state": 1}, "version": "1"})
    await told.tell("large", {"octets": OCTETS})
    await later(told, 100)
    await expect(status(told)).to_have_text("Loading 9.8 MB")
    await expect(told.page.get_by_text("The gateway is there again")).to_be_visible()
    await expect(told.page.get_by_role("button", name="Try now")).to_be_hidden()
    await assert_accessible(told.page)
    await told.greet()
    await expect(status(told)).to_have_text("Live")


async def test_a_gateway_that_reads_for_long_before_it_says_anything_is_waited_for(told: Told) -> None:
    await told.push(1, **{"push-change-update": {"datastore-changes": {"other": 1}}})
    await expect(status(told)).to_have_text("Connecting")
    await told.page.clock.run_for(2000)
    await told.streams(2)
    await later(told, 100)
    await expect(status(told)).to_have_text("Connecting")
    assert await streams(told) == 2
    await later(told, 30)
    await lost(told)


async def test_a_silence_is_noticed_though_the_clock_of_the_browser_was_put_back(told: Told) -> None:
    await told.page.clock.set_system_time(datetime.now(UTC) - timedelta(hours=1))
    await told.page.clock.run_for(1500)
    await expect(status(told)).to_have_text("Live")
    await later(told, 30)
    await lost(told)
    await expect(told.page.locator(".banner")).to_contain_text("0 seconds ago")


async def test_who_waits_for_the_first_tunnels_is_told_so_and_shown_no_numbers(chromium: Browser) -> None:
    async with told_in(chromium, [tunnel(1)], is_live=False, has_clock=True) as told:
        await expect(status(told)).to_have_text("Connecting")
        sums = told.page.get_by_role("group", name="How many tunnels")
        loading = told.page.get_by_text("Loading the tunnels.")
        await expect(loading).to_be_visible()
        await expect(told.page.locator("[aria-busy=true]")).to_have_count(1)
        await expect(sums).to_have_count(0)
        await assert_accessible(told.page)
        await told.tell("hello", {"user": "admin", "subscriptions": {"state": 1}, "version": "1"})
        await told.tell("large", {"octets": OCTETS})
        await later(told, 5)
        await expect(status(told)).to_have_text("Loading 9.8 MB")
        await expect(loading).to_be_visible()
        await later(told, 630)
        await lost(told)
        await expect(told.page.get_by_text("Nothing is known of the tunnels yet.")).to_be_visible()
        await told.page.clock.run_for(3000)
        await told.streams(2)
        await told.greet()
        await expect(status(told)).to_have_text("Live")
        await expect(told.rows()).to_have_count(1)
        await expect(sums).to_be_visible()
        await expect(told.page.locator("[aria-busy=true]")).to_have_count(0)


async def test_while_a_view_is_fetched_the_page_says_that_it_is_loading(told: Told) -> None:
    told.held = {"/static/history.js"}
    await told.page.get_by_role("link", name="History").click()
    await expect(told.page.get_by_role("main")).to_have_text("Loading…")
    told.go_on.set()
    await expect(told.page.get_by_role("heading", level=1)).to_have_text("History")
