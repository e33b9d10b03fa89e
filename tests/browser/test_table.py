"""The table of tunnels: found, sorted, chosen, and told of what others commit."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, expect

from tests.browser.served import Served, tunnels
from tests.browser.visits import Visit
from tests.requests import IPSEC

pytestmark = pytest.mark.asyncio(loop_scope="package")


def rows(visit: Visit) -> Locator:
    """The rows of the table's body."""
    return visit.page.get_by_role("table", name="Tunnels").locator("tbody tr")


def header(visit: Visit, name: str) -> Locator:
    return visit.page.get_by_role("columnheader", name=name)


async def ids(visit: Visit) -> list[str]:
    return [text.strip() for text in await rows(visit).locator("> :first-child").all_inner_texts()]


async def test_all_tunnels_are_there_with_what_they_are(admin: Visit) -> None:
    await expect(rows(admin)).to_have_count(25)
    row = admin.row(7)
    await expect(row).to_contain_text("to branch 7")
    await expect(row).to_contain_text("198.51.100.8")
    await expect(row).to_contain_text("Down")
    await admin.screenshot("table of 25")


async def test_a_filter_leaves_what_is_asked_for(admin: Visit) -> None:
    field = admin.page.get_by_role("searchbox", name="Filter tunnels")
    await field.fill("BRANCH 100.18")
    await expect(rows(admin)).to_have_count(1)
    await expect(admin.row(17)).to_be_visible()
    await field.fill("198.51.100.1")
    await expect(admin.row(10)).to_be_visible()
    await expect(admin.row(1)).to_have_count(0)
    await field.fill("no such tunnel")
    await expect(admin.row(10)).to_have_count(0)
    await admin.accessible()
    await field.fill("")
    await expect(rows(admin)).to_have_count(25)


async def test_a_column_is_sorted_by_its_button(admin: Visit) -> None:
    await expect(rows(admin)).to_have_count(25)
    assert (await ids(admin))[:3] == ["1", "2", "3"]
    button = header(admin, "ID").get_by_role("button", name="ID")
    while await header(admin, "ID").get_attribute("aria-sort") != "descending":
        await button.click()
    await expect(rows(admin).first).to_contain_text("25")
    assert (await ids(admin))[:3] == ["25", "24", "23"]
    button = header(admin, "Description").get_by_role("button", name="Description")
    await button.click()
    await expect(header(admin, "Description")).to_have_attribute("aria-sort", "ascending")
    await expect(header(admin, "ID")).not_to_have_attribute("aria-sort", re.compile("ascending|descending"))
    assert (await ids(admin))[:2] in (["1", "10"], ["1", "2"])


async def test_a_status_alone_is_shown(admin: Visit, served: Served) -> None:
    off = f'<tunnels xmlns="{IPSEC}"><ipsec><id>9</id><enabled>{{}}</enabled></ipsec></tunnels>'
    await served.commit(off.format("false"))
    await expect(admin.row(9)).to_contain_text("Disabled")
    choice = admin.page.get_by_role("combobox", name="Status").or_(
        admin.page.get_by_role("group", name="Status").get_by_role("radio", name="Disabled")
    )
    await expect(choice).to_have_count(1)
    if await choice.evaluate("e => e.tagName") == "SELECT":
        await choice.select_option(label="Disabled")
    else:
        await choice.check()
    await expect(rows(admin)).to_have_count(1)
    await expect(admin.row(9)).to_be_visible()
    await served.commit(off.format("true"))
    await expect(rows(admin)).to_have_count(0)


async def test_what_another_session_commits_appears_by_itself(admin: Visit, served: Served) -> None:
    await admin.page.evaluate("window.notLoadedAnew = true")
    await expect(rows(admin)).to_have_count(25)
    await served.commit(tunnels([901], description="came by itself"))
    await expect(admin.row(901)).to_contain_text("came by itself")
    await served.commit(tunnels([901], description="was renamed"))
    await expect(admin.row(901)).to_contain_text("was renamed")
    await served.commit(
        f'<tunnels xmlns="{IPSEC}" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0">'
        '<ipsec nc:operation="delete"><id>901</id></ipsec></tunnels>'
    )
    await expect(admin.row(901)).to_have_count(0)
    await expect(rows(admin)).to_have_count(25)
    assert await admin.page.evaluate("window.notLoadedAnew")
