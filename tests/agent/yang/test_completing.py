"""What is validated in pieces at a start is what it would be as a whole, and what is wrong is never used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import RpcErrors
from agent.served import SERVED, standard_modules
from agent.yang import completing
from agent.yang.completing import Keyed, complete, nobody
from agent.yang.native import lib
from agent.yang.nodes import Defaults, Node, children, keys_of, parent_of, siblings, to_json
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import entries_of
from agent.yang.validate import validate
from tests.agent.datastore.test_in_pieces import (
    BESIDES,
    BODIES,
    ENTRIES,
    LIST,
    MODULE,
    WRONG,
    document,
)


def schema_of(folder: Path, text: str) -> Schema:
    file = folder / "pieces.yang"
    file.write_text(text)
    return Schema(standard_modules(), SERVED, [file])


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    return schema_of(tmp_path_factory.mktemp("pieces"), MODULE)


@pytest.fixture(autouse=True)
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(completing, "PIECE", 2)
        monkeypatch.setattr(completing, "LEAST", 1)
        monkeypatch.setattr("agent.yang.many.FEW", 1)
        yield


def parsed(schema: Schema, text: str) -> Tree:
    return Tree.parse(schema, text.encode())


def flags(first: Node) -> Iterator[int]:
    for node in siblings(first):
        yield node.flags & ~lib.LYD_NEW
        for child in children(node):
            yield from flags(child)


def told(tree: Tree) -> object:
    printed = [tree.to_xml(defaults, keep_empty=True) for defaults in Defaults]
    return printed, list(flags(tree.first))


@settings(max_examples=200, deadline=None)
@given(entries=ENTRIES, beside=BESIDES, single=st.sampled_from(("", "<single xmlns='%s'><k>1</k></single>")))
def test_it_is_what_it_would_be_as_a_whole(
    pieces: Schema, entries: dict[str, str], beside: str, single: str
) -> None:
    text = document(entries, beside, single.replace("%s", "urn:yangswan:test:pieces"))
    whole, tree = parsed(pieces, text), parsed(pieces, text)
    validate(whole, everything=True)
    list_node, heard = pieces.find(LIST), Keyed()
    read = complete(tree, [list_node], lambda _node, some: heard.update(some))
    assert read is not None
    assert told(tree) == told(whole)
    expected = {keys_of(node, list_node): to_json(node) for node in entries_of(whole, LIST)}
    if len(entries) > 1:
        assert list(read[list_node].items()) == list(expected.items())
        assert heard.items() == set_without_first(expected).items()
    else:
        assert (read, heard) == ({}, {})


def set_without_first(expected: Keyed) -> Keyed:
    return dict(list(expected.items())[1:])


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("at", range(9))
def test_where_one_is_wrong_nothing_is_returned(pieces: Schema, wrong: str, at: int) -> None:
    rows = {f"n{number}": wrong if number == at else BODIES[number] for number in range(9)}
    with pytest.raises(RpcErrors):
        validate(parsed(pieces, document(rows)), everything=True)
    assert complete(parsed(pieces, document(rows)), [pieces.find(LIST)], nobody) is None


@pytest.mark.parametrize("wanted", [False, True])
def test_an_entry_that_stands_twice_is_seen_in_two_pieces(pieces: Schema, wanted: bool) -> None:
    once = parsed(pieces, document(dict.fromkeys("abcdef", "")))
    list_node = pieces.find(LIST)
    first, last = (list(entries_of(once, LIST))[at] for at in (0, -1))
    home = parent_of(last)
    again, node = once.copy_and_node(first)
    once.insert(home, again.detach(node))
    with pytest.raises(RpcErrors):
        validate(once.duplicate(), everything=True)
    assert complete(once, [list_node] if wanted else [], nobody) is None


def test_what_is_wrong_beside_them_is_seen(pieces: Schema) -> None:
    rows = dict.fromkeys("abcde", "")
    text = document(rows, "<other><k>1</k></other>")  # a mandatory leaf is not there
    assert complete(parsed(pieces, text), [pieces.find(LIST)], nobody) is None


@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        ('unique "number";', {"a": "", "b": "<number>1</number>", "c": "", "d": "<number>1</number>"}),
        ("max-elements 3;", dict.fromkeys("abcd", "")),
        ('must "count(../entry) < 4";', dict.fromkeys("abcd", "")),
    ],
)
def test_a_list_with_a_rule_for_several_entries_is_validated_as_a_whole(
    tmp_path: Path, rule: str, rows: dict[str, str]
) -> None:
    schema = schema_of(tmp_path, MODULE.replace('key "id";', f'key "id"; {rule}'))
    list_node = schema.find(LIST)
    assert complete(parsed(schema, document(rows)), [list_node], nobody) is None
    fewer = dict(list(rows.items())[:3])
    assert complete(parsed(schema, document(fewer)), [list_node], nobody) == {}


def test_a_list_under_a_condition_is_validated_as_a_whole(tmp_path: Path) -> None:
    schema = schema_of(tmp_path, MODULE.replace('key "id";', 'key "id"; when "../beside = 1";'))
    text = document(dict.fromkeys("abcd", ""), "<beside>2</beside>")
    assert complete(parsed(schema, text), [schema.find(LIST)], nobody) is None


def test_only_what_is_wanted_is_read(pieces: Schema) -> None:
    heard: list[SchemaNode] = []
    text = document(dict.fromkeys("abcde", ""))
    assert complete(parsed(pieces, text), [], lambda node, _some: heard.append(node)) == {}
    assert heard == []
