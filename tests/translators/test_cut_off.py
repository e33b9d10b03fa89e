"""Whom these changes would cut off, as the translator says; no charon runs, entries are put in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from agent.translator import Captured, EntryChange, Route, Settings
from tests.lab import change
from tests.translators.test_for_all import bypass, protection
from tests.translators.tunnels import Json, at_alice
from translators.strongswan.assembly import make
from translators.strongswan.protection.shunts import LIBIPSEC
from translators.strongswan.translation.guards import Connected, ForAll
from translators.strongswan.translation.overlaps import prefix
from translators.strongswan.translator import StrongSwanTranslator

SERVER, CLIENT = "10.1.0.1", "172.16.5.9"
ROUTE = Route(SERVER, CLIENT)
OTHER = Route("192.168.0.1", CLIENT)
EVERYTHING = at_alice(remote_subnet=["0.0.0.0/0"])
Way = tuple[int, str]
ENTRY = "/yangswan-ipsec:tunnels/ipsec[id='1']"


@pytest.fixture
def translator(tmp_path: Path) -> StrongSwanTranslator:
    return make(Settings(tmp_path, "external", {"vici-socket": str(tmp_path / "vici")}))


def in_force(translator: StrongSwanTranslator, *entries: Json, up: bool = False) -> None:
    """Have ``entries`` in force, as if charon held them."""
    parts = translator.parts
    by_tunnel = {str(entry["id"]): entry for entry in entries}
    parts.shared.desired.replace(by_tunnel)
    parts.protection.guards.put(parts.protection.guards.wanted(by_tunnel))
    for tunnel in by_tunnel if up else ():
        facts = parts.live.facts(tunnel)
        parts.live._ledger.put(tunnel, replace(facts, children=frozenset({f"ipsec-{tunnel}"})))


async def captured(
    translator: StrongSwanTranslator, *changes: EntryChange, routes: tuple[Route, ...] = (ROUTE, OTHER)
) -> Mapping[Route, Captured]:
    return {one.route: one for one in await translator.captured(changes, routes)}


async def test_a_tunnel_for_everything(translator: StrongSwanTranslator) -> None:
    found = await captured(translator, change(None, EVERYTHING))
    assert found.keys() == {ROUTE}
    one = found[ROUTE]
    assert (one.path, one.prefix) == (ENTRY, "0.0.0.0/0")
    assert one.why == (
        "tunnel 1 (from 10.1.0.0/16 to 0.0.0.0/0) would take what goes between 10.1.0.1 and 172.16.5.9"
    )
    assert one.instead == (
        "have 172.16.5.9, or its network, in bypass/network of the tunnel or in /tunnels/bypass"
    )
    assert set(one.tells) >= {ENTRY, f"{ENTRY}/local-subnet", f"{ENTRY}/remote-subnet"}


async def test_what_is_changed_with_it_counts(translator: StrongSwanTranslator) -> None:
    assert await captured(translator, change(None, EVERYTHING), *bypass("172.16.0.0/12")) == {}
    spared = {**EVERYTHING, "bypass": {"network": ["172.16.5.0/24"]}}
    assert await captured(translator, change(None, spared)) == {}


async def test_where_charon_encrypts_every_address_of_ours_is_concerned(
    translator: StrongSwanTranslator,
) -> None:
    translator.parts.shared.desired.plugins = [LIBIPSEC]
    elsewhere = {**EVERYTHING, "bypass": {"network": ["172.16.6.0/24"]}}
    found = await captured(translator, change(None, elsewhere))
    assert found.keys() == {ROUTE, OTHER}
    assert found[OTHER].why == (
        "the route into tunnel 1 (from 10.1.0.0/16 to 0.0.0.0/0) would draw in what goes between 192.168.0.1 "
        "and 172.16.5.9, though its local subnets are others, so that it is lost"
    )
    assert found[OTHER].instead == (
        "have 172.16.5.9, or its network, in bypass/network of the tunnel or in /tunnels/bypass"
    )
    assert await captured(translator, change(None, elsewhere), *bypass("172.16.0.0/12")) == {}
    # What no tunnel takes goes where one of them bypasses, whatever its source.
    spared = {**EVERYTHING, "bypass": {"network": ["172.16.5.0/24"]}}
    assert await captured(translator, change(None, spared)) == {}


@pytest.mark.parametrize(
    ("here", "is_told"), [((7, "192.168.0.254"), False), ((8, "10.8.0.2"), True), (None, False)]
)
async def test_where_the_kernel_encrypts_a_route_to_the_peer_may_lead_elsewhere(
    translator: StrongSwanTranslator, monkeypatch: pytest.MonkeyPatch, here: Way | None, is_told: bool
) -> None:
    asked: list[tuple[str, str | None]] = []

    async def way_to(destination: str, source: str | None = None) -> Way | None:
        asked.append((destination, source))
        return here if destination == CLIENT else (7, "192.168.0.254")

    monkeypatch.setattr("translators.strongswan.cut_off.way_to", way_to)
    entry = at_alice(remote_subnet=["0.0.0.0/0"], peer="192.168.0.2")
    # Without an address of the near side there is no route.
    assert await captured(translator, change(None, entry), routes=(OTHER,)) == {}
    translator.parts.live.addresses.present = frozenset({SERVER})
    found = await captured(translator, change(None, entry), routes=(OTHER,))
    assert bool(found) is is_told
    assert set(asked) == {(CLIENT, "192.168.0.1"), *([("192.168.0.2", None)] if here else ())}
    if is_told:
        assert found[OTHER].why.startswith("the route into tunnel 1 (from 10.1.0.0/16 to 0.0.0.0/0) would")
    assert await captured(translator, change(None, at_alice()), routes=(OTHER,)) == {}


async def test_what_stays_on_this_machine_is_never_cut_off(translator: StrongSwanTranslator) -> None:
    translator.parts.live.addresses.present = frozenset({SERVER, CLIENT})
    assert await captured(translator, change(None, EVERYTHING)) == {}


async def test_a_connected_network_is_left_alone(translator: StrongSwanTranslator) -> None:
    network = Connected(prefix("172.16.5.0/24"), prefix("172.16.5.1"))
    translator.parts.protection.on_networks(frozenset({network}))
    assert await captured(translator, change(None, EVERYTHING)) == {}
    alone = {**EVERYTHING, "bypass": {"connected-networks": False}}
    assert (await captured(translator, change(None, alone))).keys() == {ROUTE}


async def test_who_comes_through_a_tunnel_that_goes(translator: StrongSwanTranslator) -> None:
    in_force(translator, EVERYTHING, up=True)
    found = await captured(translator, change(EVERYTHING, None))
    assert found[ROUTE].why == (
        "tunnel 1 (from 10.1.0.0/16 to 0.0.0.0/0) would take what goes between 10.1.0.1 and 172.16.5.9 "
        "no longer"
    )
    assert found[ROUTE].instead == ""
    assert (found[ROUTE].path, found[ROUTE].prefix) == (ENTRY, "0.0.0.0/0")


async def test_who_would_come_through_another(translator: StrongSwanTranslator) -> None:
    in_force(translator, EVERYTHING, up=True)
    second = at_alice(2, remote_subnet=["172.16.0.0/12"], peer="192.0.2.7")
    found = await captured(translator, change(None, second))
    assert found[ROUTE].why == (
        "tunnel 2 (from 10.1.0.0/16 to 172.16.0.0/12) would take what goes between 10.1.0.1 and 172.16.5.9, "
        "which comes through tunnel 1 now"
    )
    assert found[ROUTE].path == "/yangswan-ipsec:tunnels/ipsec[id='2']"
    # Both are told of.
    assert {ENTRY, "/yangswan-ipsec:tunnels/ipsec[id='2']"} <= set(found[ROUTE].tells)


async def test_what_is_for_all_tunnels(translator: StrongSwanTranslator) -> None:
    guards = translator.parts.protection.guards
    guards.for_all = ForAll(leak_protection=False)
    in_force(translator, EVERYTHING)
    found = await captured(translator, protection(before=False, after=True))
    assert found[ROUTE].why == (
        "leak protection of tunnel 1 (from 10.1.0.0/16 to 0.0.0.0/0) would drop what goes between 10.1.0.1 "
        "and 172.16.5.9 in clear"
    )
    assert await captured(translator, protection(before=False, after=False)) == {}
    in_force(translator, EVERYTHING, up=True)
    assert await captured(translator, protection(before=False, after=True)) == {}


async def test_a_network_that_is_bypassed_no_longer(translator: StrongSwanTranslator) -> None:
    guards = translator.parts.protection.guards
    guards.for_all = ForAll(bypass=(prefix("172.16.0.0/12"),))
    in_force(translator, EVERYTHING)
    assert await captured(translator, *bypass("198.51.100.0/24")) == {}
    found = await captured(translator, *bypass("172.16.0.0/12", gone=True))
    assert found.keys() == {ROUTE}


async def test_a_tunnel_that_is_down_until_it_is_repaired(translator: StrongSwanTranslator) -> None:
    idle = {**EVERYTHING, "leak-protection": False}
    in_force(translator, idle)
    assert await captured(translator, change(idle, None)) == {}
    assert await captured(translator, change(idle, {**idle, "description": "branch"})) == {}
    assert (await captured(translator, change(idle, {**idle, "secret": "another-secret"}))).keys() == {ROUTE}


async def test_a_change_that_concerns_nobody_looks_at_no_other_tunnel(
    translator: StrongSwanTranslator, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [at_alice(number, remote_subnet=[f"10.9.{number}.0/24"]) for number in range(2, 60)]
    in_force(translator, *many)
    looked_at: list[str] = []
    real = "translators.strongswan.cut_off.Taker.of"
    original = translator.parts.cut_offs.captured.__globals__["Taker"].of

    def counted(tunnel: str, *rest: object) -> object:
        looked_at.append(tunnel)
        return original(tunnel, *rest)

    monkeypatch.setattr(real, counted)
    assert await captured(translator, change(None, at_alice())) == {}
    # Nor is one that is always bypassed of interest.
    translator.parts.protection.guards.for_all = ForAll(bypass=(prefix("172.16.0.0/12"),))
    in_force(translator, *many)
    assert await captured(translator, change(None, at_alice())) == {}
    translator.parts.protection.guards.for_all = ForAll()
    in_force(translator, *many)
    assert set(looked_at) == {"1"}
    assert (await captured(translator, change(None, EVERYTHING))).keys() == {ROUTE}
    assert len(set(looked_at)) == 59


async def test_without_a_charon_nobody_is_cut_off(tmp_path: Path) -> None:
    assert await captured(make(Settings(tmp_path, "none", {})), change(None, EVERYTHING)) == {}
