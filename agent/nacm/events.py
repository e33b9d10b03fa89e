"""Events: what of one its reader may be told. Of data that he may not read an event names nothing."""

from __future__ import annotations

from collections.abc import Mapping

from agent.nacm.access import Access
from agent.nacm.state import state_reader, tells_state
from agent.translator import Reader
from agent.yang.invocation import notification_tree
from agent.yang.nodes import Node, children, value_of
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind
from agent.yang.tree import Tree


def readable_event(access: Access, schema: Schema, body: bytes, names: Mapping[str, str]) -> bytes | None:
    """*worker* Return the element of an event with what ``access`` lets its user be told; None if nothing is.

    Left out is each entry of a list that holds the path of a data node he may not read, as in
    netconf-config-change, what is said of state that he may not read, and what stands for such a node by its
    key alone.

    Args:
        names: which leafs of the event hold the key of an entry, and the entry's path with {} for the key.
    """
    tree, _ = notification_tree(schema, body, xml=True)
    may_read = access.reader(schema)
    if not all(_keep(may_read, tree, node, names) for node in list(children(tree.first))):
        return None
    return tree.to_xml() if _prune(may_read, tree, tree.first) else None


def _keep(may_read: Reader, tree: Tree, node: Node, names: Mapping[str, str]) -> bool:
    """Remove a value that stands for what may not be read; False if nothing of the event makes sense then."""
    schema_node = tree.schema.node_of(node.schema)
    if schema_node.name not in names:
        return True
    if may_read(names[schema_node.name].format(value_of(node))):
        return True
    if schema_node.kind is Kind.LEAF_LIST:
        tree.remove(node)
        return True
    return False


def _prune(may_read: Reader, tree: Tree, node: Node) -> bool:
    """Remove from ``node`` the entries that name what may not be read; False if ``node`` itself does."""
    for child in list(children(node)):
        below = tree.schema.node_of(child.schema)
        reads = state_reader(tree.schema, may_read) if tells_state(below) else may_read
        if below.names_data and not reads(value_of(child)):
            if below.kind is Kind.LEAF:
                return False
            tree.remove(child)
        elif below.is_interior and not _prune(may_read, tree, child):
            if below.kind is not Kind.LIST:
                return False
            tree.remove(child)
    return True
