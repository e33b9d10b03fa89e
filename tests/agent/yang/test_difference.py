"""What differs between two trees: told in nodes, each with the access that the change needs."""

from __future__ import annotations

import pytest

from agent.yang.difference import differences, same_but_for_order
from agent.yang.nodes import path_of, siblings
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.units import units_by_path
from tests.agent.lab import EC

TOP = "/every-construct:top"


def tree(schema: Schema, body: str) -> Tree:
    made = Tree.parse(schema, body.encode())
    made.add_defaults()
    return made


def entry(body: str, number: int = 1) -> str:
    return f'<top xmlns="{EC}"><entry><id>{number}</id>{body}</entry></top>'


CASES = {
    "nothing": (entry("<number>1</number>"), entry("<number>1</number>"), [], []),
    "a value": (
        entry("<number>1</number>"),
        entry("<number>2</number>"),
        [("update", "/entry[id='1']/number")],
        [("update", "/entry[id='1']/number")],
    ),
    "an entry": (
        "",
        entry("<number>1</number><word>a</word>"),
        [("create", "/entry[id='1']")],
        [
            ("create", "/entry[id='1']"),
            ("create", "/entry[id='1']/number"),
            ("create", "/entry[id='1']/word"),
        ],
    ),
    "an entry less": (
        entry("<number>1</number>"),
        "",
        [("delete", "/entry[id='1']")],
        [("delete", "/entry[id='1']"), ("delete", "/entry[id='1']/number")],
    ),
    "below a container without presence": (
        entry("<plain><speed>7</speed></plain>"),
        entry(""),
        [("delete", "/entry[id='1']/plain/speed")],
        [("delete", "/entry[id='1']/plain/speed")],
    ),
    "an explicit default": (
        entry(""),
        entry("<plain><speed>100</speed></plain>"),
        [("create", "/entry[id='1']/plain/speed")],
        [("create", "/entry[id='1']/plain/speed")],
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("every_node", [False, True])
def test_differences(schema: Schema, name: str, every_node: bool) -> None:
    before, after, short, full = CASES[name]
    old, new = tree(schema, before), tree(schema, after)
    found = differences(schema, list(old.top_level()), list(new.top_level()), every_node=every_node)
    told = [(d.operation.value, path_of(d.node).removeprefix(TOP)) for d in found]
    assert sorted(told) == sorted(full if every_node else short)


def test_a_move_in_a_list_ordered_by_the_user_is_an_update(schema: Schema) -> None:
    old = tree(schema, "".join(f'<order xmlns="{EC}">{n}</order>' for n in "abc"))
    new = tree(schema, "".join(f'<order xmlns="{EC}">{n}</order>' for n in "acb"))
    found = differences(schema, list(old.top_level()), list(new.top_level()))
    told = [(d.operation.value, path_of(d.node)) for d in found]
    assert told == [("update", "/every-construct:order[.='c']")]


@pytest.mark.parametrize(
    ("now", "moved"),
    [("abcd", ""), ("dabc", "d"), ("bcda", "a"), ("acbd", "c"), ("dcba", "dcb"), ("badc", "bd")],
)
def test_as_few_as_possible_count_as_moved(schema: Schema, now: str, moved: str) -> None:
    old = tree(schema, "".join(f'<order xmlns="{EC}">{n}</order>' for n in "abcd"))
    new = tree(schema, "".join(f'<order xmlns="{EC}">{n}</order>' for n in now))
    found = differences(schema, list(old.top_level()), list(new.top_level()))
    assert "".join(path_of(d.node)[-3] for d in found) == moved


def test_a_presence_container_counts_by_itself(schema: Schema) -> None:
    old, new = tree(schema, ""), tree(schema, entry("<present/>"))
    found = differences(schema, list(old.top_level()), list(new.top_level()), every_node=True)
    assert [path_of(d.node) for d in found] == [f"{TOP}/entry[id='1']", f"{TOP}/entry[id='1']/present"]


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("<tag>a</tag><tag>b</tag>", "<tag>b</tag><tag>a</tag>", True),
        ("<tag>a</tag><tag>b</tag>", "<tag>b</tag><tag>c</tag>", False),
        ("<tag>a</tag><tag>b</tag>", "<tag>b</tag>", False),
        ("<tag>a</tag><tag>b</tag><number>1</number>", "<tag>b</tag><tag>a</tag><number>2</number>", False),
        ("<step>a</step><step>b</step>", "<step>b</step><step>a</step>", False),
        ("<stage><name>a</name></stage><stage><name>b</name></stage>",
         "<stage><name>b</name></stage><stage><name>a</name></stage>", False),
        ("<tag>a</tag><tag>b</tag>", "<tag>b</tag><tag>a</tag><plain><speed>100</speed></plain>", False),
    ],
    ids=["leaf-list", "value", "fewer", "beside", "user leaf-list", "user list", "explicit default"],
)  # fmt: skip
def test_an_order_that_is_none_of_the_data_is_no_difference(
    schema: Schema, before: str, after: str, same: bool
) -> None:
    one, other = tree(schema, entry(before)), tree(schema, entry(after))
    (unit,) = [unit for path, unit in units_by_path(one).items() if path == f"{TOP}/entry[id='1']"]
    assert unit.is_same(one, other) is unit.is_same(other, one) is same
    assert unit.is_same(one, other, defaults=True) is same
    assert same_but_for_order(schema, list(siblings(one.first)), list(siblings(other.first))) is same
