"""The rules in nft's words, and what nft says of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from translators.strongswan.protection.ruleset import (
    DROP,
    PASS,
    Combination,
    Count,
    additions,
    combination,
    counts,
    element,
    element_key,
    elements,
    is_whole,
    removals,
    skeleton,
)
from translators.strongswan.translation.guards import Match, Way
from translators.strongswan.translation.overlaps import prefix

HOOKED = ("output_out", "forward_out", "forward_in", "input_in", "postrouting_out")
RECORDINGS = sorted((Path(__file__).parent / "tables").iterdir())


def match(way: Way, source: str, destination: str, *, mark: int = 0, mask: int = 0) -> Match:
    return Match(way, prefix(source), prefix(destination), mark=mark, mask=mask)


DROPS = [
    match(Way.OUT, "10.1.0.0/16", "10.2.0.0/16"),
    match(Way.OUT, "10.3.0.0/16", "10.2.0.0/16"),
    match(Way.IN, "10.2.0.0/16", "10.1.0.0/16"),
    match(Way.OUT, "0.0.0.0/0", "0.0.0.0/0"),
    match(Way.IN, "192.0.2.1/32", "192.0.2.2/32", mark=0x2A, mask=0xFF),
    match(Way.OUT, "192.0.2.1/32", "192.0.2.2/32", mark=0x80000000, mask=0xFFFFFFFF),
    match(Way.OUT, "::/0", "2001:db8::1/128"),
    match(Way.IN, "2001:db8:1::/48", "::ffff:192.0.2.1/128", mark=1, mask=1),
    match(Way.IN, "::192.0.2.1/128", "64:ff9b::/96"),
]
PASSES = [
    match(Way.OUT, "10.1.0.0/16", "10.2.7.0/24"),
    match(Way.IN, "::/0", "::/0"),
    match(Way.OUT, "10.1.0.0/16", "10.2.8.0/24", mark=0x2A, mask=0xFF),
]
"""What RECORDINGS were made of: the skeleton, and these; 3 packets of 252 octets met the first drop."""


@pytest.fixture(params=RECORDINGS, ids=lambda path: path.stem)
def recording(request: pytest.FixtureRequest) -> str:
    return request.param.read_text()


@pytest.fixture
def listing(recording: str) -> Any:
    return json.loads(recording)


def sets() -> set[Combination]:
    return {combination(DROP, one) for one in DROPS} | {combination(PASS, one) for one in PASSES}


def test_there_are_recordings_of_debian_12_and_13() -> None:
    assert [path.stem for path in RECORDINGS] == ["nft-1.0.6", "nft-1.1.3"]


# --- what is said to nft ---


@pytest.mark.parametrize(
    ("one", "name", "words"),
    [
        (DROPS[0], "drop_out4_16_16", "10.1.0.0 . 10.2.0.0"),
        (DROPS[3], "drop_out4_0_0", "0.0.0.0 . 0.0.0.0"),
        (DROPS[4], "drop_in4_32_32_mff", "0x2a . 192.0.2.1 . 192.0.2.2"),
        (DROPS[5], "drop_out4_32_32_mffffffff", "0x80000000 . 192.0.2.1 . 192.0.2.2"),
        (DROPS[6], "drop_out6_0_128", ":: . 2001:db8::1"),
    ],
)
def test_a_match_is_an_element_of_the_set_of_its_lengths(one: Match, name: str, words: str) -> None:
    assert combination(DROP, one).set_name == name
    assert element(one) == words
    assert element_key(DROP, one) == f"{name} {words}"


@pytest.mark.parametrize(
    ("verdict", "one", "lines"),
    [
        (
            DROP,
            match(Way.OUT, "10.1.0.0/16", "10.2.7.0/24"),
            [
                "add set inet yangswan drop_out4_16_24 { typeof ip saddr . ip daddr; counter; }",
                "add rule inet yangswan out_drop ip saddr & 255.255.0.0 . ip daddr & 255.255.255.0"
                " @drop_out4_16_24 counter drop",
            ],
        ),
        (
            PASS,
            match(Way.IN, "2001:db8::/33", "::/0"),
            [
                "add set inet yangswan pass_in6_33_0 { typeof ip6 saddr . ip6 daddr; }",
                "add rule inet yangswan in_pass ip6 saddr & ffff:ffff:8000:: . ip6 daddr & ::"
                " @pass_in6_33_0 accept",
            ],
        ),
        (
            DROP,
            match(Way.IN, "192.0.2.1/32", "0.0.0.0/0", mark=1, mask=0xF0F),
            [
                "add set inet yangswan drop_in4_32_0_mf0f"
                " { typeof meta mark . ip saddr . ip daddr; counter; }",
                "add rule inet yangswan in_drop meta mark & 0xf0f . ip saddr & 255.255.255.255 . "
                "ip daddr & 0.0.0.0 @drop_in4_32_0_mf0f counter drop",
            ],
        ),
    ],
)
def test_a_set_comes_with_the_rule_that_looks_packets_up_in_it(
    verdict: str, one: Match, lines: list[str]
) -> None:
    assert combination(verdict, one).lines == lines


def test_a_set_is_made_once_and_has_all_its_elements_in_one_line() -> None:
    there: set[Combination] = set()
    first = additions(DROP, DROPS[:2], there)
    assert first[:2] == combination(DROP, DROPS[0]).lines
    assert first[2:] == [
        "add element inet yangswan drop_out4_16_16 { 10.1.0.0 . 10.2.0.0, 10.3.0.0 . 10.2.0.0 }"
    ]
    assert there == {combination(DROP, DROPS[0])}
    assert additions(DROP, [match(Way.OUT, "10.4.0.0/16", "10.2.0.0/16")], there) == [
        "add element inet yangswan drop_out4_16_16 { 10.4.0.0 . 10.2.0.0 }"
    ]
    assert additions(PASS, DROPS[:1], there)[:2] == combination(PASS, DROPS[0]).lines
    assert additions(DROP, [], there) == []


def test_a_counter_begins_where_it_was() -> None:
    known = {element_key(DROP, DROPS[0]): Count(3, 252), element_key(DROP, DROPS[3]): Count(9, 9)}
    (line,) = additions(DROP, DROPS[:2], {combination(DROP, DROPS[0])}, known)
    assert line == (
        "add element inet yangswan drop_out4_16_16"
        " { 10.1.0.0 . 10.2.0.0 counter packets 3 bytes 252, 10.3.0.0 . 10.2.0.0 }"
    )


def test_a_removal_takes_the_element_and_leaves_the_set() -> None:
    assert removals(DROP, DROPS[4:5]) == [
        "delete element inet yangswan drop_in4_32_32_mff { 0x2a . 192.0.2.1 . 192.0.2.2 }"
    ]
    assert removals(PASS, []) == []


def test_the_skeleton_replaces_what_is_there_and_lets_all_pass() -> None:
    lines = skeleton()
    assert lines[:3] == ["add table inet yangswan", "delete table inet yangswan", "add table inet yangswan"]
    assert not [line for line in lines if line.startswith("add set") or "drop;" in line]


@pytest.mark.parametrize("chain", ["forward_out", "forward_in"])
def test_what_is_forwarded_has_no_exception_for_the_gateways_own_packets(chain: str) -> None:
    rules = [line for line in skeleton() if line.startswith(f"add rule inet yangswan {chain} ")]
    assert len(rules) == 6
    assert not [rule for rule in rules if "esp" in rule.split("exists")[0] or "udp" in rule]


# --- what nft says ---


def test_counters_are_read_back(listing: Mapping[str, object]) -> None:
    found = counts(listing)
    assert found.keys() == {element_key(DROP, one) for one in DROPS}
    assert found[element_key(DROP, DROPS[0])] == Count(packets=3, octets=252)
    assert {found[element_key(DROP, one)] for one in DROPS[1:]} == {Count()}


def test_elements_are_read_back_however_their_addresses_are_written(
    recording: str, listing: Mapping[str, object]
) -> None:
    assert "::ffff:192.0.2.1" in recording
    wanted = {element_key(DROP, one) for one in DROPS} | {element_key(PASS, one) for one in PASSES}
    assert elements(listing).keys() == wanted


def test_counts_add_up() -> None:
    assert Count(1, 100) + Count(2, 50) == Count(3, 150)


def test_what_was_put_in_is_whole(listing: Mapping[str, object]) -> None:
    assert is_whole(listing, sets())


def _items(listing: Any, kind: str, **members: str) -> list[Any]:
    return [
        item
        for item in listing["nftables"]
        if kind in item and all(item[kind].get(name) == value for name, value in members.items())
    ]


@pytest.mark.parametrize("chain", [*HOOKED, "out_drop", "in_pass"])
def test_a_rule_that_is_missing_is_seen(listing: Any, chain: str) -> None:
    for rule in _items(listing, "rule", chain=chain):
        less = copy.deepcopy(listing)
        less["nftables"].remove(rule)
        assert not is_whole(less, sets())


def test_a_rule_too_many_is_seen(listing: Any) -> None:
    listing["nftables"] += _items(listing, "rule", chain="out_pass")[:1]
    assert not is_whole(listing, sets())


@pytest.mark.parametrize("chain", HOOKED)
def test_a_chain_that_hooks_nowhere_is_seen(listing: Any, chain: str) -> None:
    (item,) = _items(listing, "chain", name=chain)
    for name in ("type", "hook", "prio", "policy"):
        del item["chain"][name]
    assert not is_whole(listing, sets())


@pytest.mark.parametrize("flags", ["dormant", ["dormant"]])
def test_a_table_that_is_dormant_is_seen(listing: Any, flags: object) -> None:
    (item,) = _items(listing, "table")
    item["table"]["flags"] = flags
    assert not is_whole(listing, sets())


@pytest.mark.parametrize("nothing", [{}, {"nftables": []}, {"nftables": "?"}, {"nftables": [None, 1, {}]}])
def test_nothing_is_not_whole(nothing: dict[str, object]) -> None:
    assert not is_whole(nothing, set())
    assert elements(nothing) == {}
