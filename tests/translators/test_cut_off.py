"""Whom these changes would cut off, as the translator says; no charon runs, entries are put in force."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.translator import Route, Settings
from tests.lab import change
from tests.translators.authority import Authority, new_key
from tests.translators.cutting import (
    CLIENT,
    EVERYTHING,
    OTHER,
    ROUTE,
    SERVER,
    captured,
    in_force,
    of_certificates,
    with_sas,
)
from tests.translators.test_for_all import bypass, protection
from tests.translators.tunnels import Json, at_alice
from translators.strongswan.assembly import make
from translators.strongswan.model import CERTIFICATES_PATH, CRLS_PATH, REVOCATION_PATH
from translators.strongswan.protection.shunts import LIBIPSEC
from translators.strongswan.translation.guards import Connected, ForAll
from translators.strongswan.translation.overlaps import prefix
from translators.strongswan.translator import StrongSwanTranslator

Way = tuple[int, str]
ENTRY = "/yangswan-ipsec:tunnels/ipsec[id='1']"


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

    monkeypatch.setattr("translators.strongswan.upkeep.routes.way_to", way_to)
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


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what the kernel is asked about: peers in 192.168.0.0/16 are elsewhere than all others."""
    asked: list[str] = []

    async def way_to(destination: str, source: str | None = None) -> Way | None:
        asked.append(destination)
        return (7, "192.168.0.254") if destination.startswith("192.168.") else (8, "10.8.0.2")

    monkeypatch.setattr("translators.strongswan.upkeep.routes.way_to", way_to)
    return asked


async def test_a_route_that_was_there_before_leads_astray_who_is_spared_no_longer(
    translator: StrongSwanTranslator, asked: list[str]
) -> None:
    translator.parts.live.addresses.present = frozenset({SERVER})
    drawing = at_alice(7, remote_subnet=["172.16.0.0/12"], peer="192.168.0.2")
    guards = translator.parts.protection.guards
    guards.for_all = ForAll(bypass=(prefix("172.16.5.0/24"),))
    in_force(translator, drawing, up=True)
    found = await captured(translator, *bypass("172.16.5.0/24", gone=True))
    assert found[OTHER].why.startswith("the route into tunnel 7 (from 10.1.0.0/16 to 172.16.0.0/12) would")
    guards.for_all = ForAll()
    sparing = at_alice(9, remote_subnet=["172.17.0.0/16"], peer="192.168.0.3")
    sparing |= {"bypass": {"network": ["172.16.5.0/24"]}}
    in_force(translator, drawing, sparing, up=True)
    assert OTHER in await captured(translator, change(sparing, None))
    assert await captured(translator, change(sparing, {**sparing, "description": "branch"})) == {}


async def test_the_way_to_another_peer_is_asked_for_both_before_and_after(
    translator: StrongSwanTranslator, asked: list[str]
) -> None:
    translator.parts.live.addresses.present = frozenset({SERVER})
    to_client = at_alice(7, remote_subnet=["172.16.0.0/12"], peer="10.8.0.9")
    in_force(translator, to_client, up=True)
    moved = {**to_client, "peer": "192.168.0.2"}
    assert (await captured(translator, change(to_client, moved), routes=(OTHER,))).keys() == {OTHER}
    in_force(translator, moved, up=True)
    assert await captured(translator, change(moved, to_client), routes=(OTHER,)) == {}


async def test_the_kernel_is_asked_once_about_each_peer_and_about_so_many_only(
    translator: StrongSwanTranslator,
    asked: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    translator.parts.live.addresses.present = frozenset({SERVER})
    new = [
        at_alice(n, remote_subnet=[f"172.16.0.0/{8 + n}"], peer=f"192.168.0.{n}", leak_protection=False)
        for n in range(1, 5)
    ]
    routes = tuple(Route("192.168.0.1", f"172.16.0.{n}") for n in range(1, 6))
    found = await captured(translator, *(change(None, one) for one in new), routes=routes)
    assert found.keys() == set(routes)
    assert sorted(asked) == sorted([*(one.remote for one in routes), *(str(one["peer"]) for one in new)])
    assert not caplog.records
    # The narrowest come first: theirs are the routes that count.
    asked.clear()
    monkeypatch.setattr("translators.strongswan.upkeep.routes.PEERS_MAX", 2)
    found = await captured(translator, *(change(None, one) for one in new), routes=routes)
    assert found.keys() == set(routes)
    assert [one for one in asked if one.startswith("192.168.")] == ["192.168.0.4", "192.168.0.3"]
    assert caplog.messages == [
        "a commit was not looked at for whether routes to 2 more peers lead a session astray"
    ]


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


ANYBODY = at_alice(5)
del ANYBODY["remote-subnet"]


async def test_who_comes_through_an_untouched_tunnel_for_any_peer(translator: StrongSwanTranslator) -> None:
    in_force(translator, ANYBODY, up=True)
    with_sas(translator, t5=f"{CLIENT}/32")
    wide = at_alice(6, remote_subnet=["0.0.0.0/0"], peer="192.0.2.8")
    # His is the narrower.
    assert await captured(translator, change(None, wide)) == {}
    found = await captured(translator, *bypass("172.16.0.0/16"))
    assert found[ROUTE].why == (
        "tunnel 5 (from 10.1.0.0/16 to 172.16.5.9/32) would take what goes between 10.1.0.1 and 172.16.5.9 "
        "no longer"
    )
    with_sas(translator, t5="172.16.5.8/32")
    assert (await captured(translator, change(None, wide))).keys() == {ROUTE}
    assert await captured(translator, *bypass("172.16.0.0/16")) == {}
    # Nothing more is known of it than what there is.
    with_sas(translator, t5=f"{CLIENT}/32")
    messages = translator.parts.shared.desired.messages
    (child,) = messages["5"].children.values()
    messages["5"] = replace(messages["5"], children={"ipsec-5": child, "ipsec-5-2": child})
    assert (await captured(translator, *bypass("172.16.0.0/16"))).keys() == {ROUTE}


@pytest.mark.parametrize("peer", [None, "192.0.2.7"])
@pytest.mark.parametrize("is_protected", [True, False])
async def test_a_tunnel_that_is_up_for_somebody_else_only(
    translator: StrongSwanTranslator, peer: str | None, *, is_protected: bool
) -> None:
    members: Json = {} if peer is None else {"peer": peer}
    hub = at_alice(5, remote_subnet=["0.0.0.0/0"], leak_protection=is_protected, **members)
    slower = {**hub, "dpd": {"enabled": True, "delay": 31}}
    in_force(translator, hub, up=True)
    with_sas(translator, t5="172.16.5.8/32")
    for changes in ([change(hub, None)], [change(hub, slower)], bypass("172.16.5.9/32")):
        assert await captured(translator, *changes) == {}
    # What its next peer would come for is not known.
    assert (await captured(translator, change(hub, {**hub, "remote-id": {"name": "new"}}))).keys() == (
        set() if is_protected else {ROUTE}
    )
    # What nobody tells is as configured, as what no prefix says.
    for text in ("172.16.5.8/32[tcp]", "172.16.5.8..172.16.5.20"):
        with_sas(translator, t5=text)
        assert (await captured(translator, change(hub, None))).keys() == {ROUTE}
    with_sas(translator)
    assert (await captured(translator, change(hub, None))).keys() == {ROUTE}


async def test_what_a_child_that_is_down_would_be_for_is_as_configured(
    translator: StrongSwanTranslator,
) -> None:
    hub = at_alice(5, remote_subnet=["0.0.0.0/0"], leak_protection=False)
    in_force(translator, hub, up=True)
    with_sas(translator, t5="172.16.5.8/32")
    assert await captured(translator, change(hub, None)) == {}
    messages = translator.parts.shared.desired.messages
    (child,) = messages["5"].children.values()
    messages["5"] = replace(messages["5"], children={"ipsec-5": child, "ipsec-5-2": child})
    assert (await captured(translator, change(hub, None))).keys() == {ROUTE}


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


async def test_a_tunnel_that_comes_up_by_another_certificate(translator: StrongSwanTranslator) -> None:
    root = Authority()
    own = root.certify(new_key(), "CN=gw")
    named: Json = {"own": "own", "trusted-ca": ["root"]}
    idle = at_alice(secret=None, certificate=named, remote_subnet=["0.0.0.0/0"], leak_protection=False)
    in_force(translator, idle, EVERYTHING | {"id": 2, "leak-protection": False, "peer": "192.0.2.7"})
    for came in (
        of_certificates(CERTIFICATES_PATH, "own", {"name": "own", "pem": own}),
        of_certificates(CERTIFICATES_PATH, "root", {"name": "root", "pem": root.pem}),
        # One between that the peer does not send.
        of_certificates(CERTIFICATES_PATH, "x", {"name": "x", "pem": root.subordinate("CN=x").pem}),
        of_certificates(CRLS_PATH, "crl", None),
        of_certificates(REVOCATION_PATH, "", {"mode": "off"}),
    ):
        found = await captured(translator, came)
        assert found[ROUTE].why.startswith("tunnel 1 ")
    for came in (
        of_certificates(CERTIFICATES_PATH, "x", {"name": "x", "pem": own}),
        of_certificates(CERTIFICATES_PATH, "x", {"name": "x", "pem": "none"}),
        of_certificates(CERTIFICATES_PATH, "x", None),
    ):
        assert await captured(translator, came) == {}
    in_force(translator, idle, up=True)
    assert await captured(translator, of_certificates(CRLS_PATH, "crl", None)) == {}


async def test_without_a_charon_nobody_is_cut_off(tmp_path: Path) -> None:
    assert await captured(make(Settings(tmp_path, "none", {})), change(None, EVERYTHING)) == {}
