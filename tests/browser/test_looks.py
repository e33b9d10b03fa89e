"""The page on narrow screens, in dark and light, and for who does not want movement."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.served import ADMIN, WORD, Served
from tests.browser.test_keyboard import ROUTES
from tests.browser.test_views import still
from tests.browser.visits import PHONE, Visit, Visits

pytestmark = pytest.mark.asyncio(loop_scope="package")

# What text needs at most so that nobody scrolls sideways (WCAG 2.1, 1.4.10).
REFLOW_PX = 320
WIDER = """() => [...document.querySelectorAll('body *')]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 120))"""
MOVING = """() => [...document.querySelectorAll('*')].filter(e => {
    const looks = getComputedStyle(e);
    const longest = text => Math.max(...text.split(',').map(parseFloat));
    return longest(looks.transitionDuration) > 0.01
        || (looks.animationName !== 'none' && longest(looks.animationDuration) > 0.01);
}).map(e => e.outerHTML.slice(0, 120))"""
GROUND = """() => {
    const brightness = e => {
        const [r, g, b, a = 1] = getComputedStyle(e).backgroundColor.match(/[0-9.]+/g).map(Number);
        return a === 0 ? null : (r + g + b) / 3;
    };
    return brightness(document.body) ?? brightness(document.documentElement);
}"""


async def opened(visit: Visit, route: str) -> None:
    await visit.go(route)
    await still(visit)


async def test_nobody_scrolls_sideways(visits: Visits, served: Served) -> None:
    phone: dict[str, Any] = {**PHONE, "viewport": {"width": REFLOW_PX, "height": 640}}
    visit = await visits.begin(served.address, **phone)
    await visit.open()
    await expect(visit.page.get_by_role("button", name="Log in")).to_be_visible()
    await assert_narrow(visit)
    await visit.log_in(ADMIN, WORD)
    await visit.live()
    await expect(visit.row(1)).to_be_visible()
    for route in ROUTES:
        await opened(visit, route)
        await assert_narrow(visit)
        await visit.screenshot(f"phone {route}")


async def assert_narrow(visit: Visit) -> None:
    width = await visit.page.evaluate("document.documentElement.scrollWidth")
    assert width <= REFLOW_PX, f"{visit.page.url}: {width} px\n" + "\n".join(await visit.page.evaluate(WIDER))


async def test_on_a_phone_it_is_accessible_and_used_by_finger(visits: Visits, served: Served) -> None:
    visit = await visits.log_in(served.address, ADMIN, WORD, **PHONE)
    await expect(visit.row(1)).to_be_visible()
    await visit.accessible()
    await visit.row(4).get_by_role("link").first.tap()
    await expect(visit.page.get_by_role("heading", level=1)).to_contain_text("to branch 4")
    await visit.accessible()
    await visit.screenshot("phone tunnel")


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_it_is_dark_where_that_is_wanted(visits: Visits, served: Served, scheme: str) -> None:
    visit = await visits.begin(served.address, color_scheme=scheme)
    await visit.open()
    await expect(visit.page.get_by_role("button", name="Log in")).to_be_visible()
    brightness = await visit.page.evaluate(GROUND)
    assert (brightness < 80) == (scheme == "dark")
    assert (brightness > 200) == (scheme == "light")
    await visit.screenshot(f"login {scheme}")


async def test_nothing_moves_for_who_does_not_want_it(visits: Visits, served: Served) -> None:
    visit = await visits.log_in(served.address, ADMIN, WORD, reduced_motion="reduce")
    await expect(visit.row(1)).to_be_visible()
    for route in ROUTES:
        await opened(visit, route)
        assert await visit.page.evaluate(MOVING) == []


async def test_with_colours_of_the_system_statuses_are_told_apart(visits: Visits, served: Served) -> None:
    visit = await visits.log_in(served.address, ADMIN, WORD, forced_colors="active")
    await expect(visit.row(1)).to_contain_text("Down")
    await visit.screenshot("forced colours")
