"""Leaf-lists with defaults, which are in use together or not at all (RFC 7950 section 7.7.2)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.datastore.edit import edit
from agent.datastore.edit_attributes import EditAttributes
from agent.xml import Element
from agent.yang.leaf_lists import printed_with
from agent.yang.nodes import Defaults
from agent.yang.schema import Schema
from tests.agent.datastore.lab import INFO, commit, started
from tests.agent.lab import CHOOSING, candidate_with, config, errors_of, make_schema

TRUE = 'wd:default="true"'


@pytest.fixture(scope="module")
def choosing() -> Schema:
    return make_schema("choosing")


def racks(*values: object, attributes: str = "") -> str:
    return "".join(f"<rack {attributes}>{value}</rack>" for value in values)


def oven(body: str) -> str:
    return f'<oven xmlns="{CHOOSING}">{body}</oven>'


def bells(*values: str, attributes: str = "") -> str:
    return "".join(f'<bell xmlns="{CHOOSING}" {attributes}>{value}</bell>' for value in values)


def trip(body: str) -> str:
    return f'<trip xmlns="{CHOOSING}"><name>1</name>{body}</trip>'


def found(
    schema: Schema, name: str, *bodies: str, mode: Defaults = Defaults.REPORT_ALL
) -> list[tuple[str, bool]]:
    """Return the values of a leaf-list after these edits, and whether each is said to be a default."""
    printed = printed_with(candidate_with(schema, *bodies).tree, mode).decode()
    return [(value, "default" in tag) for tag, value in re.findall(rf"<{name}([^>]*)>([^<]*)<", printed)]


def values(schema: Schema, name: str, *bodies: str) -> list[str]:
    return [value for value, _ in found(schema, name, *bodies)]


IN_USE = {
    "nothing": ([], ["1", "2", "3"]),
    "one that equals a default": ([oven(racks(2))], ["2"]),
    "created": ([oven(racks(2, attributes='nc:operation="create"'))], ["2"]),
    "one more merged": ([oven(racks(2)), oven(racks(2, 9))], ["2", "9"]),
    "others than the defaults": ([oven(racks(9))], ["9"]),
    "the defaults in another order": ([oven(racks(3, 1, 2))], ["3", "1", "2"]),
    "replaced": ([oven(racks(9)), oven(racks(3, attributes='nc:operation="replace"'))], ["9", "3"]),
    "put first": ([oven(racks(9)), oven(racks(3, attributes='yang:insert="first"'))], ["3", "9"]),
    "all deleted": (
        [oven(racks(2, 9)), oven(racks(2, 9, attributes='nc:operation="delete"'))],
        ["1", "2", "3"],
    ),
    "said to be the defaults": ([oven(racks(7)), oven(racks(1, 2, 3, attributes=TRUE))], ["1", "2", "3"]),
    "said to be defaults beside others": ([oven(racks(1, attributes=TRUE) + racks(9))], ["1", "9"]),
    "said to be defaults where nothing is": ([oven(racks(1, 2, 3, attributes=TRUE))], ["1", "2", "3"]),
    "defaults removed where nothing is": (
        [oven(racks(9)), oven(racks(1, attributes=f'{TRUE} nc:operation="remove"'))],
        ["9"],
    ),
}


@pytest.mark.parametrize(("bodies", "expected"), IN_USE.values(), ids=IN_USE)
def test_values_and_defaults_are_never_mixed(
    choosing: Schema, bodies: list[str], expected: list[str]
) -> None:
    assert values(choosing, "rack", *bodies) == expected


def test_so_it_is_with_leaf_lists_that_the_system_orders(choosing: Schema) -> None:
    assert values(choosing, "heat", oven("<heat>high</heat>")) == ["high"]


def test_so_it_is_at_the_top_and_in_lists(choosing: Schema) -> None:
    assert values(choosing, "bell", bells("dong")) == ["dong"]
    delete = bells("dong", attributes='nc:operation="delete"')
    assert values(choosing, "bell", bells("dong"), delete) == ["ding", "dong"]
    assert values(choosing, "bell", bells("x"), bells("ding", "dong", attributes=TRUE)) == ["ding", "dong"]
    assert values(choosing, "stop", trip("<stop>here</stop>"), trip("<stop>there</stop>")) == [
        "here",
        "there",
    ]
    assert values(choosing, "stop", trip("<stop>there</stop>"), trip(f"<stop {TRUE}>here</stop>")) == ["here"]


TOLD = {
    "in use": ([], [("1", True), ("2", True), ("3", True)], []),
    "some of them": ([oven(racks(2))], [("2", False)], ["2"]),
    "one among others": ([oven(racks(2, 9))], [("2", False), ("9", False)], ["2", "9"]),
    "all of them": ([oven(racks(1, 2, 3))], [("1", True), ("2", True), ("3", True)], []),
    "in another order": (
        [oven(racks(2, 1, 3))],
        [("2", False), ("1", False), ("3", False)],
        ["2", "1", "3"],
    ),
}


@pytest.mark.parametrize(("bodies", "tagged", "trimmed"), TOLD.values(), ids=TOLD)
def test_a_value_is_told_to_be_a_default_only_with_all_others(
    choosing: Schema, bodies: list[str], tagged: list[tuple[str, bool]], trimmed: list[str]
) -> None:
    assert found(choosing, "rack", *bodies, mode=Defaults.REPORT_ALL_TAGGED) == tagged
    assert [value for value, _ in found(choosing, "rack", *bodies, mode=Defaults.TRIM)] == trimmed
    assert found(choosing, "rack", *bodies) == [(value, False) for value, _ in tagged]


@pytest.mark.parametrize(
    "body", [oven(""), oven(racks(2, 9)), oven(racks(1, 2, 3)), bells("dong"), bells("x")]
)
def test_what_is_reported_with_tags_can_be_sent_back(choosing: Schema, body: str) -> None:
    candidate = candidate_with(choosing, body)
    before = candidate.tree.to_xml(Defaults.REPORT_ALL)
    tags = (
        "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults",
        "urn:ietf:params:xml:ns:netconf:default:1.0",
    )
    edit(candidate, config(printed_with(candidate.tree, Defaults.REPORT_ALL_TAGGED).decode().replace(*tags)))
    assert candidate.tree.to_xml(Defaults.REPORT_ALL) == before


def test_a_value_that_is_no_default_is_not_taken_for_one(choosing: Schema) -> None:
    for body in (racks(7, attributes=TRUE), racks(7, attributes=TRUE) + racks(9)):
        (error,) = errors_of(edit, candidate_with(choosing), config(oven(body)))
        assert (error.tag, error.path) == ("invalid-value", "/choosing:oven/rack[.='7']")


def test_a_default_that_is_deleted_away_is_in_use_again(choosing: Schema) -> None:
    candidate = candidate_with(choosing, oven("<timer>9</timer>"), oven('<timer nc:operation="delete"/>'))
    assert b"<timer>5</timer>" in candidate.tree.to_xml(Defaults.REPORT_ALL)
    assert candidate.tree.to_xml() == b""


async def test_a_restart_and_a_discard_bring_back_the_values_alone(choosing: Schema, tmp_path: Path) -> None:
    first = await started(choosing, tmp_path)
    await commit(first, oven(racks(2)))
    await commit(first, bells("dong"))
    edit(first.candidate, config(oven(racks(9))))
    await first.discard()
    assert first.candidate.tree.to_xml(Defaults.REPORT_ALL) == first.running.to_xml(Defaults.REPORT_ALL)
    first.store.close()
    second = await started(choosing, tmp_path)
    printed = second.running.to_xml(Defaults.REPORT_ALL).decode()
    assert re.findall("<rack>(.*?)<", printed) == ["2"]
    assert re.findall("<bell[^>]*>(.*?)<", printed) == ["dong"]
    edit(second.candidate, config(oven(racks(2, attributes='nc:operation="delete"'))))
    await second.commit(INFO)
    printed = second.running.to_xml(Defaults.REPORT_ALL).decode()
    assert re.findall("<rack>(.*?)<", printed) == ["1", "2", "3"]
    second.store.close()


def test_the_values_beside_those_that_are_said_to_be_defaults_are_looked_at_once(choosing: Schema) -> None:
    count = 2_000
    text = oven(
        racks(*range(count), attributes=TRUE) + "<other/>" + "".join(f"<x{n}/>" for n in range(count))
    )
    looked_at = 0

    class Counting(set[Element]):
        def __contains__(self, element: object) -> bool:
            nonlocal looked_at
            looked_at += 1
            return super().__contains__(element)

    attributes = EditAttributes(choosing, document := config(text))
    assert len(attributes.tagged) == count
    attributes.claimed = Counting(attributes.claimed)
    assert attributes.all_claimed() == attributes.tagged
    assert looked_at <= 3 * len(document[0])


def test_one_without_the_attribute_speaks_for_its_own_leaf_list(choosing: Schema) -> None:
    here = oven(racks(1, 2, attributes=TRUE) + racks(3) + f"<heat {TRUE}>1</heat>")
    there = oven(racks(1, 2, attributes=TRUE))
    tagged = EditAttributes(choosing, config(here + there + bells("a", attributes=TRUE) + bells("b"))).tagged
    assert sorted((str(e.tag).rpartition("}")[2], e.text) for e in tagged) == [
        ("heat", "1"),
        ("rack", "1"),
        ("rack", "2"),
    ]
