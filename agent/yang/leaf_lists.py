"""Defaults of leaf-lists, which belong to the leaf-list as a whole (RFC 7950 section 7.7.2).

libyang treats each value for itself: it takes a value that is merged for the default that equals it, and
leaves the other defaults beside it; and it reports a value as a default that equals one of several.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from agent.yang.native import NULL, Pointer, ffi, lib
from agent.yang.nodes import (
    Defaults,
    Node,
    first_child,
    instances,
    is_default,
    sibling_like,
    siblings,
    value_of,
)
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.tree import Tree


def give_way(target: Tree, patch: Tree) -> None:
    """Remove each default of ``target`` that is in use where ``patch`` brings values for its leaf-list."""
    doomed: dict[Node, None] = {}
    _collect(target, target.first, patch.first, doomed)
    for node in doomed:
        target.remove(node)


def _collect(target: Tree, own: Node, brought: Node, doomed: dict[Node, None]) -> None:
    """Add to ``doomed`` the defaults among ``own`` and its siblings, or below, that ``brought`` replaces."""
    for node, schema_node in _with_default_lists(target, brought):
        if schema_node.kind is Kind.LEAF_LIST:
            doomed.update((n, None) for n in instances(own, schema_node) if is_default(n))
        elif (same := sibling_like(own, node)) != NULL:
            _collect(target, first_child(same), first_child(node), doomed)


def printed_with(tree: Tree, defaults: Defaults) -> bytes:
    """*worker* Return ``tree`` as XML; a leaf-list counts as a default only with all its values."""
    with whole_defaults(tree, defaults):
        return tree.to_xml(defaults)


def changes_what_it_prints(schema: Schema, defaults: Defaults) -> bool:
    """True if a tree, and the schema, are marked while the tree is printed so: nobody else may read them."""
    marking = defaults in (Defaults.TRIM, Defaults.REPORT_ALL_TAGGED)
    return marking and any(root.default_lists for root in schema.roots.values())


@contextmanager
def whole_defaults(tree: Tree, defaults: Defaults) -> Iterator[None]:
    """Have each leaf-list of ``tree`` that is printed meanwhile be a default only with all its values."""
    lists = list(_default_lists(tree)) if defaults in (Defaults.TRIM, Defaults.REPORT_ALL_TAGGED) else []
    marked: list[Node] = []
    kept: list[tuple[Pointer, Pointer]] = []
    try:
        if lists:
            _mark(tree, tree.first, marked)
        for node in lists:
            detail = ffi.cast("struct lysc_node_leaflist *", node.pointer)
            kept.append((detail, detail.dflts))
            detail.dflts = NULL  # which libyang would compare each value with
        yield
    finally:
        for detail, dflts in kept:
            detail.dflts = dflts
        for data in marked:
            data.flags &= ~lib.LYD_DEFAULT


def _default_lists(tree: Tree) -> Iterator[SchemaNode]:
    for root in tree.schema.roots.values():
        if root.default_lists:
            yield from (node for node in root.subtree() if node.kind is Kind.LEAF_LIST and node.defaults)


def _mark(tree: Tree, first: Node, marked: list[Node]) -> None:
    """Mark the values of each leaf-list that hold just its defaults as defaults."""
    for node, schema_node in _with_default_lists(tree, first):
        if schema_node.kind is Kind.LEAF_LIST:
            nodes = [n for n in instances(node, schema_node) if not is_default(n)]
            if nodes and are_defaults(schema_node, [value_of(n) for n in nodes]):
                for data in nodes:
                    data.flags |= lib.LYD_DEFAULT
                marked += nodes
        else:
            _mark(tree, first_child(node), marked)


def _with_default_lists(tree: Tree, first: Node) -> Iterator[tuple[Node, SchemaNode]]:
    """Yield those of ``first`` and its siblings that are, or hold, leaf-lists with defaults; of a leaf-list
    one value."""
    seen: set[SchemaNode] = set()
    for node in siblings(first):
        schema_node = tree.schema.node_of(node.schema)
        if not schema_node.default_lists or schema_node in seen:
            continue
        if schema_node.kind is Kind.LEAF_LIST:
            seen.add(schema_node)
        yield node, schema_node


def are_defaults(node: SchemaNode, values: list[str]) -> bool:
    """True if the canonical ``values`` are the defaults of the leaf-list, in their order if that matters."""
    if node.user_ordered:
        return tuple(values) == node.defaults
    return sorted(values) == sorted(node.defaults)
