"""Networks that do not go into a tunnel: what is bypassed, and those of the gateway."""

from __future__ import annotations

import pytest

from tests.translators.translation.guarded_networks import (
    ALL,
    ALL6,
    AROUND,
    LAN,
    OURS,
    OURS6,
    OUTSIDE,
    OUTSIDE6,
    THEIRS,
    THEIRS6,
    at,
    between,
    both,
    pairs,
)
from tests.translators.tunnels import Json
from translators.strongswan.translation.guards import (
    NO_GUARD,
    Connected,
    ForAll,
    Guards,
    Surroundings,
    Untaken,
    of_gateway,
    of_tunnel,
    past,
    untaken,
    with_bypass,
)
from translators.strongswan.translation.overlaps import Pair, prefix

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


@pytest.mark.parametrize(
    ("others", "taken"),
    [
        ([], pairs()),
        # Another tunnel that takes the network, some of it or more than it,
        ([between(["172.16.0.0/12"], ["10.5.0.0/16"])], pairs(("172.16.0.0/12", "10.5.0.0/16"))),
        ([between(["172.16.0.0/12"], ["10.5.7.0/24"])], pairs(("172.16.0.0/12", "10.5.7.0/24"))),
        ([between(["172.16.0.0/12"], ["10.4.0.0/15"])], pairs(("172.16.0.0/12", "10.4.0.0/15"))),
        ([between(["172.16.0.0/12"], ["0.0.0.0/1"])], pairs(("172.16.0.0/12", "0.0.0.0/1"))),
        # protected or not, by mark or interface: where charon encrypts there are none,
        (
            [between(["172.16.0.0/12"], ["10.5.0.0/16"], leak_protection=False, esp={"mark-out": "0x5"})],
            pairs(("172.16.0.0/12", "10.5.0.0/16")),
        ),
        ([between(ALL, ALL, esp={"if-id-out": 5, "if-id-in": 5})], pairs(("0.0.0.0/0", "0.0.0.0/0"))),
        # or whoever comes: one of them may be there.
        ([between(["172.16.0.0/12"], None, peer=None)], pairs(("172.16.0.0/12", "0.0.0.0/0"))),
        # Not those to other networks, of the other family, or that are not enabled.
        ([between(["172.16.0.0/12"], ["10.6.0.0/16"])], pairs()),
        ([between(OURS6, THEIRS6)], pairs()),
        ([between(["172.16.0.0/12"], ["10.5.0.0/16"], enabled=False)], pairs()),
    ],
)
def test_what_no_tunnel_takes_goes_past_the_routes_to_what_one_bypasses(
    others: list[Json], taken: frozenset[Pair]
) -> None:
    own = between(OURS, ["10.4.0.0/14"], bypass={"network": ["10.5.0.0/16"]})
    guards = [of_tunnel(entry, ForAll()) for entry in (own, *others)]
    found = untaken(guards)
    own_pair = pairs((OURS[0], "10.4.0.0/14"))
    assert found == Untaken(frozenset({prefix("10.5.0.0/16")}), taken=taken | own_pair)
    assert found == untaken(guards[::-1])
    # Whatever a change of theirs changes is seen.
    held = Guards()
    held.put({"1": guards[0]})
    coming = dict(zip("23", guards[1:], strict=False))
    assert held.has_other_past(coming) is bool(taken)
    held.put(coming)
    assert not held.has_other_past(coming)
    assert held.has_other_past(dict.fromkeys(coming, NO_GUARD)) is bool(taken)
    held.put({"1": NO_GUARD})
    assert not held.has_other_past(dict.fromkeys(coming, NO_GUARD))


def test_what_is_bypassed_for_every_source_leaves_nothing_to_ask_for() -> None:
    of_all = of_gateway(ForAll(bypass=(prefix("10.5.0.0/16"),)))
    assert untaken([of_all, of_tunnel(between(OURS, ALL), ForAll())]) == Untaken()
    assert untaken([of_tunnel(between(ALL, ALL), ForAll(), AROUND)]) == Untaken()


@pytest.mark.parametrize(
    ("near", "far", "expected"),
    [
        ("10.9.0.1", "192.168.0.7", True),
        ("192.168.0.1", "192.168.0.7", True),
        ("10.9.0.1", "192.168.1.7", False),
        ("10.1.0.1", "192.168.0.7", False),
    ],
)
def test_whether_a_packet_is_taken_by_no_tunnel(near: str, far: str, expected: bool) -> None:
    found = untaken([of_tunnel(between(OURS, ALL), ForAll(), Surroundings(frozenset({OUTSIDE})))])
    assert found.has(prefix(near), prefix(far)) is expected


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
