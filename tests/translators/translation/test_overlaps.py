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
    for word in ("tunnels 3 and 7", "10.1.0.0/16", "10.2.0.0/16", A, B, "other subnets"):
        assert word in refusal.message
    assert "secret-of" not in refusal.message


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
        pytest.param(to(1, A, OURS, THEIRS, esp={"mark-out": "0x1"}),
                     to(2, B, OURS, THEIRS, esp={"mark-out": "0x2"}), id="marks"),
        pytest.param(to(1, A, OURS, THEIRS, esp={"if-id-out": 1}), to(2, B, OURS, THEIRS), id="interfaces"),
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
            policies = made.overlaps._planes["", ""]
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
