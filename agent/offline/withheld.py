"""Secrets of a configuration: left out of an export, and kept where an import brings none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.errors import DataMissing, OperationFailed, RpcError
from agent.yang.cases import exclusions
from agent.yang.nodes import (
    NO_NODE,
    Node,
    children,
    downwards,
    first_child,
    is_default,
    path_to_show,
    sibling_like,
    siblings,
)
from agent.yang.problems import node_at
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode
from agent.yang.tree import Tree


def leave_out_secrets(tree: Tree) -> int:
    """Take every secret out of ``tree``; returns how many there were."""
    found = list(_secrets(tree))
    for node in found:
        tree.remove(node)
    return len(found)


def keep_secrets(content: Tree, running: Tree) -> list[str]:
    """Give ``content`` the secrets of ``running`` that belong to entries which it has without them.

    Nothing is kept beside another case of the same choice: there the file says something else.

    Returns:
        The paths of those that were kept.
    """
    missing = list(_missing(content, running))
    for node in missing:
        content.merge(running.copy_of(node))
    return _paths(running, missing)


def lost_secrets(content: Tree, running: Tree) -> list[str]:
    """Return the paths of the secrets that ``keep_secrets`` would keep."""
    return _paths(running, _missing(content, running))


def _paths(tree: Tree, nodes: Iterable[Node]) -> list[str]:
    return [path_to_show(node, tree.schema.node_of(node.schema)) for node in nodes]


def lacks_secret(schema: Schema, error: RpcError) -> bool:
    """Return whether ``error`` may be that a secret is missing."""
    if not isinstance(error, DataMissing | OperationFailed):
        return False
    node = node_at(schema, error.path) if error.path else None
    return node is not None and (node.secret or any(child.secret for child in node.children.values()))


def _missing(content: Tree, running: Tree) -> Iterator[Node]:
    """Yield each secret of ``running`` that ``content`` has not, though it has what the secret belongs to."""
    for node in list(_secrets(running)):
        *above, own = downwards(node)
        level, found = content.first, own
        for step in above:
            below = sibling_like(level, step)
            if below == NO_NODE:
                found = step
                break
            level = first_child(below)
        can_be = found == own or running.schema.node_of(found.schema).is_np_container
        if can_be and not _is_taken(running.schema, level, found):
            yield node


def _is_taken(schema: Schema, level: Node, node: Node) -> bool:
    """Return whether ``node``, or what excludes it, is among ``level`` and its siblings."""
    own = schema.node_of(node.schema)
    there = [(other, schema.node_of(other.schema)) for other in siblings(level)]
    return any(other == own for _, other in there) or any(exclusions([*there, (node, own)]))


def _secrets(tree: Tree) -> Iterator[Node]:
    """Yield the outermost nodes that are secret and that somebody has configured."""
    holding: dict[SchemaNode, bool] = {}
    waiting = list(tree.top_level())
    while waiting:
        node = waiting.pop()
        schema_node = tree.schema.node_of(node.schema)
        if schema_node.secret:
            if not is_default(node):
                yield node
            continue
        holds = holding.get(schema_node)
        if holds is None:
            holds = holding[schema_node] = any(below.secret for below in schema_node.subtree())
        if holds:
            waiting += children(node)
