"""No secret comes to the browser, whatever is looked at, and by whoever may read it otherwise."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.served import SECRET, WORD, Served
from tests.browser.test_views import VIEWS, still
from tests.browser.visits import Visit
from tests.requests import IPSEC

pytestmark = pytest.mark.asyncio(loop_scope="package")

OTHER = "Walrus-Hunting-9"


async def test_no_secret_comes_to_the_browser(admin: Visit, served: Served) -> None:
    config = f'<tunnels xmlns="{IPSEC}"><ipsec><id>13</id><secret>{{}}</secret></ipsec></tunnels>'
    await served.commit(config.format(OTHER))
    await served.commit(config.format(SECRET))
    for name in VIEWS:
        await admin.link(name).click()
        await still(admin)
    await admin.link("History").click()
    for _ in range(2):
        links = admin.page.get_by_role("table", name="History").get_by_role("link")
        await expect(links.first).to_be_visible()
        await links.first.click()
        differences = admin.page.get_by_role("region", name="Differences")
        await expect(differences).to_contain_text("What it changed is a secret")
        await admin.page.go_back()
    for number in (1, 13):
        await admin.go(f"#/tunnels/{number}")
        heading = admin.page.get_by_role("heading", level=1)
        await expect(heading).to_contain_text(f"to branch {number}")
        await still(admin)
        configuration = admin.page.get_by_role("heading", level=2, name="Configuration", exact=True)
        await expect(configuration).to_be_visible()
    received = await admin.watch.received()
    assert "to branch 13" in received, "it is looked at where something is"
    for secret in (SECRET, OTHER, WORD, "$argon2id"):
        assert secret not in received, received[received.index(secret) - 300 :][:400]
    assert "Set-Cookie" not in await admin.page.content()
