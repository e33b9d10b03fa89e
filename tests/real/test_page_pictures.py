"""The page with tunnels in every state, as docs/ shows it: REWRITE=1 writes those pictures anew."""

from __future__ import annotations

import asyncio
import os
import re
import struct
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.async_api import Route, expect

from tests.browser.served import ADMIN, WORD, page_of
from tests.browser.visits import PHONE, Visit, Visits
from tests.real.test_netconf_to_charon import OTHER_SECRET, SECRET, Pair
from tests.real.test_page import pair, visits
from tests.real.traffic import flowing

__all__ = ["pair", "visits"]
pytestmark = pytest.mark.real

DOCS = Path(__file__).resolve().parents[2] / "docs"
OCTETS_MAX = 150_000
REWRITES = os.environ.get("REWRITE") == "1"
SAMPLES = 12 if REWRITES else 1
"""So many times the page is told of traffic before it is looked at: a curve takes some."""
WIDE = {"viewport": {"width": 1280, "height": 720}}
PHONE_DARK = {**PHONE, "color_scheme": "dark", "device_scale_factor": 1}

UP = ("Berlin", "Lisbon, warehouse", "Oslo, branch office", "Porto", "Ghent, laboratory", "Turin")
REFUSED, SILENT, OFF, WAITING = (
    "Graz, new router",
    "Malmö, construction site",
    "Basel, until March",
    "Field team",
)


def entry(
    number: int, description: str, own: int, other: int, *, more: str = "", secret: str = SECRET
) -> str:
    """Return a tunnel of the gateway 192.168.0.``own`` to 192.168.0.``other``."""
    return (
        f"<ipsec><id>{number}</id><description>{description}</description>{more}<secret>{secret}</secret>"
        f"<local-address>192.168.0.{own}</local-address><peer>192.168.0.{other}</peer>"
        f"<local-id><name>site-{own}-{number}.example</name></local-id>"
        f"<remote-id><name>site-{other}-{number}.example</name></remote-id>"
        f"<local-subnet>10.{own}.{number}.0/24</local-subnet>"
        f"<remote-subnet>10.{other}.{number}.0/24</remote-subnet></ipsec>"
    )


def commit(pair: Pair) -> None:
    initiator = "<initiator>true</initiator>"
    last = len(UP)
    pair.on_alice(
        "".join(entry(number, name, 1, 2) for number, name in enumerate((*UP, REFUSED), 1)),
    )
    pair.on_bob(
        "".join(entry(number, name, 2, 1, more=initiator) for number, name in enumerate(UP, 1))
        + entry(last + 1, REFUSED, 2, 1, more=initiator, secret=OTHER_SECRET)
        + entry(last + 2, SILENT, 2, 77, more=initiator)
        + entry(last + 3, OFF, 2, 78, more=f"<enabled>false</enabled>{initiator}")
        + entry(last + 4, WAITING, 2, 79)
    )
    for number in range(1, last + 1):
        pair.bob_until(number, "installed")


async def often(route: Route) -> None:
    """Have the page told of traffic more often than it asks for."""
    await route.continue_(url=re.sub(r"traffic-s=\d+", "traffic-s=2", route.request.url))


async def looking(visits: Visits, pair: Pair, **options: object) -> Visit:
    visit = await visits.begin(page_of(pair.bob), **options)
    await visit.context.route("**/events?*", often)
    await visit.open()
    await visit.log_in(ADMIN, WORD)
    await visit.live()
    return visit


async def test_every_state_of_a_tunnel_is_told_in_words(visits: Visits, pair: Pair) -> None:
    for number in range(1, len(UP) + 1):
        pair.lab.alice_ns.ip("address", "add", f"10.1.{number}.1/32", "dev", "lo")
        pair.lab.bob_ns.ip("address", "add", f"10.2.{number}.1/32", "dev", "lo")
    await asyncio.to_thread(commit, pair)
    visit = await looking(visits, pair, **WIDE)
    phone = await looking(visits, pair, **PHONE_DARK)
    last = len(UP)
    with ExitStack() as stack:
        for number in (1, 3, 4):
            traffic = flowing(pair.lab.bob_ns, f"10.2.{number}.1", pair.lab.alice_ns, f"10.1.{number}.1")
            await asyncio.to_thread(stack.enter_context, traffic)
        for number in range(1, last + 1):
            await expect(visit.row(number)).to_contain_text("Up(Installed)")
        await expect(visit.row(last + 1)).to_contain_text(re.compile(r"Down(\(Connecting\))?"))
        await expect(visit.row(last + 2)).to_contain_text(re.compile(r"Down\((Connecting|Retransmission)\)"))
        await expect(visit.row(last + 3)).to_contain_text("Disabled")
        await expect(visit.row(last + 4)).to_contain_text("Down")
        for _ in range(SAMPLES):
            before = await visit.row(1).inner_text()
            await expect(visit.row(1)).to_contain_text(re.compile(r"[1-9][0-9.]* k?B/s"))
            if REWRITES:
                await expect(visit.row(1)).not_to_have_text(before, use_inner_text=True)
        await visit.accessible()
        await shown(visit, "web-tunnels")
        await phone.accessible()
        await shown(phone, "web-phone-dark")
        await visit.go("#/tunnels/1")
        await expect(visit.page.get_by_role("main")).to_contain_text("site-1-1.example")
        await expect(visit.page.locator("main [aria-busy=true]:visible")).to_have_count(0)
        await visit.accessible()
        await shown(visit, "web-tunnel")
    await visit.go(f"#/tunnels/{last + 1}")
    await expect(visit.page.get_by_role("main")).to_contain_text(
        "was not accepted by this gateway or by its peer"
    )


async def shown(visit: Visit, name: str) -> None:
    await visit.page.mouse.move(0, 0)  # nothing is pointed at
    file = await visit.screenshot(name)
    if REWRITES:
        (DOCS / file.name).write_bytes(file.read_bytes())
    size = visit.page.viewport_size
    assert size is not None
    kept = (DOCS / file.name).read_bytes()
    assert kept.startswith(b"\x89PNG")
    # It is of this page as far as that can be told: as wide and as high, and small enough to be kept.
    assert struct.unpack(">II", kept[16:24]) == (size["width"], size["height"])
    assert len(kept) <= OCTETS_MAX
