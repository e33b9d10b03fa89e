"""All entries of a list printed in one call, and cut apart again: what one after the other gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.yang import many
from agent.yang.annotations import add_annotation
from agent.yang.many import json_all, locate_all, print_all, printed
from agent.yang.nodes import Node, print_node, take_as_set, to_json
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.units import Unit, all_units
from tests.agent.lab import make_schema

NAMESPACE = "urn:yangswan:test:same-names"
HOSTILE = ("</entry><entry>", '},{"id":', '"}],"entry":[{"id":"x', "a\r\n", "\\", '\\"', "é", "]]>", "")
COUNT = 5

texts = st.lists(st.sampled_from(HOSTILE), max_size=COUNT)


@pytest.fixture(scope="module")
def alike() -> Schema:
    return make_schema("same-names", "same-names-more")


@pytest.fixture(autouse=True, scope="module")
def _few_are_many() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many, "FEW", 2)
        patch.setattr(many, "PIECE_OCTETS", 40)
        yield


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Node]:
    """Collects the nodes that are printed."""
    nodes: list[Node] = []

    def note(node: Node, *arguments: object, **named: object) -> bytes:
        nodes.append(node)
        return print_node(node, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(many, "print_node", note)
    return nodes


def tree_of(schema: Schema, rows: Sequence[str], last: str = "") -> Tree:
    body = "".join(f"<entry><id>{number}</id>{row}</entry>" for number, row in enumerate(rows))
    body += f"<last>{escape(last)}</last>" if last else ""
    return Tree.parse(schema, f'<top xmlns="{NAMESPACE}">{body}</top>'.encode())


def entries_of(tree: Tree) -> tuple[list[Unit], list[list[Node]]]:
    units = [unit for unit in all_units(tree) if unit.is_entry]
    return units, locate_all(units, tree)


def check(tree: Tree) -> None:
    units, found = entries_of(tree)
    assert print_all(units, found) == [printed(unit, nodes) for unit, nodes in zip(units, found, strict=True)]
    assert list(json_all(nodes[0] for nodes in found)) == [to_json(nodes[0]) for nodes in found]


@given(texts, st.sampled_from(HOSTILE))
def test_no_value_is_taken_for_the_end_of_an_entry(alike: Schema, rows: list[str], last: str) -> None:
    check(tree_of(alike, [f"<text>{escape(row)}</text>" for row in rows], last))


@given(st.lists(st.integers(0, 3), min_size=2, max_size=COUNT))
def test_entries_in_entries_of_the_same_name(alike: Schema, counts: list[int]) -> None:
    inner = ["".join(f"<entry><id>{n}</id></entry>" for n in range(count)) for count in counts]
    check(tree_of(alike, [f"<within>{body}</within>" for body in inner]))


def tree_of_two(schema: Schema, rows: Sequence[str], count: int) -> Tree:
    """Return a tree with a list beside which another of its name stands, with ``count`` entries."""
    others = "".join(f"<entry xmlns='{NAMESPACE}-more'><id>more {n}</id></entry>" for n in range(count))
    body = "".join(f"<entry><id>{n}</id><text>{escape(row)}</text></entry>" for n, row in enumerate(rows))
    return Tree.parse(schema, f'<top xmlns="{NAMESPACE}">{body}{others}</top>'.encode())


def of_each_list(tree: Tree) -> list[tuple[list[Unit], list[list[Node]]]]:
    units, _ = entries_of(tree)
    lists = [
        [unit for unit in units if unit.schema_node.module == module]
        for module in ("same-names", "same-names-more")
    ]
    return [(some, locate_all(some, tree)) for some in lists]


@given(texts, st.integers(0, COUNT))
def test_a_list_of_the_same_name_is_not_printed_with_it(alike: Schema, rows: list[str], count: int) -> None:
    tree = tree_of_two(alike, rows, count)
    for units, found in of_each_list(tree):
        alone = [printed(unit, nodes) for unit, nodes in zip(units, found, strict=True)]
        assert print_all(units, found) == alone


@pytest.mark.parametrize("octets", [40, 10**6])
def test_a_list_of_the_same_name_is_not_taken_for_it(
    alike: Schema, octets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read in pieces, and in one."""
    monkeypatch.setattr(many, "PIECE_OCTETS", octets)
    tree = tree_of_two(alike, HOSTILE[:COUNT], COUNT)
    for _units, found in of_each_list(tree):
        assert list(json_all(nodes[0] for nodes in found)) == [to_json(nodes[0]) for nodes in found]


def test_a_list_is_printed_once_for_all_of_its_entries(alike: Schema, asked: list[Node]) -> None:
    tree = tree_of(alike, ["<text>a</text>"] * COUNT)
    units, found = entries_of(tree)
    print_all(units, found)
    asked.clear()  # what stands around an entry is known now
    print_all(units, found)
    assert len(asked) == 1
    list(json_all(nodes[0] for nodes in found))
    assert len(asked) == 2


@pytest.mark.parametrize(
    "some", [slice(1, None), slice(None, -1), slice(None, None, 2), slice(None, None, -1)]
)
def test_some_entries_are_printed_one_by_one(alike: Schema, asked: list[Node], some: slice) -> None:
    tree = tree_of(alike, ["<text>a</text>"] * COUNT)
    units, found = entries_of(tree)
    units, found = units[some], found[some]
    alone = [printed(unit, nodes) for unit, nodes in zip(units, found, strict=True)]
    print_all(units, found)
    asked.clear()
    assert print_all(units, found) == alone
    assert list(json_all(nodes[0] for nodes in found)) == [to_json(nodes[0]) for nodes in found]
    assert [node == nodes[0] for node, nodes in zip(asked, found * 2, strict=True)] == [True] * len(asked)


def test_an_entry_with_an_annotation_is_printed_with_it(alike: Schema) -> None:
    tree = tree_of(alike, ["<text>a</text>"] * COUNT)
    _units, found = entries_of(tree)
    take_as_set(tree.first)
    add_annotation(alike, found[1][0], "ietf-origin", "origin", "ietf-origin:intended")
    check(tree)
