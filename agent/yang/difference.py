"""What differs between two states of the same nodes, node by node."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from agent.yang.native import NULL, lib
from agent.yang.nodes import (
    INSTANCES,
    Node,
    children,
    is_default,
    same_content,
    same_to_the_end,
    sibling_like,
    value_of,
)
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode


class Operation(Enum):
    """The access that a change of a node needs (RFC 8341 section 3.4.4)."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Difference:
    """One node that differs; ``node`` lives in the tree before if it is deleted, else in the tree after."""

    operation: Operation
    node: Node
    schema_node: SchemaNode


def differences(
    schema: Schema, before: Sequence[Node], after: Sequence[Node], *, every_node: bool = False
) -> Iterator[Difference]:
    """Yield what must be done to ``before`` (siblings of one tree) to get ``after`` (of another).

    A created or deleted node stands for all below it, unless ``every_node``: then what a choice drives out
    counts as nothing, for nobody needs rights for that (RFC 8341 section 3.2.5). Defaults that nobody set and
    containers that only hold others count as nothing.
    """
    gone, come = unlike(before, after)
    if _are_partners(gone, come) and _counts(schema, gone[0]) and _counts(schema, come[0]):
        yield from _changed(schema, gone[0], come[0], every_node)
        return
    for old in gone:
        new = _partner(old, after)
        if _counts(schema, old) and (new == NULL or not _counts(schema, new)):
            if every_node and _driven_out(schema, old, after):
                continue
            yield from _all(schema, Operation.DELETE, old, every_node)
        elif new == NULL:
            yield from _below(schema, old, None, every_node)
    for new in come:
        old = _partner(new, before)
        if not _counts(schema, new):
            yield from _below(schema, old if old != NULL else None, new, every_node)
        elif old == NULL or not _counts(schema, old):
            yield from _all(schema, Operation.CREATE, new, every_node)
        else:
            yield from _changed(schema, old, new, every_node)
    if come:
        yield from _moves(schema, before, after)


def unlike(before: Sequence[Node], after: Sequence[Node]) -> tuple[Sequence[Node], Sequence[Node]]:
    """Return siblings before and after without what is the same at their beginnings, and at their ends: most
    of it where little has changed, and libyang compares quicker than anybody looks for partners."""
    most = min(len(before), len(after))
    first = next((at for at in range(most) if not same_content(before[at], after[at])), most)
    following = first + 1
    if following < most and len(before) == len(after) and same_to_the_end(before, after, following):
        return before[first:following], after[first:following]  # one of many, as nearly always
    rest = range(1, most - first + 1)
    last = next((at - 1 for at in rest if not same_content(before[-at], after[-at])), most - first)
    return before[first : len(before) - last], after[first : len(after) - last]


def same_but_for_order(schema: Schema, before: Sequence[Node], after: Sequence[Node]) -> bool:
    """True if both hold the same, in the same order where it is one of the data (``ordered-by user``).

    Of defaults and what somebody set it does matter which is which, as in ``same_content``.
    """
    if len(before) != len(after):
        return False
    differing, others = unlike(before, after)
    if not differing and not others:
        return True
    if _are_partners(differing, others):
        return _same_below(schema, differing[0], others[0])
    return all(_has_same(schema, old, after) for old in differing) and not any(_moves(schema, before, after))


def _has_same(schema: Schema, old: Node, after: Sequence[Node]) -> bool:
    new = _partner(old, after)
    return new != NULL and (same_content(old, new) or _same_below(schema, old, new))


def _same_below(schema: Schema, old: Node, new: Node) -> bool:
    has_more = schema.node_of(old.schema).kind in (Kind.CONTAINER, Kind.LIST)
    if not has_more or is_default(old) != is_default(new):
        return False
    return same_but_for_order(schema, list(children(old)), list(children(new)))


def _driven_out(schema: Schema, old: Node, after: Sequence[Node]) -> bool:
    """True if another case of a choice that ``old`` was in has been chosen instead."""
    cases = dict(schema.node_of(old.schema).cases)
    if not cases:
        return False
    chosen = (schema.node_of(node.schema) for node in after if not is_default(node))
    return any(cases.get(choice, case) != case for node in chosen for choice, case in node.cases)


def _changed(schema: Schema, old: Node, new: Node, every_node: bool) -> Iterator[Difference]:
    schema_node = schema.node_of(new.schema)
    if schema_node.kind is Kind.LEAF:
        if value_of(old) != value_of(new):
            yield Difference(Operation.UPDATE, new, schema_node)
    elif schema_node.kind is Kind.ANYDATA:
        if not same_content(old, new):
            yield Difference(Operation.UPDATE, new, schema_node)
    elif schema_node.kind is not Kind.LEAF_LIST and not same_content(old, new):
        yield from differences(schema, list(children(old)), list(children(new)), every_node=every_node)


def _below(schema: Schema, old: Node | None, new: Node | None, every_node: bool) -> Iterator[Difference]:
    """Look into containers without presence; a default leaf has nothing below."""
    one, other = _contents(schema, old), _contents(schema, new)
    if new is None and old is not None and schema.node_of(old.schema).kind is Kind.CONTAINER:
        yield from differences(schema, one, [], every_node=every_node)
    elif new is not None:
        yield from differences(schema, one, other, every_node=every_node)


def _contents(schema: Schema, node: Node | None) -> list[Node]:
    if node is None or schema.node_of(node.schema).kind is not Kind.CONTAINER:
        return []
    return list(children(node))


def _all(schema: Schema, operation: Operation, node: Node, every_node: bool) -> Iterator[Difference]:
    schema_node = schema.node_of(node.schema)
    if not schema_node.is_np_container:
        yield Difference(operation, node, schema_node)
    if every_node and not schema_node.is_leafy:
        for child in children(node):
            if not is_default(child) and not schema.node_of(child.schema).is_key:
                yield from _all(schema, operation, child, every_node)


def _counts(schema: Schema, node: Node) -> bool:
    return not is_default(node) and not schema.node_of(node.schema).is_np_container


def _partner(node: Node, others: Sequence[Node]) -> Node:
    return sibling_like(lib.lyd_first_sibling(others[0]), node) if others else NULL


def _are_partners(gone: Sequence[Node], come: Sequence[Node]) -> bool:
    """True if each is one node that stands once beside its siblings: the same one, before and after."""
    if len(gone) != 1 or len(come) != 1:
        return False
    schema_node = gone[0].schema
    return schema_node == come[0].schema and schema_node.nodetype not in INSTANCES


def _moves(schema: Schema, before: Sequence[Node], after: Sequence[Node]) -> Iterator[Difference]:
    """Yield the entries of user-ordered lists that stand elsewhere than before."""
    for schema_node in map(schema.node_of, dict.fromkeys(node.schema for node in after)):
        if not schema_node.user_ordered:
            continue
        now = [n for n in after if n.schema == schema_node.pointer and _partner(n, before) != NULL]
        place = {node: at for at, node in enumerate(before)}
        for moved in _out_of_order([place[_partner(node, before)] for node in now]):
            yield Difference(Operation.UPDATE, now[moved], schema_node)


def _out_of_order(places: Sequence[int]) -> list[int]:
    """Return the indexes of the fewest items that must be moved to put the others in order.

    The others are a longest increasing subsequence, found by the last item of the best one of each length.
    """
    lasts: list[int] = []
    ends: list[int] = []
    before: list[int | None] = []
    for index, place in enumerate(places):
        length = bisect_left(lasts, place)
        lasts[length : length + 1] = [place]
        ends[length : length + 1] = [index]
        before.append(ends[length - 1] if length else None)
    kept: set[int] = set()
    step = ends[-1] if ends else None
    while step is not None:
        kept.add(step)
        step = before[step]
    return [index for index in range(len(places)) if index not in kept]
