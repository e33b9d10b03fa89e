"""The table with thousands of tunnels."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.served import ADMIN, MANY, WORD, Served
from tests.browser.test_table import header
from tests.browser.visits import Visit, Visits

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(loop_scope="package")
async def visit(visits: Visits, many: Served) -> Visit:
    return await visits.log_in(many.address, ADMIN, WORD)


async def test_the_first_ones_are_there_and_every_one_is_found(visit: Visit) -> None:
    await expect(visit.row(1)).to_be_visible()
    await expect(visit.page.get_by_text("2,000").first).to_be_visible()
    await visit.screenshot("table of 2000")
    field = visit.page.get_by_role("searchbox", name="Filter tunnels")
    await field.fill("branch 1987")
    await expect(visit.row(1987)).to_be_visible()
    await field.fill("")
    button = header(visit, "ID").get_by_role("button", name="ID")
    while await header(visit, "ID").get_attribute("aria-sort") != "descending":
        await button.click()
    await expect(visit.row(MANY)).to_be_visible()
    await visit.accessible()


async def test_the_last_one_is_reached_by_pages(visit: Visit) -> None:
    await expect(visit.row(1)).to_be_visible()
    pages = visit.page.get_by_role("navigation", name="Rows")
    await pages.get_by_role("button", name="Last").click()
    await expect(visit.row(MANY)).to_be_visible()
    await expect(visit.row(1)).to_have_count(0)
    await pages.get_by_role("button", name="First").click()
    await expect(visit.row(1)).to_be_visible()
