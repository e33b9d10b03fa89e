"""The web page on tunnels that live: up, cut, and up again, as who looks at it in a browser sees it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from tests.browser.chromium import launched, missing
from tests.browser.served import ADMIN, WORD, page_of, settings
from tests.browser.visits import Visit, Visits, visiting
from tests.lab import Lab, carries, charon_folder
from tests.real.gateways import gateway
from tests.real.test_metrics import FAST
from tests.real.test_netconf_to_charon import SECRET, Pair, up
from tests.real.traffic import flowing
from translators.strongswan.charon.event_stream import EventStream

pytestmark = [pytest.mark.real, pytest.mark.skipif(missing() is not None, reason=str(missing()))]

TIMES = 5
# Notes the time of each status that the row of a tunnel comes to have.
NOTE_STATUSES = """(row) => {
    const look = () => (/Up|Down/.exec(row.textContent) ?? [''])[0];
    let last = look();
    window.statuses = [];
    new MutationObserver(() => {
        const now = look();
        if (now !== last) window.statuses.push([now, Date.now()]);
        last = now;
    }).observe(row, {subtree: true, childList: true, characterData: true, attributes: true});
}"""


@pytest.fixture
def pair(lab: Lab, tmp_path: Path) -> Iterator[Pair]:
    """Two gateways, of which bob serves the page, on loopback of his namespace."""
    with ExitStack() as stack:
        alice = stack.enter_context(gateway(lab.alice_ns, tmp_path / "alice-agent"))
        options = settings(tmp_path, tls=False, more=FAST)
        bob = stack.enter_context(gateway(lab.bob_ns, tmp_path / "bob-agent", *options))
        yield Pair(lab, alice, bob)


@pytest_asyncio.fixture
async def visits(pair: Pair, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Visits]:
    """Visits by a browser that is where bob is."""
    async with launched(tmp_path, pair.lab.bob_ns.exec) as browser, visiting(browser, request) as begun:
        yield begun


@pytest_asyncio.fixture
async def visit(visits: Visits, pair: Pair) -> Visit:
    return await visits.log_in(page_of(pair.bob), ADMIN, WORD)


def restart_asked(visit: Visit) -> Locator:
    return visit.page.get_by_role("dialog").get_by_role("button", name="Restart", exact=True)


async def send(pair: Pair) -> None:
    assert await asyncio.to_thread(carries, pair.lab.alice_ns, "10.1.0.1", pair.lab.bob_ns, "10.2.0.1")


async def test_a_tunnel_comes_up_is_cut_and_comes_again(visit: Visit, pair: Pair) -> None:
    page = visit.page
    await asyncio.to_thread(up, pair, 1)
    await expect(visit.row(1)).to_contain_text("Up(Installed)")
    await visit.row(1).get_by_role("link").first.click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("to alice")
    main = page.get_by_role("main")
    await expect(main).to_contain_text("Up(Installed)")
    for words in ("aes128gcm16", "10.1.0.0/16", "10.2.0.0/16", "bob-1", "alice-1"):
        await expect(main).to_contain_text(words)
    await send(pair)
    await visit.accessible()
    await visit.screenshot("live tunnel up")

    pair.lab.cut()
    await page.get_by_role("button", name="Restart", exact=True).click()
    await restart_asked(visit).click()
    await expect(main).to_contain_text(re.compile(r"Down\("))
    await expect(main).to_contain_text("The peer did not answer")
    await visit.accessible()
    await visit.screenshot("live tunnel cut")
    await visit.link("Tunnels").click()
    await expect(visit.row(1)).to_contain_text(re.compile(r"Down\("))
    pair.lab.mend()
    await expect(visit.row(1)).to_contain_text("Up(Installed)")
    with ExitStack() as stack:
        traffic = flowing(pair.lab.bob_ns, "10.2.0.1", pair.lab.alice_ns, "10.1.0.1")
        await asyncio.to_thread(stack.enter_context, traffic)
        await expect(visit.row(1)).to_contain_text(re.compile(r"[1-9][0-9.]* k?B/s"))
        await visit.screenshot("live table")
    assert SECRET not in await visit.watch.received()


async def test_log_packets_and_events_are_followed(visit: Visit, pair: Pair) -> None:
    page = visit.page
    await asyncio.to_thread(up, pair, 1)
    await visit.go("#/tunnels/1")
    await expect(page.get_by_role("main")).to_contain_text("Up(Installed)")
    for name in ("Log", "Packets"):
        await page.get_by_role("button", name=f"Follow {name.lower()}").click()
        await expect(page.get_by_role("button", name=f"Stop {name.lower()}")).to_be_visible()
    before = await asyncio.to_thread(pair.bob_until, 1, "installed")
    await page.get_by_role("button", name="Restart", exact=True).click()
    await restart_asked(visit).click()
    log, packets, events = (section(visit, name) for name in ("Log", "Packets", "Events"))
    await expect(log).to_contain_text("IKE_SA ipsec-1")
    await expect(packets).to_contain_text(re.compile("ike.?auth", re.IGNORECASE))
    await expect(events).to_contain_text("Down: A client asked for it")
    await expect(page.get_by_role("main")).to_contain_text("Up(Installed)")
    await send(pair)
    await expect(packets).to_contain_text(re.compile("esp", re.IGNORECASE))
    after = await asyncio.to_thread(pair.bob_until, 1, "installed")
    spis = [state.findtext("{*}child-sa/{*}spi-in") for state in (before, after)]
    assert spis[0] != spis[1]
    await expect(page.get_by_role("main")).to_contain_text(str(spis[1]))
    await visit.accessible()
    await visit.screenshot("live log and packets")
    for name in ("log", "packets"):
        await page.get_by_role("button", name=f"Stop {name}").click()
        await expect(page.get_by_role("button", name=f"Follow {name}")).to_be_visible()
    assert SECRET not in await visit.watch.received()


def section(visit: Visit, name: str) -> Locator:
    """The section of the tunnel's page under a heading."""
    heading = visit.page.get_by_role("heading", level=2, name=name, exact=True)
    return visit.page.locator("section").filter(has=heading).last


async def test_how_long_a_change_takes_to_the_page(visit: Visit, pair: Pair) -> None:
    """Measured, not judged: from what charon says on its socket to the words in the table."""
    await asyncio.to_thread(up, pair, 1)
    await expect(visit.row(1)).to_contain_text("Up(Installed)")
    await visit.row(1).evaluate(NOTE_STATUSES)
    told: list[tuple[str, float]] = []
    stream = await EventStream.open(charon_folder(pair.bob.data_dir) / "vici.sock")
    await stream.subscribe(["child-updown"])

    async def listen() -> None:
        async for _, event in stream:
            told.append(("Up" if event.get("up") == "yes" else "Down", asyncio.get_running_loop().time()))

    listening = asyncio.create_task(listen())
    offset_s = await clock_offset_s(visit)
    for _ in range(TIMES):
        await asyncio.to_thread(pair.act_on_bob, 1, "terminate")
        await expect(visit.row(1)).to_contain_text("Down")
        await asyncio.to_thread(pair.act_on_bob, 1, "initiate")
        await expect(visit.row(1)).to_contain_text("Up(Installed)")
    seen = await visit.page.evaluate("window.statuses")
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await stream.close()
    assert [status for status, _ in told] == ["Down", "Up"] * TIMES
    print(f"from charon's socket to the table, {TIMES} times each, median and range:")
    for status in ("Down", "Up"):
        at_charon = [at_s for what, at_s in told if what == status]
        # Between down and up the table may say how far it is.
        in_page = [at_ms / 1000 - offset_s for what, at_ms in seen if what == status]
        assert len(in_page) == TIMES
        delays_ms = sorted((late - early) * 1000 for early, late in zip(at_charon, in_page, strict=True))
        print(f"{status}: {median(delays_ms):.0f} ms, from {delays_ms[0]:.0f} to {delays_ms[-1]:.0f} ms")


async def clock_offset_s(visit: Visit) -> float:
    """Return how far the clock of the page is before that of the event loop: they run at the same speed."""
    loop = asyncio.get_running_loop()
    found = []
    for _ in range(10):
        before = loop.time()
        now_ms = await visit.page.evaluate("Date.now()")
        found.append((loop.time() - before, now_ms / 1000 - (before + loop.time()) / 2))
    return float(min(found)[1])
