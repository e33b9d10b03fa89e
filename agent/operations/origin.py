"""What get-data sorts nodes by beside its filter: configuration or state, and where a value comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agent.operations.subtree import Mark, copy_marks
from agent.yang.annotations import add_annotation
from agent.yang.nodes import Node, children, is_default, siblings
from agent.yang.schema_node import SchemaNode
from agent.yang.tree import Tree

INTENDED = "ietf-origin:intended"
DEFAULT = "ietf-origin:default"


def keep_config(tree: Tree, config: bool) -> Tree:
    """*worker* Return a copy with only the nodes whose "config" property is ``config``, and their parents."""

    def wanted(node: Node, schema_node: SchemaNode) -> bool:
        return schema_node.config is config and not (config and schema_node.holds_state)

    return _keep(tree, wanted, leaf_wanted=lambda node, schema_node: schema_node.config is config)


def keep_origins(tree: Tree, origins: frozenset[str]) -> Tree:
    """*worker* Return a copy without configuration nodes of other origins; state is not affected."""

    def leaf_wanted(node: Node, schema_node: SchemaNode) -> bool:
        return not schema_node.config or origin_of(node) in origins

    return _keep(tree, lambda node, schema_node: not schema_node.config, leaf_wanted)


def origin_of(node: Node) -> str:
    return DEFAULT if is_default(node) else INTENDED


def mark_origins(tree: Tree) -> None:
    """*worker* Annotate configuration with its origin (RFC 7952); what says nothing has its parent's."""
    _mark(tree, siblings(tree.first), "")


def mark_origins_from(tree: Tree, node: Node) -> None:
    """*worker* As ``mark_origins``, for ``node`` and what is below it, to be shown without what is above."""
    _mark(tree, [node], "")


def _mark(tree: Tree, nodes: Iterable[Node], inherited: str) -> None:
    for node in nodes:
        schema_node = tree.schema.node_of(node.schema)
        if not schema_node.config or schema_node.is_key:
            continue
        origin = INTENDED if schema_node.is_np_container else origin_of(node)
        if origin != inherited:
            add_annotation(tree.schema, node, "ietf-origin", "origin", origin)
        if not schema_node.is_leafy:
            _mark(tree, children(node), origin)


_Test = Callable[[Node, SchemaNode], bool]


def _keep(tree: Tree, wanted: _Test, leaf_wanted: _Test) -> Tree:
    """Return a copy of the subtrees and of the single leafs that are wanted, and of what leads there."""
    marks = [mark for mark in (_marked(tree, n, wanted, leaf_wanted) for n in siblings(tree.first)) if mark]
    return copy_marks(tree, marks)


def _marked(tree: Tree, node: Node, wanted: _Test, leaf_wanted: _Test) -> Mark | None:
    schema_node = tree.schema.node_of(node.schema)
    mark = Mark(node)
    if schema_node.is_leafy:
        mark.whole = leaf_wanted(node, schema_node)
        return mark if mark.whole else None
    if wanted(node, schema_node):
        mark.whole = True
        return mark
    for child in children(node):
        if not tree.schema.node_of(child.schema).is_key:
            below = _marked(tree, child, wanted, leaf_wanted)
            if below is not None:
                mark.children[child] = below
    if mark.children or (leaf_wanted(node, schema_node) and not schema_node.is_np_container):
        return mark
    return None
