"""Two threads and more call libyang at once, in one context: trees of their own, and one that all read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent.errors import RpcErrors
from agent.yang.finding import entry_with_keys, find_all
from agent.yang.merging import merge
from agent.yang.native import extra
from agent.yang.nodes import NO_NODE, first_child, keys_of, path_of, same_content, sibling_of_schema, value_of
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.validate import validate
from tests.agent.lab import EC, make_schema, top

ROUNDS = 150
ENTRIES = 60
PATIENCE_S = 100
NAME = "every-construct"


def body(number: int) -> bytes:
    entries = "".join(f"<entry><id>e{n}</id><number>{number}</number></entry>" for n in range(ENTRIES))
    return top(entries).encode()


def writes(schema: Schema, round_: int) -> None:
    """Parse, merge, validate, copy, and free all of it; what is wrong is said of this thread's own data."""
    tree = Tree.parse(schema, body(round_ % 100))
    merge(tree, Tree.parse(schema, body(round_ % 100 + 1)))
    tree.add_defaults()
    copy = tree.duplicate()
    validate(copy, everything=True)
    assert copy.to_xml() == body(round_ % 100 + 1)
    with pytest.raises(RpcErrors) as caught:
        Tree.parse(schema, top(f"<entry><id>w{round_}</id><number>much</number></entry>").encode())
    assert [error.path for error in caught.value.errors] == [f"/{NAME}:top/entry[id='w{round_}']/number"]


def looks_up(schema: Schema, shared: Tree, round_: int) -> None:
    """Find entries, leafs and containers of a tree that others look at, and print and copy it."""
    node = schema.find(f"/{NAME}:top/entry")
    first = first_child(shared.find(f"/{NAME}:top"))
    entry = entry_with_keys(first, node, (f"e{round_ % ENTRIES}",))
    assert keys_of(entry, node) == (f"e{round_ % ENTRIES}",)
    assert value_of(sibling_of_schema(first_child(entry), node.children[EC, "number"])) == "7"
    assert shared.find(f"/{NAME}:top/entry[id='e5']/plain") != NO_NODE
    assert path_of(shared.find_like(entry)) == f"/{NAME}:top/entry[id='e{round_ % ENTRIES}']"
    assert entry_with_keys(first, node, ("none",)) == NO_NODE
    assert len(find_all(shared, f"/{NAME}:top/{NAME}:entry[{NAME}:id='e3']/{NAME}:number")) == 1


def prints(shared: Tree, _round: int) -> None:
    assert shared.to_xml() == body(7)
    assert shared.duplicate().to_xml() == body(7)


def test_threads_do_not_see_each_other_in_libyang() -> None:
    schema = make_schema()
    shared = Tree.parse(schema, body(7))
    shared.add_defaults()
    shared.shared = True
    start = threading.Barrier(5)
    work: list[Callable[[int], None]] = [
        lambda round_: writes(schema, round_),
        lambda round_: writes(schema, ROUNDS + round_),
        lambda round_: looks_up(schema, shared, round_),
        lambda round_: looks_up(schema, shared, round_ + 31),
        lambda round_: prints(shared, round_),
    ]

    def carry_out(one: Callable[[int], None]) -> int:
        schema.frees_here()
        start.wait(PATIENCE_S)
        for round_ in range(ROUNDS):
            one(round_)
        return ROUNDS

    with ThreadPoolExecutor(len(work)) as pool:
        done = [pool.submit(carry_out, one) for one in work]
        assert [one.result(PATIENCE_S) for one in done] == [ROUNDS] * len(work)
    assert not schema._orphans


def test_what_looks_nodes_up_while_it_compares_keeps_the_others_out(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libyang 3 does."""
    beside: list[str] = []
    before = extra.lyd_compare_single

    def compares(*given: object) -> object:
        beside.append("beside")
        return before(*given)

    monkeypatch.setitem(extra.__dict__, "lyd_compare_single", compares)
    same, again, other = (Tree.parse(schema, body(number)) for number in (7, 7, 8))
    assert same_content(again.first, same.first)
    assert not same_content(other.first, same.first)
    assert beside == []
