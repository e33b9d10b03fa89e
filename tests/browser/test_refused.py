"""Who may not do what he asks for is told so in the server's words, and nothing happens."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.served import READER
from tests.browser.visits import Visit

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.mark.parametrize("name", ["Restart", "Terminate", "Initiate"])
async def test_a_reader_restarts_nothing(reader: Visit, name: str) -> None:
    reader.watch.excuse(f"status of 403 .*/{name.lower()}$")
    await reader.row(2).get_by_role("link").first.click()
    await expect(reader.page.get_by_role("heading", level=1)).to_contain_text("to branch 2")
    async with reader.page.expect_response(re.compile(f"/{name.lower()}$")) as answered:
        await reader.page.get_by_role("button", name=name, exact=True).click()
        if name != "Initiate":
            dialog = reader.page.get_by_role("dialog").or_(reader.page.get_by_role("alertdialog"))
            await dialog.get_by_role("button", name=name, exact=True).click()
    assert (await answered.value).status == 403
    said = f"user '{READER}' (groups: readers) may not invoke '{name.lower()}'"
    await expect(reader.alert(said)).to_be_visible()
    await reader.accessible()
    await reader.screenshot(f"refused {name}")


async def test_who_cancels_has_done_nothing(admin: Visit) -> None:
    asked: list[str] = []
    admin.page.on("request", lambda request: asked.append(request.method))
    await admin.go("#/tunnels/2")
    await admin.page.get_by_role("button", name="Restart", exact=True).click()
    dialog = admin.page.get_by_role("dialog").or_(admin.page.get_by_role("alertdialog"))
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_be_hidden()
    assert "POST" not in asked


async def test_an_agent_without_a_daemon_says_so(admin: Visit) -> None:
    admin.watch.excuse("status of 501 .*/restart$")
    await admin.go("#/tunnels/2")
    await admin.page.get_by_role("button", name="Restart", exact=True).click()
    dialog = admin.page.get_by_role("dialog").or_(admin.page.get_by_role("alertdialog"))
    await dialog.get_by_role("button", name="Restart", exact=True).click()
    await expect(admin.alert("this agent runs without charon")).to_be_visible()


async def test_a_reader_sees_what_he_may(reader: Visit) -> None:
    await expect(reader.row(25)).to_be_visible()
    await reader.accessible()
