"""Everything by keyboard alone: reached, seen, and used; a dialog keeps the focus and gives it back."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.keys import focusable, walked
from tests.browser.served import ADMIN, WORD, Served
from tests.browser.test_table import header, ids
from tests.browser.test_views import still
from tests.browser.visits import Visit, Visits

pytestmark = pytest.mark.asyncio(loop_scope="package")

ROUTES = ("#/tunnels", "#/tunnels/1", "#/history", "#/history/1", "#/sessions", "#/daemon", "#/certificates")


async def until_focused(page: Page, button: Locator) -> None:
    """Press Tab until a button has the focus."""
    for _ in range(200):
        await page.keyboard.press("Tab")
        if await button.evaluate("e => e === document.activeElement"):
            return
    raise AssertionError(f"Tab does not lead to {button}")


async def test_who_has_no_mouse_logs_in(visits: Visits, served: Served) -> None:
    visit = await visits.begin(served.address)
    await visit.open()
    await expect(visit.page.get_by_role("textbox", name="User")).to_be_focused()
    await visit.page.keyboard.type(ADMIN)
    await visit.page.keyboard.press("Tab")
    await visit.page.keyboard.type(WORD)
    await visit.page.keyboard.press("Enter")
    await visit.live()


@pytest.mark.parametrize("route", ROUTES)
async def test_tab_reaches_everything_and_it_is_seen_where_one_is(admin: Visit, route: str) -> None:
    await admin.go(route)
    await still(admin)
    wanted = await focusable(admin.page)
    assert len(wanted) >= 6
    reached = await walked(admin.page)
    missed = set(wanted) - set(reached)
    what = [await admin.page.locator(f'[data-stop="{stop}"]').evaluate("e => e.outerHTML") for stop in missed]
    # A group of radio buttons is one stop.
    assert [text for text in what if 'type="radio"' not in text] == []


async def test_enter_sorts(admin: Visit) -> None:
    await expect(admin.row(1)).to_be_visible()
    await until_focused(admin.page, header(admin, "ID").get_by_role("button"))
    while await header(admin, "ID").get_attribute("aria-sort") != "descending":
        await admin.page.keyboard.press("Enter")
    assert (await ids(admin))[0] == "25"


async def test_a_tunnel_is_opened_and_left_again(admin: Visit) -> None:
    link = admin.row(3).get_by_role("link").first
    await link.focus()
    await admin.page.keyboard.press("Enter")
    heading = admin.page.get_by_role("heading", level=1)
    await expect(heading).to_contain_text("to branch 3")
    assert "#/tunnels/3" in admin.page.url
    await admin.page.go_back()
    await expect(admin.row(3)).to_be_visible()


@pytest.mark.parametrize("name", ["Restart", "Terminate"])
async def test_a_dialog_keeps_the_focus_and_gives_it_back(admin: Visit, name: str) -> None:
    await admin.go("#/tunnels/2")
    await expect(admin.page.get_by_role("button", name=name, exact=True)).to_be_visible()
    await until_focused(admin.page, admin.page.get_by_role("button", name=name, exact=True))
    await admin.page.keyboard.press("Enter")
    dialog = admin.page.get_by_role("dialog").or_(admin.page.get_by_role("alertdialog"))
    await expect(dialog).to_be_visible()
    await expect(dialog.get_by_role("button", name=name, exact=True)).to_be_visible()
    await admin.accessible()
    await admin.screenshot(f"dialog {name}")
    for key in ("Tab", "Tab", "Tab", "Tab", "Shift+Tab", "Shift+Tab", "Shift+Tab"):
        await admin.page.keyboard.press(key)
        # Where the page ends the browser's own buttons come, and the body has it.
        assert await dialog.evaluate(
            "e => e.contains(document.activeElement) || document.activeElement === document.body"
        )
    await admin.page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(admin.page.get_by_role("button", name=name, exact=True)).to_be_focused()
    await admin.page.keyboard.press("Enter")
    await dialog.get_by_role("button", name="Cancel").press("Enter")
    await expect(dialog).to_be_hidden()
    await expect(admin.page.get_by_role("button", name=name, exact=True)).to_be_focused()
