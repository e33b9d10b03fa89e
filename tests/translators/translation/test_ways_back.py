"""Whose packets a change of tunnels would turn another way: client 10.5.0.9, at 10.8.0.1 of this gateway."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from translators.strongswan.translation.guards import (
    NO_GUARD,
    Connected,
    ForAll,
    Surroundings,
    of_gateway,
    of_tunnel,
)
from translators.strongswan.translation.overlaps import prefix, written
from translators.strongswan.translation.ways_back import Kind, Taker, Turn, Ways, turn

Json = dict[str, Any]
Entries = Mapping[str, Json]

AROUND = Surroundings(frozenset({Connected(prefix("10.8.0.0/24"), prefix("10.8.0.1"))}))
SERVER, CLIENT = "10.8.0.1", "10.5.0.9"
SERVER6, CLIENT6 = "2001:db8:8::1", "2001:db8:5::9"
UP, DOWN = {"1", "2", "3"}, set[str]()


def to(remote: str | None, local: str | None = "10.8.0.0/24", **members: Any) -> Json:
    """Return a tunnel that is enabled, to the peer 192.0.2.1 unless the peer is None."""
    entry: Json = {"enabled": True, "local-address": "192.0.2.9", "peer": "192.0.2.1"}
    entry |= {} if local is None else {"local-subnet": [local]}
    entry |= {} if remote is None else {"remote-subnet": [remote]}
    entry |= {name.replace("_", "-"): value for name, value in members.items()}
    return {name: value for name, value in entry.items() if value is not None}


def ways(entries: Entries, for_all: ForAll, by_route: bool, peers: Collection[str]) -> Ways:
    guards = {tunnel: of_tunnel(entry, for_all, AROUND) for tunnel, entry in entries.items()}
    far = tuple(map(prefix, peers))
    takers = {
        tunnel: taker
        for tunnel, entry in entries.items()
        if (taker := Taker.of(tunnel, entry, guards[tunnel], far)) is not None
    }
    return Ways(takers, [*guards.values(), of_gateway(for_all)], by_route=by_route)


def turned(
    before: Entries,
    after: Entries,
    *,
    up: Collection[str] = (),
    by_route: bool = False,
    for_all: tuple[ForAll, ForAll] = (ForAll(), ForAll()),
    altered: Collection[str] = (),
    ends: tuple[str, str] = (SERVER, CLIENT),
    peers: Collection[str] = (),
    aside: Collection[str] = (),
) -> Turn | None:
    return turn(
        prefix(ends[0]),
        prefix(ends[1]),
        before=ways(before, for_all[0], by_route, peers),
        after=ways(after, for_all[1], by_route, peers),
        is_up=lambda tunnel: tunnel in up,
        altered=altered,
        aside=aside,
    )


def told(found: Turn | None) -> tuple[str, str]:
    """Return which way packets went, and would go: the kind, and the tunnel."""
    assert found is not None
    return tuple(f"{one.kind.value} {one.tunnel}".strip() for one in (found.now, found.then))  # type: ignore[return-value]


EVERYTHING = to("0.0.0.0/0")
MARKED = {"mark-in": "0x5", "mark-out": "0x5"}
ROUTED = {"if-id-in": 5, "if-id-out": 5}
OFF = ForAll(leak_protection=False)


@pytest.mark.parametrize("by_route", [False, True])
@pytest.mark.parametrize(
    "entry",
    [
        EVERYTHING,
        to("10.5.0.0/16"),
        to("10.5.0.9/32", local="10.8.0.1/32"),
        to("10.5.0.0/16", local="0.0.0.0/0"),
        to("10.5.0.0/16", leak_protection=False),
        to("10.5.0.0/16", peer=None),
        # Host to host.
        to(None, local=None, local_address=SERVER, peer=CLIENT),
        to("10.5.0.0/16", initiator=True, dpd={"action": "trap"}),
        to("10.5.0.0/16", bypass={"network": ["10.5.1.0/24"]}),
        # What leaves unmarked is taken, though what comes in would have to be marked.
        to("10.5.0.0/16", esp={"mark-in": "0x5"}),
        to("10.5.0.0/16", esp={"mark-out": "0x0/0xff", "mark-in": "0x0/0xff"}),
    ],
)
def test_a_new_tunnel_that_takes_the_client(entry: Json, by_route: bool) -> None:
    assert told(turned({}, {"1": entry}, by_route=by_route)) == ("clear", "tunnel 1")
    assert turned({"1": entry}, {"1": entry}, by_route=by_route, up=UP) is None
    assert turned({"1": entry}, {"1": {**entry, "description": "branch"}}, by_route=by_route, up=DOWN) is None


@pytest.mark.parametrize(
    "entry",
    [
        to("10.6.0.0/16"),
        to("::/0", local="::/0"),
        # A reply has another address of ours as its source.
        to("0.0.0.0/0", local="10.1.0.0/16"),
        to(None, local=None),
        to("0.0.0.0/0", enabled=False),
        to("10.5.0.0/16", bypass={"network": ["10.5.0.0/24"]}),
        to("0.0.0.0/0", local="0.0.0.0/0", esp=ROUTED),
        to("10.5.0.0/16", esp=MARKED, leak_protection=False),
        to("10.5.0.0/16", esp=ROUTED, leak_protection=False),
        # Marked packets alone are kept from passing in clear.
        to("10.5.0.0/16", esp=MARKED),
        # Whoever comes is not known.
        to(None, peer=None),
    ],
)
def test_a_new_tunnel_that_leaves_him_alone(entry: Json) -> None:
    assert turned({}, {"1": entry}) is None
    assert turned({"1": entry}, {}, up=UP) is None


def test_a_connected_network_is_no_part_of_everywhere_else() -> None:
    next_door = (SERVER, "10.8.0.7")
    assert turned({}, {"1": EVERYTHING}, ends=next_door) is None
    without = {**EVERYTHING, "bypass": {"connected-networks": False}}
    assert told(turned({}, {"1": without}, ends=next_door)) == ("clear", "tunnel 1")
    assert told(turned({"1": EVERYTHING}, {"1": without}, ends=next_door)) == ("clear", "tunnel 1")


def test_where_charon_encrypts_a_route_draws_packets_in_whatever_their_source() -> None:
    other = to("0.0.0.0/0", local="10.1.0.0/16", bypass={"network": ["10.6.0.0/16"]})
    assert told(turned({}, {"1": other}, by_route=True)) == ("clear", "astray 1")
    spared = ForAll(bypass=(prefix("10.5.0.0/16"),))
    assert turned({}, {"1": other}, by_route=True, for_all=(spared, spared)) is None
    # There are no marks and no interfaces.
    for esp in (MARKED, ROUTED):
        assert told(turned({}, {"1": to("10.5.0.0/16", esp=esp)}, by_route=True)) == ("clear", "tunnel 1")
    # Who gets no answer now is not cut off by anything.
    assert turned({"1": other}, {}, by_route=True, up=UP) is None


@pytest.mark.parametrize("aside", [{"1", "2"}, set[str]()])
@pytest.mark.parametrize("by_route", [False, True])
@pytest.mark.parametrize(
    ("entry", "ends"),
    [
        (to("0.0.0.0/0", local="10.1.0.0/16"), (SERVER, "10.8.0.7")),
        (to("0.0.0.0/0", local="10.1.0.0/16"), ("192.0.2.9", "10.8.0.7")),
        (to("10.0.0.0/8", local="10.1.0.0/16", bypass={"connected-networks": True}), (SERVER, "10.8.0.7")),
        (to("0.0.0.0/0", local="10.1.0.0/16", bypass={"network": ["10.5.0.0/16"]}), (SERVER, CLIENT)),
    ],
)
def test_to_what_a_tunnel_bypasses_no_route_draws_in_what_no_tunnel_takes(
    entry: Json, ends: tuple[str, str], by_route: bool, aside: set[str]
) -> None:
    given: dict[str, Any] = {"by_route": by_route, "aside": aside, "ends": ends}
    assert turned({}, {"1": entry}, **given) is None
    assert turned({"1": entry}, {}, up=UP, **given) is None
    # Another one that takes it does so still.
    taker = to("10.0.0.0/8", local=f"{ends[0]}/32", peer="192.0.2.2", leak_protection=False)
    taking = {"2": taker}
    assert told(turned({"1": entry}, {"1": entry, **taking}, up=UP, **given)) == ("clear", "tunnel 2")
    assert turned(taking, {"1": entry, **taking}, up=UP, **given) is None


def test_the_route_of_one_draws_in_what_another_takes_once_it_is_up() -> None:
    spared = to("0.0.0.0/0", local="10.1.0.0/16")
    idle = to("10.8.0.0/16", local="10.8.0.1/32", peer="192.0.2.2", leak_protection=False)
    found = turned({"2": idle}, {"1": spared, "2": idle}, by_route=True, ends=(SERVER, "10.8.0.7"))
    assert told(found) == ("clear", "astray 1")


def test_the_kernels_policies_come_with_a_route_to_the_peer() -> None:
    other = to("0.0.0.0/0", local="10.1.0.0/16")
    assert told(turned({}, {"1": other}, aside={"1"})) == ("clear", "astray 1")
    # The client is where the peer is.
    assert turned({}, {"1": other}) is None
    # Some have a route of their own, or none is made.
    for spared in (
        {**other, "bypass": {"network": ["10.5.0.0/16"]}},
        to("0.0.0.0/0", local="10.1.0.0/16", esp=ROUTED, leak_protection=False),
        to("10.6.0.0/16", local="10.1.0.0/16"),
    ):
        assert turned({}, {"1": spared}, aside={"1"}) is None
    for_all = ForAll(bypass=(prefix("10.5.0.0/16"),))
    assert turned({}, {"1": other}, aside={"1"}, for_all=(for_all, for_all)) is None
    # A network that is bypassed, though the route to a part of it is the narrower one.
    narrow = to("10.5.0.0/24", local="10.1.0.0/16", bypass={"network": ["10.5.0.0/16"]})
    assert turned({}, {"1": narrow}, aside={"1"}) is None
    assert turned({}, {"1": other}, aside={"1"}, ends=(SERVER, "10.8.0.7")) is None
    # Marks keep packets out of the tunnel, and none from the route.
    marked = to("10.5.0.0/16", esp=MARKED, leak_protection=False)
    assert told(turned({}, {"1": marked}, aside={"1"})) == ("clear", "astray 1")
    # The narrower route is that of another, which leads to the client.
    near = {"2": to("10.5.0.0/16", local="10.1.0.0/16", peer="192.0.2.2")}
    assert turned(near, {"1": other, **near}, aside={"1"}, up={"2"}) is None


def test_ipv6() -> None:
    entry = to("2001:db8::/32", local="2001:db8:8::/64")
    assert told(turned({}, {"1": entry}, ends=(SERVER6, CLIENT6))) == ("clear", "tunnel 1")
    assert turned({}, {"1": EVERYTHING}, ends=(SERVER6, CLIENT6)) is None


@pytest.mark.parametrize("by_route", [False, True])
@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # He comes through it, and would not any more.
        ({"1": EVERYTHING}, {}, ("tunnel 1", "clear")),
        ({"1": EVERYTHING}, {"1": {**EVERYTHING, "enabled": False}}, ("tunnel 1", "clear")),
        ({"1": EVERYTHING}, {"1": to("10.6.0.0/16")}, ("tunnel 1", "clear")),
        ({"1": EVERYTHING}, {"1": {**EVERYTHING, "bypass": {"network": ["10.5.0.0/16"]}}},
         ("tunnel 1", "clear")),
        # Another end.
        ({"1": EVERYTHING}, {"1": {**EVERYTHING, "peer": "192.0.2.2"}}, ("tunnel 1", "tunnel 1")),
        ({"1": EVERYTHING}, {"1": EVERYTHING, "2": to("10.5.0.0/16", peer="192.0.2.2")},
         ("tunnel 1", "tunnel 2")),
        ({"1": to("10.5.0.0/16"), "2": to("10.0.0.0/8", peer="192.0.2.2")},
         {"2": to("10.0.0.0/8", peer="192.0.2.2")}, ("tunnel 1", "tunnel 2")),
    ],
)  # fmt: skip
def test_who_comes_through_a_tunnel_stays_in_one_to_the_same_peer(
    before: Entries, after: Entries, expected: tuple[str, str], by_route: bool
) -> None:
    assert told(turned(before, after, up=UP, by_route=by_route)) == expected


def test_a_local_subnet_that_becomes_another() -> None:
    before, after = {"1": EVERYTHING}, {"1": to("0.0.0.0/0", local="10.9.0.0/16")}
    assert told(turned(before, after, up=UP)) == ("tunnel 1", "clear")
    assert told(turned(before, after, up=UP, by_route=True)) == ("tunnel 1", "astray 1")
    assert told(turned(after, before, up=UP)) == ("clear", "tunnel 1")


@pytest.mark.parametrize("by_route", [False, True])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        # The same end, under another name and by other subnets.
        ({"1": EVERYTHING}, {"2": to("10.5.0.0/16")}),
        ({"1": EVERYTHING}, {"1": EVERYTHING, "2": to("10.5.0.0/16")}),
        ({"1": EVERYTHING}, {"1": to("0.0.0.0/0", secret="another", initiator=True)}),
        ({"1": to("10.5.0.0/16", peer=None)}, {"1": to("10.0.0.0/8", peer=None)}),
        ({"1": EVERYTHING}, {"1": EVERYTHING, "2": to("10.0.0.0/8", local="10.0.0.0/8", peer="192.0.2.2",
                                                      enabled=False)}),
        # A wider one has nothing of his.
        ({"1": to("10.5.0.0/16")}, {"1": to("10.5.0.0/16"), "2": to("0.0.0.0/0", peer="192.0.2.2")}),
        ({"1": to("10.5.0.0/16"), "2": to("0.0.0.0/0", peer="192.0.2.2")}, {"1": to("10.5.0.0/16")}),
    ],
)  # fmt: skip
def test_who_stays_in_a_tunnel_to_the_same_peer_is_not_cut_off(
    before: Entries, after: Entries, by_route: bool
) -> None:
    assert turned(before, after, up=UP, by_route=by_route) is None


def test_what_is_for_all_tunnels() -> None:
    tunnel = {"1": to("0.0.0.0/0", leak_protection=None)}
    # It was down, and he in clear.
    assert told(turned(tunnel, tunnel, for_all=(OFF, ForAll()))) == ("clear", "dropped 1")
    assert turned(tunnel, tunnel, for_all=(OFF, ForAll()), up=UP) is None
    assert turned(tunnel, tunnel, for_all=(ForAll(), OFF), up=UP) is None
    spared = ForAll(bypass=(prefix("10.5.0.0/24"),))
    assert turned({}, tunnel, for_all=(spared, spared)) is None
    assert told(turned(tunnel, tunnel, for_all=(spared, ForAll()))) == ("clear", "tunnel 1")
    assert told(turned(tunnel, tunnel, for_all=(ForAll(), spared), up=UP)) == ("tunnel 1", "clear")


def test_leak_protection_of_what_its_interface_alone_would_take() -> None:
    entry = to("10.5.0.0/16", esp=ROUTED)
    assert told(turned({}, {"1": entry})) == ("clear", "dropped 1")


def test_a_mark_on_the_way_out_alone_keeps_nothing_from_being_refused_on_the_way_in() -> None:
    entry = to("10.5.0.0/16", esp={"mark-out": "0x5"})
    found = turned({}, {"1": entry})
    assert told(found) == ("clear", "tunnel 1")


def test_a_tunnel_that_is_down_and_stays_so_is_not_the_changes_doing() -> None:
    idle = to("10.5.0.0/16", leak_protection=False, peer="192.0.2.2")
    # He comes in clear, and would go on so.
    assert turned({"1": idle}, {}) is None
    assert turned({"1": idle}, {"1": {**idle, "description": "branch"}}) is None
    assert turned({"1": idle, "2": EVERYTHING}, {"1": idle, "2": EVERYTHING}, up={"2"}) is None
    wide = to("0.0.0.0/0", leak_protection=False)
    assert turned({"1": idle, "2": wide}, {"2": wide}) is None
    # It is the only thing left that would take him.
    assert told(turned({"1": idle, "2": wide}, {"1": idle}, up={"2"})) == ("tunnel 2", "clear")
    # It comes up by what is changed.
    repaired = {"1": {**idle, "secret": "right"}}
    assert told(turned({"1": idle}, repaired, altered={"1"})) == ("clear", "tunnel 1")
    # What kept it from him goes.
    spared = {"1": {**idle, "bypass": {"network": ["10.5.0.0/16"]}}}
    assert told(turned(spared, {"1": idle})) == ("clear", "tunnel 1")


def test_a_protected_tunnel_that_flaps_still_carries_him() -> None:
    assert turned({"1": EVERYTHING}, {"1": {**EVERYTHING, "description": "branch"}}, up=DOWN) is None
    assert told(turned({"1": EVERYTHING}, {}, up=DOWN)) == ("tunnel 1", "clear")


def test_a_far_side_that_is_left_open_is_what_its_sas_say() -> None:
    anybody = {"1": to(None, peer=None)}
    assert told(turned(anybody, {}, up=UP, peers=["10.5.0.9/32"])) == ("tunnel 1", "clear")
    assert turned(anybody, {"1": {**anybody["1"], "description": "x"}}, up=UP, peers=["10.5.0.9/32"]) is None
    assert turned(anybody, {}, up=UP, peers=["10.7.0.9/32"]) is None


def test_the_narrowest_is_named_with_its_subnets() -> None:
    found = turned({}, {"1": EVERYTHING, "2": to("10.5.0.0/20"), "3": to("10.5.0.0/16", local="10.8.0.1/32")})
    assert found is not None
    assert found.then.kind is Kind.TUNNEL
    assert found.then.pair is not None
    assert (found.then.tunnel, *map(written, found.then.pair)) == ("3", "10.8.0.1/32", "10.5.0.0/16")


@pytest.mark.parametrize(
    ("entry", "concerns"),
    [
        (EVERYTHING, True),
        (to("10.5.0.0/16", local="10.1.0.0/16"), True),
        (to("10.6.0.0/16"), False),
        (to("10.6.0.0/16", bypass={"network": ["10.5.0.0/16"]}), True),
        (to("10.6.0.0/16", bypass={"connected-networks": True}), False),
        (to("10.0.0.0/8", local="10.5.0.0/16"), True),
    ],
)
def test_whom_a_tunnel_concerns(entry: Json, concerns: bool) -> None:
    taker = Taker.of("1", entry, of_tunnel(entry, ForAll(), AROUND))
    assert taker is not None
    assert taker.concerns(prefix(SERVER), prefix(CLIENT)) is concerns
    assert Taker.of("1", None, NO_GUARD) is None
