"""Which packets must not pass in clear, and which never go into a tunnel."""

from __future__ import annotations

import pytest

from tests.translators.translation.guarded_networks import (
    ALL,
    ALL6,
    AROUND,
    OURS,
    OURS6,
    THEIRS,
    THEIRS6,
    between,
    both,
    drop,
)
from tests.translators.tunnels import Json
from translators.strongswan.translation.guards import (
    NO_GUARD,
    ForAll,
    Guard,
    Guards,
    Match,
    Way,
    Why,
    drops_of,
    is_protected,
    of_tunnel,
    passes_of,
)
from translators.strongswan.translation.overlaps import prefix

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
    taken = frozenset({(prefix(OURS[0]), prefix("0.0.0.0/0"))})
    guard = of_tunnel(between(OURS, None), ForAll())
    assert guard == Guard(taken=taken, unprotected=Why.FAR_SIDE_UNKNOWN)


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [(None, True), ({}, True), ({"leak-protection": True}, True), ({"leak-protection": False}, False)],
)
def test_protection_is_on_where_the_gateway_says_nothing(leaf: Json | None, expected: bool) -> None:
    assert is_protected(leaf) is expected


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
