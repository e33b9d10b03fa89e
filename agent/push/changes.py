"""What turns some pieces into others, as the edits of a YANG patch (RFC 8072, RFC 8641 section 3.7). Pure.

Entries of a list without keys, and values of state that are there several times, have no name in a patch:
what they lie in is replaced as a whole."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from agent.history.edits import Change, Edit, edits
from agent.history.patch import patch_edits
from agent.history.room import Room
from agent.push.pieces import Pieces, together
from agent.yang.nodes import NO_NODE, Node, children, parent_of, same_content, siblings, upwards, value_of
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.tree import Tree


@dataclass(frozen=True, slots=True)
class Written:
    """``<edit>`` elements, so many."""

    body: bytes
    count: int


AT_ONCE = 100
"""Units that are compared at a time: some tens of milliseconds."""


def differing(before: Pieces, after: Pieces) -> list[str]:
    """Return the paths of pieces that differ, first those that are gone: what comes may be their successor in
    a choice."""
    gone = [path for path in before if path not in after]
    return gone + [path for path, piece in after.items() if before.get(path) != piece]


def changes(
    schema: Schema,
    before: Pieces,
    after: Pieces,
    room: Room,
    *,
    excluded: Collection[Change] = (),
    first: int = 1,
) -> Written:
    """*worker* Return the edits that turn ``before`` into ``after``; none if both mean the same.

    Args:
        room: what they may take.
        excluded: kinds of edits that are left out (``excluded-change``).
        first: the number of the first edit.

    Raises:
        ResourceDenied: there is not enough room.
    """
    paths = differing(before, after)
    old, new = (
        Tree.parse(schema, together(side[path] for path in paths if path in side)) for side in (before, after)
    )
    told = [edit for edit in _named(schema, old, new) if edit.change not in excluded]
    return Written(patch_edits(schema, told, room, first=first, old=None), len(told))


def _named(schema: Schema, old: Tree, new: Tree) -> Iterator[Edit]:
    """Yield edits of nodes that can be named."""
    nameless = {node: None for tree in (old, new) for node in _nameless(schema, siblings(tree.first))}
    for node in list(nameless):  # in both trees
        for tree in (old, new):
            if (twin := tree.find_like(node)) != NO_NODE:
                nameless[twin] = None
    for edit in edits(old, new):
        if _says_nothing(edit) or any(node in nameless for node in upwards(parent_of(edit.node))):
            continue
        yield edit
    yield from _as_a_whole(schema, old, new, nameless)


def _says_nothing(edit: Edit) -> bool:
    """True for an entry or value of state that only stands elsewhere: its order is none of the data."""
    node = edit.schema_node
    return edit.change is Change.REPLACE and node.has_instances and not node.config


def _nameless(schema: Schema, nodes: Iterator[Node]) -> Iterator[Node]:
    """Yield the outermost nodes, ``nodes`` and below, in which something has no name."""
    for node in nodes:
        if not schema.node_of(node.schema).is_interior:
            continue
        if _holds_nameless(schema, node):
            yield node
        else:
            yield from _nameless(schema, children(node))


def _holds_nameless(schema: Schema, node: Node) -> bool:
    values: set[tuple[SchemaNode, str]] = set()
    for child in children(node):
        of = schema.node_of(child.schema)
        if of.kind is Kind.LIST and not of.keys:
            return True
        if of.kind is Kind.LEAF_LIST and not of.config:
            value = (of, value_of(child))
            if value in values:
                return True
            values.add(value)
    return False


def _as_a_whole(schema: Schema, old: Tree, new: Tree, nameless: dict[Node, None]) -> Iterator[Edit]:
    done: set[str] = set()
    for node in nameless:
        was, now = old.find_like(node), new.find_like(node)
        key = f"{now if now != NO_NODE else was}"
        lies_in_another = any(above in nameless for above in upwards(parent_of(node)))
        if key in done or lies_in_another or not _above_in_both(schema, old, new, node):
            continue
        done.add(key)
        of = schema.node_of(node.schema)
        if was == NO_NODE:
            yield Edit(Change.CREATE, of, new=now)
        elif now == NO_NODE:
            yield Edit(Change.DELETE, of, old=was)
        elif not same_content(was, now):
            yield Edit(Change.REPLACE, of, old=was, new=now)


def _above_in_both(schema: Schema, old: Tree, new: Tree, node: Node) -> bool:
    """False if ``node`` comes or goes with something that is named, and that has an edit of its own."""
    for above in upwards(node):
        if not schema.node_of(above.schema).is_np_container:
            return NO_NODE not in (old.find_like(above), new.find_like(above))
    return True
