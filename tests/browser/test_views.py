"""Each view as it is opened by its link: its heading, what it shows, and that axe finds nothing in it."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.served import ADMIN, WORD, Served
from tests.browser.visits import Visit, Visits

pytestmark = pytest.mark.asyncio(loop_scope="package")

VIEWS = {"Tunnels": "tunnels", "History": "history", "Sessions": "sessions", "Daemon": "daemon",
         "Certificates": "certificates"}  # fmt: skip
TUNNEL_HEADINGS = ("State", "Security associations", "Events", "Log", "Packets", "Configuration")


async def still(visit: Visit) -> None:
    """Return when the view is there, and nothing of it is being asked for."""
    await expect(visit.page.get_by_role("heading", level=1)).to_be_visible()
    await expect(visit.page.locator("main [aria-busy=true]:visible")).to_have_count(0)
    await expect(visit.page.get_by_role("main")).not_to_contain_text("Waiting for", use_inner_text=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_view_is_accessible(visits: Visits, served: Served, scheme: str) -> None:
    visit = await visits.begin(served.address, color_scheme=scheme)
    await visit.open()
    await expect(visit.page.get_by_role("button", name="Log in")).to_be_visible()
    await visit.accessible()
    await visit.log_in(ADMIN, WORD)
    await visit.live()
    for name, route in VIEWS.items():
        await visit.link(name).click()
        await expect(visit.page).to_have_url(re.compile(f"#/{route}$"))
        await expect(visit.link(name)).to_have_attribute("aria-current", "page")
        await still(visit)
        await visit.accessible()
        await visit.screenshot(f"{scheme} {name}")
    for route in ("tunnels/1", "history/2"):
        await visit.go(f"#/{route}")
        await still(visit)
        await visit.accessible()
        await visit.screenshot(f"{scheme} {route}")


async def test_a_tunnel_has_its_parts_and_its_buttons(admin: Visit) -> None:
    await admin.row(5).get_by_role("link").first.click()
    heading = admin.page.get_by_role("heading", level=1)
    await expect(heading).to_contain_text("5")
    await expect(heading).to_contain_text("to branch 5")
    for name in TUNNEL_HEADINGS:
        await expect(admin.page.get_by_role("heading", level=2, name=name, exact=True)).to_be_visible()
    for name in ("Restart", "Initiate", "Terminate", "Follow log", "Follow packets"):
        await expect(admin.page.get_by_role("button", name=name, exact=True)).to_be_visible()
    await expect(admin.page.get_by_role("main")).to_contain_text("198.51.100.6")


async def test_what_is_not_there_is_said(admin: Visit) -> None:
    admin.watch.excuse("status of 404 .*/restconf/")
    for route in ("#/tunnels/4000000", "#/history/4000000", "#/nowhere", "#/tunnels/%3Cb%3E", "#/tunnels/%"):
        await admin.go("#/daemon")
        await expect(admin.link("Daemon")).to_have_attribute("aria-current", "page")
        await still(admin)
        await admin.go(route)
        await still(admin)
        await expect(admin.page.get_by_role("main")).to_be_visible()
        await admin.accessible()


async def test_the_history_leads_to_the_differences_of_a_commit(admin: Visit) -> None:
    await admin.link("History").click()
    table = admin.page.get_by_role("table", name="History")
    await table.get_by_role("link", name=re.compile(r"\b2\b")).first.click()
    await expect(admin.page.get_by_role("heading", level=1)).to_contain_text("Commit 2")
    region = admin.page.get_by_role("region", name="Differences")
    await expect(region).to_contain_text("to branch 5")


async def test_sessions_are_listed_with_their_users(admin: Visit) -> None:
    await admin.link("Sessions").click()
    await still(admin)
    await expect(admin.page.get_by_role("main")).to_contain_text(ADMIN)


async def test_the_history_grows_by_itself_and_shows_what_changed(admin: Visit, served: Served) -> None:
    await admin.link("History").click()
    links = admin.page.get_by_role("table", name="History").get_by_role("link")
    await expect(links.first).to_be_visible()
    newest = int(re.findall(r"\d+", await links.first.inner_text())[0])
    change = '<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><ipsec><id>11</id>{}</ipsec></tunnels>'
    await served.commit(change.format("<description>for a while</description>"))
    await served.commit(change.format("<description>to branch 11</description>"))
    await expect(links.filter(has_text=re.compile(rf"\b{newest + 2}\b"))).to_be_visible()
    await links.filter(has_text=re.compile(rf"\b{newest + 2}\b")).click()
    await expect(admin.page.get_by_role("heading", level=1)).to_contain_text(f"Commit {newest + 2}")
    region = admin.page.get_by_role("region", name="Differences")
    await expect(region).to_contain_text("for a while")
    # Who sees no colours has the sign, and who hears the page a word.
    said = await region.inner_text()
    assert re.search(r"^-\s.*description = for a while$", said, re.MULTILINE), said
    assert re.search(r"^\+\s.*description = to branch 11$", said, re.MULTILINE), said
    await admin.screenshot("differences")
