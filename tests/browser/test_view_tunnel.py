"""The view of a tunnel while others change it: what is new comes by itself, and a tunnel may go and come."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.served import ADMIN, SECRET, WORD, Served, serving, tunnels
from tests.browser.visits import Visit, Visits
from tests.requests import IPSEC
from tests.wire.raw_client import BASE

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def few(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    with serving(tmp_path_factory.mktemp("few")) as served:
        await served.commit(tunnels([1, 2]))
        yield served


@pytest_asyncio.fixture(loop_scope="package")
async def visit(visits: Visits, few: Served) -> Visit:
    return await visits.log_in(few.address, ADMIN, WORD)


def changed(number: int, body: str) -> str:
    return f'<tunnels xmlns="{IPSEC}"><ipsec><id>{number}</id>{body}</ipsec></tunnels>'


async def test_what_is_configured_is_shown_as_it_changes_but_for_its_secrets(
    visit: Visit, few: Served
) -> None:
    await visit.go("#/tunnels/1")
    region = visit.page.get_by_role("region", name="Configuration")
    await expect(region).to_contain_text("198.51.100.2")
    await expect(region).to_contain_text("Secrets are not shown")
    key = "<ike><ppk><id>shared</id><key>Walrus-Hunting-9-and-more-of-it-for-32</key></ppk></ike>"
    await few.commit(changed(1, f"<description>moved</description><enabled>false</enabled>{key}"))
    await expect(visit.page.get_by_role("heading", level=1)).to_have_text("Tunnel 1: moved")
    await expect(region).to_contain_text("ike / ppk / id")
    await expect(region).not_to_contain_text("ike / ppk / key")
    await expect(visit.page.get_by_role("region", name="State")).to_contain_text(
        "the daemon does not know of it"
    )
    received = await visit.watch.received()
    assert "shared" in received
    assert "Walrus" not in received
    assert SECRET not in received


async def test_a_tunnel_that_is_deleted_meanwhile_is_missed_and_shown_when_it_is_there_again(
    visit: Visit, few: Served
) -> None:
    visit.watch.excuse("status of 404 .*/restconf/")
    await visit.go("#/tunnels/2")
    restart = visit.page.get_by_role("button", name="Restart")
    await expect(restart).to_be_visible()
    gone = f'<ipsec xmlns:nc="{BASE}" nc:operation="delete"><id>2</id></ipsec>'
    await few.commit(f'<tunnels xmlns="{IPSEC}">{gone}</tunnels>')
    main = visit.page.get_by_role("main")
    await expect(main).to_contain_text("There is no tunnel 2, or you may not read it.")
    await expect(restart).to_be_hidden()
    await visit.accessible()
    await few.commit(tunnels([2]))
    await expect(restart).to_be_visible()
    await expect(main).not_to_contain_text("There is no tunnel")


@pytest.mark.parametrize("address", ["#/tunnels/99", "#/tunnels/70000", "#/tunnels/abc", "#/tunnels/0"])
async def test_a_tunnel_that_never_was_is_said_to_be_missing(visit: Visit, address: str) -> None:
    visit.watch.excuse("status of 404 .*/restconf/")
    await visit.go(address)
    main = visit.page.get_by_role("main")
    await expect(main).to_contain_text("There is no tunnel")
    await main.get_by_role("link", name="All tunnels").click()
    await expect(visit.row(1)).to_be_visible()


async def test_what_is_open_when_the_view_is_left_is_not_left_behind(visit: Visit) -> None:
    await visit.go("#/tunnels/1")
    await visit.page.get_by_role("button", name="Terminate").click()
    dialog = visit.page.get_by_role("dialog", name="Terminate tunnel 1?")
    await visit.accessible()
    await expect(dialog).to_be_visible()
    await visit.go("#/history")
    await expect(visit.page.get_by_role("table", name="History")).to_be_visible()
    await expect(dialog).to_have_count(0)
