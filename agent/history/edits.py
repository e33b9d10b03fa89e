"""What turns one state into another, edit by edit, in an order in which they can be applied. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from agent.yang.difference import Difference, Operation
from agent.yang.nodes import NO_NODE, Node, first_sibling, instances
from agent.yang.schema_node import SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import Unit, unit_differences, units_by_path


class Change(Enum):
    """What is done to a node, in the words of RFC 8072 section 2.5."""

    CREATE = "create"
    DELETE = "delete"
    REPLACE = "replace"
    INSERT = "insert"
    MOVE = "move"


@dataclass(frozen=True, slots=True)
class Edit:
    """One node that differs.

    ``old`` is in the tree before (NO_NODE if it is not there), ``new`` in the tree after. ``behind``: the
    entry or value in the tree after that an inserted or moved one comes next to; NO_NODE is the first place.
    ``last``: what is inserted comes behind all that was there before.
    """

    change: Change
    schema_node: SchemaNode
    old: Node = NO_NODE
    new: Node = NO_NODE
    behind: Node = NO_NODE
    last: bool = False

    @property
    def node(self) -> Node:
        return self.old if self.new == NO_NODE else self.new


def edits(before: Tree, after: Tree, units: Mapping[str, Unit] | None = None) -> Iterator[Edit]:
    """*worker* Yield what has to be done to ``before`` to get ``after``.

    What a choice drives out is deleted before what drives it out is created.

    Args:
        units: all that may differ, by path; None if these are not known.
    """
    units = units_by_path(before, after) if units is None else units
    for unit in sorted(units.values(), key=lambda unit: (not _driven_out(unit, after), natural(unit.path))):
        yield from _edits(before, list(unit_differences([unit], before, after, every_node=False)))


_NUMBER = re.compile(r"(\d+)")


def natural(path: str) -> tuple[tuple[int, str], ...]:
    """Return what sorts 9 before 10."""
    return tuple((int(part[:18]), part) if part.isdecimal() else (-1, part) for part in _NUMBER.split(path))


def _driven_out(unit: Unit, after: Tree) -> bool:
    node: SchemaNode | None = unit.schema_node
    while node is not None and not node.cases:
        node = node.parent
    return node is not None and not unit.locate(after)


def _edits(before: Tree, found: Sequence[Difference]) -> Iterator[Edit]:
    placed: dict[Node, Change] = {}
    lists: dict[tuple[Node, SchemaNode], None] = {}
    for one in found:
        node, schema_node = one.node, one.schema_node
        if one.operation is Operation.DELETE:
            yield Edit(Change.DELETE, schema_node, old=node)
        elif schema_node.user_ordered and schema_node.config:
            placed[node] = Change.INSERT if one.operation is Operation.CREATE else Change.MOVE
            lists[first_sibling(node), schema_node] = None
        elif one.operation is Operation.CREATE:
            yield Edit(Change.CREATE, schema_node, new=node)
        else:
            yield Edit(Change.REPLACE, schema_node, old=before.find_like(node), new=node)
    for first, schema_node in lists:
        yield from _placements(before, schema_node, instances(first, schema_node), placed)


def _placements(
    before: Tree, schema_node: SchemaNode, entries: Iterable[Node], placed: dict[Node, Change]
) -> Iterator[Edit]:
    """Yield the edits that put entries in order, each next to the one in front of it, from the first on: what
    stays where it is needs none."""
    nodes = list(entries)
    stays = max((at for at, node in enumerate(nodes) if placed.get(node) is not Change.INSERT), default=-1)
    behind = NO_NODE
    for at, node in enumerate(nodes):
        change = placed.get(node)
        if change is not None:
            old = before.find_like(node) if change is Change.MOVE else NO_NODE
            yield Edit(change, schema_node, old=old, new=node, behind=behind, last=at > stays)
        behind = node
