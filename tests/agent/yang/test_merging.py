"""Many siblings are merged some at a time, and come out as if they had been merged at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.yang import merging
from agent.yang.nodes import children, siblings
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.lab import EC

FEW = st.lists(st.sampled_from("abcdefghij"), unique=True, max_size=10)
HOSTILE = "urn:hostile"


def document(names: list[str], ordered: list[str], words: list[str], value: str) -> str:
    items = "".join(f"<item><name>{name}</name><v>{value}</v></item>" for name in names)
    listed = "".join(f"<uo><k>{name}</k><v>{value}</v></uo>" for name in ordered)
    leafs = "".join(f"<ul>{word}</ul>" for word in words)
    top = "".join(f'<idl xmlns="{HOSTILE}"><i>one-id</i><x>{value}</x></idl>' for _ in names[:1])
    return f'<box xmlns="{HOSTILE}">{items}{leafs}{listed}<mode>{value}</mode></box>{top}'


documents = st.builds(document, FEW, FEW, FEW, st.sampled_from(("one", "two")))


@given(before=documents, patch=documents)
def test_it_is_the_same_as_merging_at_once(schema: Schema, before: str, patch: str) -> None:
    at_once, in_pieces = (Tree.parse(schema, before.encode()) for _ in range(2))
    at_once.merge(Tree.parse(schema, patch.encode()))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(merging, "AT_ONCE", 2)
        merging.merge(in_pieces, Tree.parse(schema, patch.encode()))
    assert in_pieces.to_xml() == at_once.to_xml()


def nested(levels: list[int]) -> str:
    stages = "".join(f"<stage><name>s{n}</name></stage>" for n in range(levels[1]))
    entries = "".join(f"<entry><id>{n}</id>{stages}</entry>" for n in range(1, levels[0] + 1))
    return f'<top xmlns="{EC}">{entries}</top>'


@pytest.fixture
def widths(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The most siblings of each tree that libyang is given."""
    given: list[int] = []
    merge: Callable[..., None] = Tree.merge

    def counted(target: Tree, patch: Tree, **options: bool) -> None:
        given.append(_width(patch))
        merge(target, patch, **options)

    monkeypatch.setattr(Tree, "merge", counted)
    return given


def _width(tree: Tree) -> int:
    groups = [list(siblings(tree.first))]
    widest = 0
    while groups:
        group = groups.pop()
        widest = max(widest, len(group))
        groups.extend(below for node in group if (below := list(children(node))))
    return widest


def test_libyang_never_gets_many_siblings(
    schema: Schema, widths: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "AT_ONCE", 5)
    target = Tree(schema)
    whole = nested([23, 12])
    for _ in range(2):
        merging.merge(target, Tree.parse(schema, whole.encode()))
        assert target.to_xml() == Tree.parse(schema, whole.encode()).to_xml()
    assert len(widths) > 2 * 23 * 12 // 5 // 5
    assert max(widths) <= 5 + 1  # the key stands beside the entries


def test_few_are_merged_at_once(schema: Schema, widths: list[int]) -> None:
    merging.merge(Tree(schema), Tree.parse(schema, nested([20, 20]).encode()))
    assert len(widths) == 1


def test_nothing_is_merged_from_nothing(schema: Schema, widths: list[int]) -> None:
    merging.merge(Tree(schema), Tree(schema))
    assert widths == []
