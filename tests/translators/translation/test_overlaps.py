"""Tunnels that want the same traffic: which are refused, which are shown, and that all are found."""

from __future__ import annotations

from ipaddress import ip_network
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.translator import Settings
from tests.lab import change
from tests.translators.translation.test_desired import desired
from tests.translators.translation.test_proposals import EVERYTHING
from tests.translators.tunnels import Json, tunnel
from translators.strongswan.assembly import make
from translators.strongswan.translation.around import Around
from translators.strongswan.translation.connections import messages
from translators.strongswan.translation.overlaps import (
    SHOWN_MAX,
    Overlaps,
    Pair,
    Relation,
    Traffic,
    prefix,
    relation,
    shown,
    written,
)
from translators.strongswan.translation.planes import Plane, Planes


def to(number: int, peer: str, local: list[str], remote: list[str], **members: Any) -> Json:
    """Return tunnel ``number`` to ``peer`` between these subnets, with identities and a secret of its own."""
    own = {
        "local_id": {"name": "gateway"},
        "remote_id": {"name": f"peer-{number}"},
        "secret": f"secret-of-{number:05d}",
        "peer": peer,
        "local_subnet": local,
        "remote_subnet": remote,
    }
    return tunnel(number, **{**own, **members})


A, B = "192.0.2.1", "192.0.2.2"
ALL = ["0.0.0.0/0"]
V6 = ["2001:db8:1::/48"]
OURS, THEIRS = ["10.1.0.0/16"], ["10.2.0.0/16"]


def tags(refusals: Any) -> list[tuple[str, str]]:
    return [(refusal.tunnel, refusal.app_tag) for refusal in refusals]


# --- refused: the same pair to different peers ---


def test_the_same_traffic_to_two_peers_is_refused_and_both_tunnels_are_named() -> None:
    (refusal,) = desired(to(3, A, OURS, THEIRS)).refusals([("7", to(7, B, OURS, THEIRS))])
    assert (refusal.tunnel, refusal.leaf, refusal.app_tag) == ("7", "", "selectors-conflict")
    words = ("tunnels 3 and 7", "10.1.0.0/16", "10.2.0.0/16", A, B, "other subnets", "mark-out", "if-id-out")
    for word in words:
        assert word in refusal.message
    assert "secret-of" not in refusal.message


def test_tunnels_told_apart_in_one_direction_only_are_refused_for_the_other() -> None:
    made = desired(to(3, A, OURS, THEIRS, esp={"mark-out": "0x1"}))
    (refusal,) = made.refusals([("7", to(7, B, OURS, THEIRS, esp={"mark-out": "0x2"}))])
    assert "tunnels 3 and 7" in refusal.message
    assert "give each of them a mark (esp/mark-in)" in refusal.message
    assert "other subnets" not in refusal.message


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(to(1, A, OURS, [*THEIRS, "10.9.0.0/16"]), to(2, B, OURS, THEIRS), id="one of several"),
        pytest.param(to(1, A, V6, ["::/0"]), to(2, B, V6, ["::/0"]), id="IPv6"),
        pytest.param(to(1, A, ALL, ALL), to(2, B, ALL, ALL), id="all"),
        pytest.param(
            to(1, A, OURS, THEIRS, esp={"mark-out": "0x1", "mark-in": "0x1"}),
            to(2, B, OURS, THEIRS, esp={"mark-out": "0x1", "mark-in": "0x2"}),
            id="one mark for what is sent",
        ),
        pytest.param(
            to(1, A, OURS, THEIRS, esp={"mark-out": "0x1", "mark-in": "0x1"}),
            to(2, B, OURS, THEIRS, esp={"mark-out": "0x2", "mark-in": "0x1"}),
            id="one mark for what is received",
        ),
        pytest.param(
            to(1, A, OURS, THEIRS, esp={"mark-out": "0x1"}),
            to(2, B, OURS, THEIRS, esp={"mark-out": "0x2"}),
            id="no mark for what is received",
        ),
        pytest.param(
            to(1, A, OURS, THEIRS),
            to(2, B, OURS, THEIRS, esp={"mark-out": "0x2", "mark-in": "0x2"}),
            id="one without marks",
        ),
        pytest.param(
            to(1, A, OURS, THEIRS, esp={"mark-out": "0x12/0xf0", "mark-in": "0x1"}),
            to(2, B, OURS, THEIRS, esp={"mark-out": "0x13/0xff", "mark-in": "0x2"}),
            id="bits that do not count",
        ),
        pytest.param(
            to(1, A, OURS, THEIRS, esp={"if-id-out": 1}),
            to(2, B, OURS, THEIRS, esp={"if-id-out": 2}),
            id="no interface for what is received",
        ),
        pytest.param(
            to(1, A, OURS, THEIRS, esp={"if-id-out": 1, "if-id-in": 1, "mark-out": "0x1", "mark-in": "0x1"}),
            to(2, B, OURS, THEIRS, esp={"if-id-out": 1, "if-id-in": 1, "mark-out": "0x1", "mark-in": "0x2"}),
            id="one interface and one mark",
        ),
    ],
)  # fmt: skip
def test_pairs_that_are_the_same_are_refused(first: Json, second: Json) -> None:
    assert tags(desired(first).refusals([("2", second)])) == [("2", "selectors-conflict")]
    assert tags(desired().refusals([("1", first), ("2", second)])) == [("2", "selectors-conflict")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(to(1, A, OURS, THEIRS), to(2, A, OURS, THEIRS), id="one peer"),
        pytest.param(to(1, A, OURS, THEIRS), to(2, B, OURS, ["10.2.0.0/17"]), id="nested"),
        pytest.param(to(1, A, OURS, THEIRS), to(2, B, ["10.3.0.0/16"], THEIRS), id="other side of ours"),
        pytest.param(to(1, A, OURS, THEIRS, enabled=False), to(2, B, OURS, THEIRS), id="disabled"),
        pytest.param(to(1, A, OURS, THEIRS), to(2, B, OURS, THEIRS, enabled=False), id="disabled, new"),
        pytest.param(to(1, A, OURS, THEIRS), tunnel(2, remote_id={"name": "x"}, local_id={"name": "y"},
                     local_subnet=OURS, remote_subnet=THEIRS), id="any peer"),
        pytest.param(to(1, A, OURS, None), to(2, B, OURS, None), id="the peers themselves"),  # type: ignore[arg-type]
        pytest.param(to(1, A, OURS, THEIRS, esp={"mark-out": "0x1", "mark-in": "0x1"}),
                     to(2, B, OURS, THEIRS, esp={"mark-out": "0x2", "mark-in": "0x2"}), id="marks"),
        pytest.param(to(1, A, OURS, THEIRS, esp={"mark-out": "0x10/0xf0", "mark-in": "0x1"}),
                     to(2, B, OURS, THEIRS, esp={"mark-out": "0x2f", "mark-in": "0x2"}), id="bits of marks"),
        pytest.param(to(1, A, OURS, THEIRS, esp={"if-id-out": 1, "if-id-in": 1}), to(2, B, OURS, THEIRS),
                     id="one interface"),
        pytest.param(to(1, A, OURS, THEIRS, esp={"if-id-out": 1, "if-id-in": 1}),
                     to(2, B, OURS, THEIRS, esp={"if-id-out": 2, "if-id-in": 2}), id="interfaces"),
    ],
)  # fmt: skip
def test_what_may_be_beside_each_other_is_not_refused(first: Json, second: Json) -> None:
    assert desired(first).refusals([("2", second)]) == []


def test_what_is_replaced_in_the_same_commit_stands_against_nothing() -> None:
    made = desired(to(1, A, OURS, THEIRS))
    assert made.refusals([("1", None), ("2", to(2, B, OURS, THEIRS))]) == []
    assert made.refusals([("1", to(1, A, OURS, THEIRS, enabled=False)), ("2", to(2, B, OURS, THEIRS))]) == []
    swapped = [("1", to(1, B, OURS, THEIRS)), ("2", to(2, A, OURS, ["10.9.0.0/16"]))]
    assert made.refusals(swapped) == []
    assert made.refusals([("1", to(1, B, OURS, THEIRS))]) == []


def test_a_tunnel_is_refused_once_however_many_pairs_are_the_same() -> None:
    many = [f"10.{number}.0.0/16" for number in range(10, 20)]
    made = desired(to(1, A, many, many), to(2, A, many, many))
    assert tags(made.refusals([("3", to(3, B, many, many))])) == [("3", "selectors-conflict")]


# --- shown: nested, crossing, or the same to one peer ---


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        ((OURS, ["10.2.3.0/24"]), (OURS, THEIRS), Relation.NARROWER),
        ((OURS, THEIRS), (OURS, ["10.2.3.0/24"]), Relation.WIDER),
        ((["10.1.1.0/24"], ["10.2.3.0/24"]), (["0.0.0.0/0"], ["0.0.0.0/0"]), Relation.NARROWER),
        ((["10.1.1.0/24"], THEIRS), (OURS, ["10.2.3.0/24"]), Relation.CROSSING),
        ((OURS, ["10.2.3.0/24"]), (["10.1.1.0/24"], THEIRS), Relation.CROSSING),
        ((OURS, THEIRS), (OURS, THEIRS), Relation.SAME),
    ],
)
def test_how_two_tunnels_share_traffic_is_shown_on_both(own: Any, other: Any, expected: Relation) -> None:
    made = desired(to(1, A, *own), to(2, A, *other))
    (first,) = shown(made.overlaps.of("1"))
    assert (first["tunnel"], first["relation"]) == (2, expected.value)
    assert "tunnel 2" in str(first["detail"])
    assert own[0][0] in str(first["detail"])
    assert other[1][0] in str(first["detail"])
    back = {Relation.NARROWER: Relation.WIDER, Relation.WIDER: Relation.NARROWER}
    (second,) = made.overlaps.of("2")
    assert (second.tunnel, second.relation) == ("1", back.get(expected, expected))


def test_nothing_is_shown_of_tunnels_that_share_nothing() -> None:
    made = desired(to(1, A, OURS, THEIRS), to(2, B, OURS, ["10.3.0.0/16"]), to(3, B, OURS, ["10.1.0.0/16"]))
    assert [made.overlaps.of(number) for number in "123"] == [[], [], []]


def test_what_is_shown_follows_every_change() -> None:
    made = desired(to(1, A, OURS, THEIRS), to(2, B, OURS, ["10.2.3.0/24"]))
    assert [one.tunnel for one in made.overlaps.of("1")] == ["2"]
    made.put("2", to(2, B, OURS, ["10.2.3.0/24"], enabled=False))
    assert made.overlaps.of("1") == made.overlaps.of("2") == []
    made.put("2", to(2, B, OURS, ["10.2.4.0/24"]))
    assert [one.tunnel for one in made.overlaps.of("1")] == ["2"]
    made.put("2", None)
    assert made.overlaps.of("1") == []
    made.replace({"1": to(1, A, OURS, THEIRS)})
    assert made.overlaps.of("1") == []


def test_a_tunnel_for_everything_shows_some_of_those_it_meets() -> None:
    spokes = [to(number, A, OURS, [f"10.3.{number}.0/24"]) for number in range(2, 40)]
    made = desired(to(1, B, ["0.0.0.0/0"], ["0.0.0.0/0"]), *spokes)
    assert len(made.overlaps.of("1")) == SHOWN_MAX
    assert [one.tunnel for one in made.overlaps.of("30")] == ["1"]


def test_a_tunnel_that_meets_another_in_many_pairs_shows_it_once() -> None:
    many = [f"10.{number}.0.0/16" for number in range(10, 40)]
    made = desired(to(1, A, many, many), to(2, B, ["10.0.0.0/8"], ["10.0.0.0/8"]))
    assert [one.tunnel for one in made.overlaps.of("1")] == ["2"]
    assert [one.tunnel for one in made.overlaps.of("2")] == ["1"]


# --- all of them are found: against the plain way ---


def networks(version: int, bits: int) -> st.SearchStrategy[str]:
    """Few addresses, so that they often nest: every length, of the first ``bits`` bits."""
    whole, base = (32, 10 << 24) if version == 4 else (128, 0x2001 << 112)

    def make(length: int, value: int) -> str:
        address = base | value << (whole - 8 - bits)
        return str(ip_network((address, 8 + length), strict=False))

    top = st.builds(make, st.integers(0, bits), st.integers(0, 2**bits - 1))
    return st.one_of(top, st.just("0.0.0.0/0" if version == 4 else "::/0"))


SUBNETS = st.lists(st.one_of(networks(4, 4), networks(6, 3)), min_size=1, max_size=3, unique=True)
ENTRIES = st.lists(st.tuples(SUBNETS, SUBNETS, st.sampled_from([A, B])), min_size=1, max_size=12)


def traffic(number: int, local: list[str], remote: list[str], peer: str) -> Traffic:
    made = Traffic.of(str(number), messages(str(number), to(number, peer, local, remote), Around(EVERYTHING)))
    assert made is not None
    return made


def meet(one: Pair, other: Pair) -> bool:
    nets = [(ip_network(written(a)), ip_network(written(b))) for a, b in zip(one, other, strict=True)]
    return all(a.version == b.version and a.overlaps(b) for a, b in nets)


@given(ENTRIES, st.sets(st.integers(0, 11)))
def test_every_overlap_is_found_and_no_other(entries: Any, removed: set[int]) -> None:
    all_traffic = [traffic(number, *entry) for number, entry in enumerate(entries)]
    index = Overlaps()
    for one in all_traffic:
        index.put(one.tunnel, one)
    for one in all_traffic:
        index.of(one.tunnel)  # what was found before is not what is found after a change
    for number in removed & set(range(len(entries))):
        index.put(str(number), None)
    kept = [one for number, one in enumerate(all_traffic) if number not in removed]
    expected: dict[str, set[str]] = {one.tunnel: set() for one in all_traffic}
    for one, other in combinations(kept, 2):
        if any(meet(pair, pair_of_other) for pair in one.pairs for pair_of_other in other.pairs):
            expected[one.tunnel].add(other.tunnel)
            expected[other.tunnel].add(one.tunnel)
    for one in all_traffic:
        found = index.of(one.tunnel)
        assert {overlap.tunnel for overlap in found} == expected[one.tunnel]
        for overlap in found:
            assert meet(overlap.own, overlap.other)
            assert overlap.relation is relation(overlap.own, overlap.other)


@given(ENTRIES)
def test_every_conflict_is_found_and_no_other(entries: Any) -> None:
    all_traffic = [traffic(number, *entry) for number, entry in enumerate(entries)]
    expected = {
        later.tunnel
        for earlier, later in combinations(all_traffic, 2)
        if earlier.peer != later.peer and set(earlier.pairs) & set(later.pairs)
    }
    conflicts = Overlaps().conflicts(frozenset(), all_traffic)
    assert [conflict.tunnel for conflict in conflicts] == sorted(expected, key=int)


@given(ENTRIES, ENTRIES)
def test_a_conflict_is_found_with_what_stays_and_not_with_what_goes(before: Any, after: Any) -> None:
    """Tunnel n of ``after`` takes the place of tunnel n of ``before``."""
    index = Overlaps()
    held = [traffic(number, *entry) for number, entry in enumerate(before)]
    for one in held:
        index.put(one.tunnel, one)
    wanted = [traffic(number, *entry) for number, entry in enumerate(after)]
    stays = held[len(wanted) :]
    expected = {
        one.tunnel
        for number, one in enumerate(wanted)
        for other in (*stays, *wanted[:number])
        if one.peer != other.peer and set(one.pairs) & set(other.pairs)
    }
    replaced = frozenset(one.tunnel for one in wanted)
    found = index.conflicts(replaced, wanted)
    assert [conflict.tunnel for conflict in found] == sorted(expected, key=int)
    for conflict in found:
        assert conflict.other in {other.tunnel for other in (*stays, *wanted)}
        assert f"tunnels {conflict.other} and {conflict.tunnel} " in conflict.message


MARKS = st.one_of(
    st.none(),
    st.builds(hex, st.integers(0, 3)),
    st.builds("0x{:x}/0x{:x}".format, st.integers(0, 3), st.integers(0, 3)),
)
PLANES = st.builds(
    lambda mark, interface: Plane.of(({} if mark is None else {"mark_out": mark}) | interface, "out"),
    MARKS, st.sampled_from([{}, {"if_id_out": "1"}]),
)  # fmt: skip
PACKETS = [(mark, interface) for mark in (*range(8), 0xFFFFFFFF) for interface in (0, 1)]


def in_plane(plane: Plane, mark: int, interface: int) -> bool:
    """As the kernel decides (net/xfrm/xfrm_policy.c, xfrm_policy_match)."""
    return mark & plane.mask == plane.mark and interface == plane.interface


@given(st.lists(PLANES, max_size=8), st.sets(st.integers(0, 7)), PLANES)
def test_planes_meet_where_a_packet_is_of_both(held: list[Plane], gone: set[int], own: Plane) -> None:
    index = Planes[list[int]](list)
    for number, plane in enumerate(held):
        index.at(plane).append(number)
    for number in gone & set(range(len(held))):
        index.at(held[number]).remove(number)
        index.tidy(held[number])
    expected = {
        number
        for number, plane in enumerate(held)
        if number not in gone
        and any(in_plane(plane, *packet) and in_plane(own, *packet) for packet in PACKETS)
    }
    found = [number for plane, numbers in index.meeting(own) for number in numbers if plane == held[number]]
    assert sorted(found) == sorted(expected)


def test_a_mark_is_held_against_its_own_and_none_of_a_thousand_others() -> None:
    index = Planes[list[int]](list)
    for mark in range(1000):
        index.at(Plane(mark, 0xFFFFFFFF)).append(mark)
    index.at(Plane(interface=7)).append(-1)
    assert [numbers for _plane, numbers in index.meeting(Plane(5, 0xFFFFFFFF))] == [[5]]


@given(st.one_of(networks(4, 4), networks(6, 3)))
def test_a_prefix_is_written_as_it_was_read(text: str) -> None:
    assert written(prefix(text)) == text


def test_a_change_costs_no_more_beside_ten_times_as_many_tunnels() -> None:
    """Counted, not timed: how many pairs are looked at."""

    def looked_at(count: int) -> int:
        made = desired(
            to(1, B, ["0.0.0.0/0"], ["0.0.0.0/0"]),
            *(to(n, A, OURS, [f"10.{100 + n // 250}.{n % 250}.0/24"]) for n in range(2, count + 2)),
        )
        steps = 0
        for own in made.overlaps._traffic["20"].pairs:
            ((_plane, policies),) = made.overlaps._sent.meeting(Plane())
            steps += sum(1 for _ in policies.overlapping(own))
        return steps

    assert looked_at(50) == looked_at(500) == 2


async def test_the_state_of_whom_a_changed_tunnel_meets_may_have_changed_too(tmp_path: Path) -> None:
    told: list[str] = []
    translator = make(Settings(tmp_path, "none", state_changed=told.extend))
    await translator.start({("1",): to(1, A, OURS, THEIRS), ("3",): to(3, A, ["10.7.0.0/16"], THEIRS)})
    for before, after in ((None, to(2, B, OURS, ["10.2.3.0/24"])), (to(2, B, OURS, ["10.2.3.0/24"]), None)):
        told.clear()
        await translator.apply(await translator.prepare([change(before, after)]))
        assert [path for path in told if "[id='2']" not in path] == [
            "/yangswan-ipsec:tunnels/ipsec[id='1']/state"
        ]
    assert (await translator.entry_state([("1",)]))["1",].get("overlap") is None


def test_what_a_tunnel_meets_is_looked_for_anew_after_each_change() -> None:
    one = traffic(1, ["10.1.0.0/16"], ["10.2.0.0/16"], A)
    other = traffic(2, ["10.1.0.0/16"], ["10.2.3.0/24"], A)
    index = Overlaps()
    index.put("1", one)
    assert index.of("1") == index.of("1") == index.of("2") == []
    index.put("2", other)
    assert [found.tunnel for found in index.of("1")] == ["2"]
    assert [found.tunnel for found in index.of("2")] == ["1"]
    index.put("2", None)
    assert index.of("1") == index.of("2") == []
