"""Annotations of nodes (RFC 7952), and a node without anything else."""

from __future__ import annotations

from agent.yang.native import NULL, c_str, ffi, lib
from agent.yang.problems import check
from agent.yang.schema import Schema
from agent.yang.tree import Node, Tree, children


def add_annotation(schema: Schema, node: Node, module: str, name: str, value: str) -> None:
    """Annotate ``node`` (RFC 7952); ``value`` with module names as prefixes."""
    owner = lib.ly_ctx_get_module_latest(schema.ctx, c_str(module))
    check(schema, lib.lyd_new_meta(schema.ctx, node, owner, c_str(name), c_str(value), False, NULL))


def is_annotated(node: Node) -> bool:
    return bool(node.meta != NULL)


def bare(schema: Schema, node: Node) -> Tree:
    """Return a Tree with a copy of ``node`` alone: nothing in it, and nothing that it lies in."""
    box = ffi.new("struct lyd_node **")
    check(schema, lib.lyd_dup_single(node, NULL, lib.LYD_DUP_WITH_FLAGS, box))
    copy = Tree(schema, box[0])
    for key in list(children(copy.first)):
        copy.remove(key)
    return copy
