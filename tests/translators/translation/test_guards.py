"""Which packets must not pass in clear, and which never go into a tunnel."""

from __future__ import annotations

from typing import Any

import pytest

from tests.translators.tunnels import Json, tunnel
from translators.strongswan.translation.guards import (
    NO_GUARD,
    Connected,
    ForAll,
    Guard,
    Guards,
    Match,
    Surroundings,
    Way,
    Why,
    drops_of,
    is_protected,
    of_gateway,
    of_tunnel,
    passes_of,
    past,
    with_bypass,
)
from translators.strongswan.translation.overlaps import Pair, prefix

OURS, THEIRS = ["10.1.0.0/16"], ["10.2.0.0/16"]
OURS6, THEIRS6 = ["2001:db8:1::/48"], ["2001:db8:2::/48"]
ALL, ALL6 = ["0.0.0.0/0"], ["::/0"]


def between(local: list[str] | None, remote: list[str] | None, **members: Any) -> Json:
    return tunnel(local_subnet=local, remote_subnet=remote, **members)


def drop(way: Way, source: str, destination: str, *, mark: int = 0, mask: int = 0) -> Match:
    return Match(way, prefix(source), prefix(destination), mark=mark, mask=mask)


def both(local: str, remote: str) -> set[Match]:
    return {drop(Way.OUT, local, remote), drop(Way.IN, remote, local)}


def pairs(*written: tuple[str, str]) -> frozenset[Pair]:
    return frozenset((prefix(local), prefix(network)) for local, network in written)


def at(address: str, network: str) -> Connected:
    return Connected(prefix(network), prefix(address))


LAN, OUTSIDE = at("10.1.0.1", "10.1.0.0/16"), at("192.168.0.1", "192.168.0.0/24")
OUTSIDE6 = at("2001:db8:1::1", "2001:db8:1::/64")
AROUND = Surroundings(frozenset({LAN, OUTSIDE, OUTSIDE6}))


# --- what is dropped ---


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (between(OURS, THEIRS), both("10.1.0.0/16", "10.2.0.0/16")),
        (
            between([*OURS, "10.3.0.0/16"], THEIRS),
            both("10.1.0.0/16", "10.2.0.0/16") | both("10.3.0.0/16", "10.2.0.0/16"),
        ),
        # A pair is of one family.
        (
            between([*OURS, *OURS6], [*THEIRS6, *THEIRS]),
            both("10.1.0.0/16", "10.2.0.0/16") | both("2001:db8:1::/48", "2001:db8:2::/48"),
        ),
        # Hosts stand for subnets that are absent.
        (between(None, None, peer="192.168.0.2"), both("192.168.0.1/32", "192.168.0.2/32")),
        (between(OURS, None, peer="192.168.0.2"), both("10.1.0.0/16", "192.168.0.2/32")),
        (between(None, THEIRS), both("192.168.0.1/32", "10.2.0.0/16")),
        (
            between(None, None, local_address="2001:db8::1", peer="2001:db8::2"),
            both("2001:db8::1/128", "2001:db8::2/128"),
        ),
        (between(ALL, ALL), both("0.0.0.0/0", "0.0.0.0/0")),
        # Bits behind a prefix do not count.
        (between(["10.1.2.3/16"], ["10.2.0.1/16"]), both("10.1.0.0/16", "10.2.0.0/16")),
        (between(["2001:db8:1::7/48"], THEIRS6), both("2001:db8:1::/48", "2001:db8:2::/48")),
        (between(OURS, THEIRS, enabled=False), set()),
        (None, set()),
    ],
)
def test_packets_between_the_subnets_are_dropped_in_both_directions(
    entry: Json | None, expected: set[Match]
) -> None:
    guard = of_tunnel(entry, ForAll())
    assert guard.drops == expected
    assert guard.unprotected is None


@pytest.mark.parametrize(
    ("written", "mark", "mask"),
    [
        ("0x2a", 0x2A, 0xFFFFFFFF),
        ("0x2a/0xff", 0x2A, 0xFF),
        ("0x12a/0xff", 0x2A, 0xFF),
        ("0x0", 0, 0xFFFFFFFF),
        # No bit counts: as if there were no mark.
        ("0x2a/0x0", 0, 0),
    ],
)
def test_with_a_mark_only_packets_that_have_it_belong_to_the_tunnel(
    written: str, mark: int, mask: int
) -> None:
    out = of_tunnel(between(OURS, THEIRS, esp={"mark-out": written}), ForAll())
    assert out.drops == {
        drop(Way.OUT, *OURS, *THEIRS, mark=mark, mask=mask),
        drop(Way.IN, *THEIRS, *OURS),
    }
    back = of_tunnel(between(OURS, THEIRS, esp={"mark-in": written}), ForAll())
    assert back.drops == {
        drop(Way.OUT, *OURS, *THEIRS),
        drop(Way.IN, *THEIRS, *OURS, mark=mark, mask=mask),
    }


INTERFACE = {"if-id-in": 7, "if-id-out": 7}


@pytest.mark.parametrize(
    ("local", "remote", "expected", "why"),
    [
        (OURS, THEIRS, both(*OURS, *THEIRS), None),
        (OURS, ALL, both(*OURS, *ALL), None),
        (ALL, THEIRS, both(*ALL, *THEIRS), None),
        # What is routed into the interface is all that belongs to it.
        (ALL, ALL, set(), Why.INTERFACE),
        ([*ALL, *ALL6], [*ALL, *ALL6], set(), Why.INTERFACE),
        ([*ALL, *OURS6], [*ALL, *THEIRS6], both(*OURS6, *THEIRS6), Why.INTERFACE),
    ],
)
def test_behind_an_xfrm_interface_all_traffic_is_not_told_apart(
    local: list[str], remote: list[str], expected: set[Match], why: Why | None
) -> None:
    guard = of_tunnel(between(local, remote, esp=INTERFACE), ForAll(), AROUND)
    assert guard.drops == expected
    assert guard.unprotected is why


def test_routes_say_what_does_not_go_into_an_interface_that_takes_all() -> None:
    taking = between(ALL, ALL, esp=INTERFACE)
    assert of_tunnel(taking, ForAll(), AROUND).bypass == frozenset()
    refusing = between(ALL, ALL, esp=INTERFACE, bypass={"connected-networks": False})
    assert of_tunnel(refusing, ForAll(), AROUND).covered == ()


@pytest.mark.parametrize(
    ("of_all", "own", "why"),
    [
        (True, None, None),
        (True, True, None),
        (False, True, None),
        (False, None, Why.SWITCHED_OFF),
        (True, False, Why.SWITCHED_OFF),
        (False, False, Why.SWITCHED_OFF),
    ],
)
def test_protection_is_switched_off_for_the_tunnel_or_for_all_that_say_nothing(
    of_all: bool, own: bool | None, why: Why | None
) -> None:
    guard = of_tunnel(between(OURS, THEIRS, leak_protection=own), ForAll(leak_protection=of_all))
    assert guard.unprotected is why
    assert bool(guard.drops) is (why is None)


def test_a_far_side_that_is_not_known_cannot_be_protected() -> None:
    assert of_tunnel(between(OURS, None), ForAll()) == Guard(unprotected=Why.FAR_SIDE_UNKNOWN)


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [(None, True), ({}, True), ({"leak-protection": True}, True), ({"leak-protection": False}, False)],
)
def test_protection_is_on_where_the_gateway_says_nothing(leaf: Json | None, expected: bool) -> None:
    assert is_protected(leaf) is expected


# --- bypass ---


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (between(OURS, THEIRS), pairs()),
        (
            between(OURS, THEIRS, bypass={"network": ["10.2.7.0/24"]}),
            pairs(("10.1.0.0/16", "10.2.7.0/24")),
        ),
        (
            between([*OURS, *OURS6], THEIRS + THEIRS6, bypass={"network": ["10.2.7.9/24", "2001:db8::/64"]}),
            pairs(("10.1.0.0/16", "10.2.7.0/24"), ("2001:db8:1::/48", "2001:db8::/64")),
        ),
        # Connected networks are no part of everywhere else,
        (between(OURS, ALL), pairs(("10.1.0.0/16", "10.1.0.0/16"), ("10.1.0.0/16", "192.168.0.0/24"))),
        (between(OURS6, ALL6), pairs(("2001:db8:1::/48", "2001:db8:1::/64"))),
        (between([*OURS, *OURS6], [*THEIRS, *ALL6]), pairs(("2001:db8:1::/48", "2001:db8:1::/64"))),
        # unless somebody says so,
        (between(OURS, ALL, bypass={"connected-networks": False}), pairs()),
        (
            between(OURS, ALL, bypass={"connected-networks": False, "network": ["192.168.0.0/24"]}),
            pairs(("10.1.0.0/16", "192.168.0.0/24")),
        ),
        # and part of other far sides, unless somebody says they are not.
        (between(OURS, ["0.0.0.0/1"]), pairs()),
        (
            between([*OURS, *OURS6], [*THEIRS, *THEIRS6], bypass={"connected-networks": True}),
            pairs(
                ("10.1.0.0/16", "10.1.0.0/16"),
                ("10.1.0.0/16", "192.168.0.0/24"),
                ("2001:db8:1::/48", "2001:db8:1::/64"),
            ),
        ),
        # A kernel would take them into the tunnel, protected from leaks or not.
        (
            between(OURS, ALL, leak_protection=False),
            pairs(("10.1.0.0/16", "10.1.0.0/16"), ("10.1.0.0/16", "192.168.0.0/24")),
        ),
        (between(OURS, ALL, enabled=False), pairs()),
    ],
)
def test_networks_that_do_not_go_into_the_tunnel(entry: Json, expected: frozenset[Pair]) -> None:
    assert of_tunnel(entry, ForAll(), AROUND).bypass == expected


def test_what_is_bypassed_passes_in_both_directions() -> None:
    guard = of_tunnel(between(OURS, THEIRS, bypass={"network": ["10.2.7.0/24"]}), ForAll())
    assert guard.passes == both("10.1.0.0/16", "10.2.7.0/24")


    assert past([guard]) == pairs(("10.1.0.0/16", "10.2.7.0/24"), ("10.2.7.0/24", "10.1.0.0/16"))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        # What comes out of a tunnel to everywhere is not for everywhere,
        (between(OURS, ALL), pairs(("0.0.0.0/0", "10.1.0.0/16"))),
        (between([*OURS, *OURS6], [*ALL6, *ALL]), pairs(("0.0.0.0/0", "10.1.0.0/16"), ("::/0", OURS6[0]))),
        (between(OURS, ["10.0.0.0/8"]), pairs(("10.0.0.0/8", "10.1.0.0/16"))),
        # and whoever is behind the other end has no near side within the far one.
        (between(OURS, THEIRS), pairs()),
        (between(["10.0.0.0/8"], THEIRS), pairs()),
        (between(ALL, OURS), pairs()),
        (between(OURS, OURS), pairs()),
        (between(ALL, ALL), pairs()),
        (between(OURS, ALL, enabled=False), pairs()),
    ],
)
def test_what_is_for_the_near_side_does_not_go_into_the_tunnel_again(
    entry: Json, expected: frozenset[Pair]
) -> None:
    guard = of_tunnel(entry, ForAll())
    assert guard.home == expected
    assert past([guard]) == expected


@pytest.mark.parametrize(
    ("branch", "is_home"),
    [
        ("10.1.5.0/24", False),
        ("10.1.0.0/24", False),
        ("10.1.255.255/32", False),
        ("10.1.0.0/16", False),
        ("10.0.0.0/15", True),
        ("10.2.0.0/16", True),
        ("2001:db8::/32", True),
    ],
)
def test_a_near_side_into_which_another_tunnel_reaches_is_left_to_its_routes(
    branch: str, is_home: bool
) -> None:
    whole = of_tunnel(between(OURS, ALL), ForAll())
    local = ALL6 if ":" in branch else ["172.16.0.0/12"]
    other = of_tunnel(between(local, [branch]), ForAll())
    assert past([whole, other]) == (whole.home if is_home else set())
    assert past([other, whole]) == past([whole, other])


def test_a_tunnel_that_comes_and_goes_changes_what_is_left_to_routes() -> None:
    guards = Guards()
    branch = {"2": of_tunnel(between(["172.16.0.0/12"], ["10.1.5.0/24"]), ForAll())}
    assert not guards.has_other_past(branch)
    guards.put({"1": of_tunnel(between(OURS, ALL), ForAll())})
    assert guards.has_other_past(branch)
    guards.put(branch)
    assert not guards.has_other_past(branch)
    assert guards.has_other_past({"2": NO_GUARD})
    assert guards.has_other_past({"1": NO_GUARD})
    guards.put({"1": NO_GUARD})
    assert not guards.has_other_past({"2": NO_GUARD})


def test_a_network_of_the_gateway_goes_into_no_tunnel() -> None:
    for_all = ForAll(bypass=(prefix("192.0.2.0/24"), prefix("2001:db8:ff::/64")))
    guard = of_gateway(for_all)
    assert guard.bypass == pairs(("0.0.0.0/0", "192.0.2.0/24"), ("::/0", "2001:db8:ff::/64"))
    assert guard.drops == frozenset()
    assert of_gateway(ForAll()) == NO_GUARD


def test_networks_of_the_gateway_come_and_go() -> None:
    one, other = prefix("192.0.2.0/24"), prefix("2001:db8:ff::/64")
    for_all = with_bypass(ForAll(leak_protection=False), {"2001:db8:ff::/64": True, "192.0.2.0/24": True})
    assert for_all == ForAll(leak_protection=False, bypass=(one, other))
    assert with_bypass(for_all, {}) == for_all
    assert with_bypass(for_all, {"192.0.2.0/24": True}) == for_all
    assert with_bypass(for_all, {"192.0.2.0/24": False, "10.0.0.0/8": False}).bypass == (other,)


@pytest.mark.parametrize(
    ("for_all", "words"),
    [
        (ForAll(), "leak protection on, bypass of no network"),
        (
            ForAll(leak_protection=False, bypass=(prefix("192.0.2.0/24"), prefix("::/0"))),
            "leak protection off, bypass of 192.0.2.0/24, ::/0",
        ),
    ],
)
def test_what_is_for_all_is_said_in_words(for_all: ForAll, words: str) -> None:
    assert str(for_all) == words


# --- covered networks ---


@pytest.mark.parametrize(
    ("entry", "for_all", "expected"),
    [
        # The gateway's own address there and all of the network lie in one pair.
        (between(OURS, ALL, bypass={"connected-networks": False}), ForAll(), [LAN]),
        (between(ALL, ALL, bypass={"connected-networks": False}), ForAll(), [LAN, OUTSIDE]),
        (between(None, ["192.168.0.0/16"]), ForAll(), [OUTSIDE]),
        (between(None, ["192.168.0.0/24"], leak_protection=False), ForAll(), [OUTSIDE]),
        (between(OURS6, ["2001:db8::/32"]), ForAll(), [OUTSIDE6]),
        # A part of the network alone, or from other addresses alone.
        (between(None, ["192.168.0.128/25"]), ForAll(), []),
        (between(OURS, ["192.168.0.0/24"]), ForAll(), []),
        (between(OURS, ALL), ForAll(), []),
        (between(None, ["192.168.0.0/16"], enabled=False), ForAll(), []),
        # A bypass, of the network or of one around it.
        (between(None, ["192.168.0.0/16"], bypass={"network": ["192.168.0.0/24"]}), ForAll(), []),
        (between(None, ["192.168.0.0/16"], bypass={"network": ["192.168.0.0/20"]}), ForAll(), []),
        (between(None, ["192.168.0.0/16"], bypass={"network": ["192.168.0.0/25"]}), ForAll(), [OUTSIDE]),
        (between(None, ["192.168.0.0/16"]), ForAll(bypass=(prefix("192.168.0.0/16"),)), []),
    ],
)
def test_networks_that_reach_the_gateway_through_the_tunnel_only_are_told(
    entry: Json, for_all: ForAll, expected: list[Connected]
) -> None:
    assert of_tunnel(entry, for_all, AROUND).covered == tuple(one.network for one in expected)


def test_a_network_with_two_addresses_of_ours_is_told_once() -> None:
    around = Surroundings(frozenset({OUTSIDE, at("192.168.0.7", "192.168.0.0/24")}))
    entry = between(["192.168.0.0/24"], ["192.168.0.0/16"])
    assert of_tunnel(entry, ForAll(), around).covered == (OUTSIDE.network,)


@pytest.mark.parametrize(
    ("entry", "for_all", "expected"),
    [
        (between(None, ["203.0.113.0/24"]), ForAll(), ["203.0.113.5/32"]),
        (between(None, ALL), ForAll(), ["203.0.113.5/32"]),
        (between(OURS6, ["2001:db8::/32"]), ForAll(), ["2001:db8:1::/64", "2001:db8:9::5/128"]),
        # Not to an address of this gateway.
        (between(["10.3.0.0/16"], ["203.0.113.0/24"]), ForAll(), []),
        (between(None, ["203.0.113.0/25"], bypass={"network": ["203.0.113.0/24"]}), ForAll(), []),
        (between(None, ["203.0.113.0/24"]), ForAll(bypass=(prefix("203.0.113.5/32"),)), []),
        (between(None, ["203.0.113.0/24"], enabled=False), ForAll(), []),
    ],
)
def test_a_client_of_this_server_whom_the_tunnel_takes_is_told(
    entry: Json, for_all: ForAll, expected: list[str]
) -> None:
    clients = frozenset({prefix("203.0.113.5"), prefix("2001:db8:9::5")})
    around = Surroundings(AROUND.connected, clients)
    assert of_tunnel(entry, for_all, around).covered == tuple(map(prefix, expected))


# --- all of them ---


def test_only_owners_whose_guard_becomes_another_are_named() -> None:
    guards = Guards()
    one, two = between(OURS, THEIRS), between(OURS, ALL)
    changed = guards.wanted({"1": one, "2": two, "3": between(OURS, THEIRS, enabled=False)})
    assert changed.keys() == {"1", "2"}
    guards.put(changed)
    assert guards.wanted({"1": one, "2": two}) == {}
    # A change that is none for packets.
    assert guards.wanted({"1": {**one, "description": "branch"}}) == {}
    assert guards.wanted({"1": None}) == {"1": NO_GUARD}
    assert guards.wanted({"1": one}, ForAll(bypass=(prefix("192.0.2.0/24"),))).keys() == {""}
    assert guards.wanted({"1": one}, ForAll(leak_protection=False))["1"].unprotected is Why.SWITCHED_OFF
    guards.around = AROUND
    assert guards.wanted({"1": one, "2": two}).keys() == {"2"}


def test_a_guard_that_asks_for_nothing_is_not_kept() -> None:
    guards = Guards()
    guards.put(guards.wanted({"1": between(OURS, THEIRS)}))
    assert guards.of("1").drops
    guards.put({"1": NO_GUARD, "2": NO_GUARD})
    assert guards.held == {}
    assert guards.of("1") == NO_GUARD


def test_what_several_ask_for_is_counted() -> None:
    one = of_tunnel(between(OURS, THEIRS, bypass={"network": ["10.2.7.0/24"]}), ForAll())
    two = of_tunnel(between([*OURS, "10.3.0.0/16"], THEIRS), ForAll())
    assert drops_of([one, two]) == dict.fromkeys(both(*OURS, *THEIRS), 2) | dict.fromkeys(
        both("10.3.0.0/16", *THEIRS), 1
    )
    assert passes_of([one, two]) == dict.fromkeys(both(*OURS, "10.2.7.0/24"), 1)
    assert passes_of([one, one]) == dict.fromkeys(both(*OURS, "10.2.7.0/24"), 2)
