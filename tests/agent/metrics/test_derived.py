"""Tables and things to samples: values, labels, and what is remembered from look to look."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from agent.measures import Kind, Metric, Reading, Table
from agent.metrics.derived import AGO_STANDS_S, LABEL_CHARACTERS_MAX, Memory, families, label_value
from agent.metrics.scraping import _One

NOW = 1_000_000.0


def one(metric: Metric, *things: Any, memory: Memory | None = None, now: float = NOW) -> Family:
    table = Table("/m:things/thing", (metric,), {"id": "id"})
    return next(families(table, things, memory or Memory(), now))


def samples(family: Family) -> dict[tuple[str, ...], float]:
    """Return the values by the values of their labels."""
    return {tuple(sample.labels.values()): sample.value for sample in family.samples}


@pytest.mark.parametrize(
    ("metric", "content", "value"),
    [
        (Metric("x", "", "a/b"), {"a": {"b": 7}}, 7),
        (Metric("x", "", "a/b"), {"a": {"b": "18446744073709551615"}}, 2**64 - 1),
        (Metric("x", "", "a"), {"a": True}, 1),
        (Metric("x", "", "a"), {"a": False}, 0),
        (Metric("x", "", "a", reading=Reading.IS, means="up"), {"a": "up"}, 1),
        (Metric("x", "", "a", reading=Reading.IS, means="up"), {"a": "down"}, 0),
        (Metric("x", "", "a", reading=Reading.MOMENT), {"a": "1970-01-12T13:46:40.500Z"}, 1_000_000.5),
        (Metric("x", "", "a", reading=Reading.AGO), {"a": 100}, NOW - 100),
    ],
)
def test_a_leaf_is_a_number(metric: Metric, content: Any, value: float) -> None:
    assert samples(one(metric, {"id": "1", **content})) == {("1",): value}


@pytest.mark.parametrize(
    ("reading", "content"),
    [
        (Reading.NUMBER, {}),
        (Reading.NUMBER, {"a": None}),
        (Reading.NUMBER, {"a": [None]}),
        (Reading.NUMBER, {"a": "many"}),
        (Reading.NUMBER, {"a": {"b": 1}}),
        (Reading.MOMENT, {"a": "yesterday"}),
        (Reading.AGO, {"a": "a while"}),
        (Reading.IS, {}),
    ],
)
def test_what_is_no_value_leaves_its_sample_out(reading: Reading, content: Any) -> None:
    assert samples(one(Metric("x", "", "a", reading=reading), {"id": "1", **content})) == {}


def test_a_status_is_a_set_of_states_of_which_one_is_there() -> None:
    metric = Metric("x", "", "a", Kind.STATES, states=("up", "down"))
    found = one(metric, {"id": "1", "a": "down"}, {"id": "2"})
    assert samples(found) == {("1", "up"): 0, ("1", "down"): 1}
    assert found.samples[0].labels == {"id": "1", "x": "up"}


def test_each_entry_of_a_list_has_a_sample_with_its_labels() -> None:
    metric = Metric("x", "", "n", Kind.COUNTER, each="a/list", labels={"why": "reason"})
    found = one(metric, {"id": "1", "a": {"list": [{"reason": "p", "n": 1}, {"reason": "q", "n": 2}, {}]}})
    assert samples(found) == {("1", "p"): 1, ("1", "q"): 2}
    assert {sample.name for sample in found.samples} == {"x_total"}


GROWN = Metric("x", "", "n", Kind.COUNTER, each="list", marks=("k", "s"))


def entry(mark: int, n: object, s: str = "a") -> dict[str, object]:
    return {"k": mark, "s": s, "n": str(n)}


def test_what_has_grown_never_shrinks_while_entries_come_and_go() -> None:
    memory = Memory()

    def total(*entries: Any) -> float:
        return samples(one(GROWN, {"id": "1", "list": list(entries)}, memory=memory))["1",]

    assert total(entry(1, 100)) == 100
    assert total(entry(1, 150), entry(2, 0)) == 150, "one is replaced by another"
    assert total(entry(2, 10)) == 160
    assert total() == 160
    assert total(entry(3, 5)) == 165
    assert total(entry(3, 5)) == 165
    assert total(entry(3, 2)) == 167, "the same marks, begun anew"
    assert total(entry(3, 4, s="b")) == 171, "another one by one of its marks"


def test_while_nobody_knows_what_there_is_the_sum_stays_and_nothing_counts_twice() -> None:
    memory = Memory()
    for content, total in (({"list": [entry(1, 9)]}, 9), ({}, 9), ({"list": [entry(1, 12)]}, 12)):
        assert samples(one(GROWN, {"id": "1", **content}, memory=memory)) == {("1",): total}


def test_of_things_that_are_gone_nothing_is_kept() -> None:
    memory = Memory()
    ago = Metric("y", "", "n", reading=Reading.AGO)
    one(GROWN, *({"id": str(n), "list": [entry(n, 1)]} for n in range(10)), memory=memory)
    one(ago, *({"id": str(n), "n": 1} for n in range(10)), memory=memory)
    one(GROWN, {"id": "3", "list": [entry(4, 1)]}, memory=memory)
    one(ago, {"id": "3", "n": 1}, memory=memory)
    assert set(memory.grown["x"]) == {"3"} == set(memory.moments["y"])
    assert list(memory.grown["x"]["3"].seen) == [(4, "a")]


def test_the_moment_of_something_stays_while_clocks_of_whole_seconds_disagree() -> None:
    memory, metric = Memory(), Metric("y", "", "n", reading=Reading.AGO)

    def moment(ago: int, now: float) -> float:
        return samples(one(metric, {"id": "1", "n": ago}, memory=memory, now=now))["1",]

    first = moment(10, NOW)
    assert {moment(10 + n, NOW + n + 0.9) for n in range(5)} == {first}
    assert moment(0, NOW + 60) == NOW + 60
    assert NOW + 60 - first > AGO_STANDS_S


HOSTILE = [
    'quote " backslash \\ newline \n end',
    "\r\t\x00\x1b[31m",
    '"} 1\nyangswan_tunnel_up{id="2"} 1',
    "\u202eright to left",
    "\ud800",
    "Büro 東京 🙂",
    "",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_whatever_a_label_holds_it_is_one_label_of_one_line(value: str) -> None:
    metric = Metric("x", "", "n", labels={"description": "description"})
    text = generate_latest(_One(one(metric, {"id": "1", "n": 1, "description": value}))).decode()
    assert len(text.splitlines()) == 3
    (family,) = text_string_to_metric_families(text)
    (sample,) = family.samples
    assert (sample.labels["id"], sample.value) == ("1", 1)
    assert sample.labels["description"] == label_value(value)


def test_a_label_is_short_and_two_long_ones_stay_two() -> None:
    long = "x" * 100_000
    assert len(label_value(long)) < LABEL_CHARACTERS_MAX + 20
    assert label_value(long + "a") != label_value(long + "b")
    assert label_value("x" * LABEL_CHARACTERS_MAX) == "x" * LABEL_CHARACTERS_MAX


def test_a_thing_without_a_label_has_it_empty() -> None:
    metric = Metric("x", "", kind=Kind.INFO, labels={"description": "description"})
    assert samples(one(metric, {"id": "1"})) == {("1", ""): 1}
