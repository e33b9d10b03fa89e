"""Annotations of nodes (RFC 7952), and a node without anything else."""

from __future__ import annotations

from collections.abc import Iterator

from agent.yang.native import NULL, c_str, ffi, lib, text
from agent.yang.nodes import Node, children
from agent.yang.problems import check
from agent.yang.schema import Schema
from agent.yang.tree import Tree

_TREE_OF_SIBLINGS = "lyds_tree"


def add_annotation(schema: Schema, node: Node, module: str, name: str, value: str) -> None:
    """Annotate ``node`` (RFC 7952); ``value`` with module names as prefixes."""
    owner = lib.ly_ctx_get_module_latest(schema.ctx, c_str(module))
    check(schema, lib.lyd_new_meta(schema.ctx, node, owner, c_str(name), c_str(value), False, NULL))


def is_annotated(node: Node) -> bool:
    return any(True for _ in _annotations(node))


def _annotations(node: Node) -> Iterator[Node]:
    """Yield the annotations of ``node``, without what libyang 3 keeps on the first of sorted siblings: its
    own tree of them, which a copy must not have."""
    one = node.meta
    while one != NULL:
        if text(one.name) != _TREE_OF_SIBLINGS:
            yield one
        one = one.next


def bare(schema: Schema, node: Node) -> Tree:
    """Return a Tree with a copy of ``node`` alone: nothing in it, and nothing that it lies in."""
    box = ffi.new("struct lyd_node **")
    options = lib.LYD_DUP_WITH_FLAGS | lib.LYD_DUP_NO_META
    check(schema, lib.lyd_dup_single(node, NULL, options, box))
    copy = Tree(schema, box[0])
    for key in list(children(copy.first)):
        copy.remove(key)
    for one in _annotations(node):
        value = text(lib.lyd_value_get_canonical(schema.ctx, ffi.addressof(one.value)))
        add_annotation(schema, copy.first, text(one.annotation.module.name), text(one.name), value)
    return copy
