"""Which defaults are in use (RFC 6243 section 2, RFC 7950 sections 7.5.1, 7.6.1, 7.7.2 and 7.9.3).

libyang adds a default where there is none, and takes none out again but when it validates. So those that
depend on a when or on the case of a choice are taken out first, wherever the schema has such. And it takes an
empty container that was parsed for one that it has added itself, with all that belongs into it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from agent.yang.native import lib
from agent.yang.nodes import Node, children, first_child, instances, is_default
from agent.yang.schema_node import SchemaNode
from agent.yang.tree import Tree


def add_all_defaults(tree: Tree) -> None:
    """*worker* Add the defaults in use that are missing, at every level."""
    _add(tree, tree.top_level())
    tree.add_defaults()


def renew_defaults_of(tree: Tree, node: Node, *, open_empty: bool = False) -> None:
    """*worker* Have exactly those defaults below ``node`` that are in use, as far as that depends on what is
    below it; ``open_empty``: containers may have become empty."""
    if open_empty:
        open_empty_containers(node)
    _take_out(tree, first_child(node), tree.schema.node_of(node.schema).shifting)
    tree.add_defaults(node)


def fill_entries(tree: Tree, list_node: SchemaNode) -> None:
    """Add the defaults in use to the entries of a list that is all that its containers hold in ``tree``, and
    to nothing else; on any thread."""
    above = node = tree.first
    while node.schema != list_node.pointer:
        above, node = node, first_child(node)
    tree.add_defaults(above)  # in one call, which goes all the way down
    for child in list(children(above)):
        if child.schema != list_node.pointer:
            tree.remove(child)


def open_empty_containers(node: Node) -> None:
    """*worker* Let libyang put defaults into containers that hold nothing else, from ``node`` on down."""
    if node.schema.nodetype & _INNER:
        if is_default(node):
            node.flags &= ~lib.LYD_NEW
        for child in children(node):
            open_empty_containers(child)


def renew_defaults(tree: Tree, modules: Collection[str]) -> None:
    """*worker* Have exactly those defaults in the top-level nodes of ``modules`` that are in use."""
    roots = [root for root in tree.schema.roots.values() if root.config and root.module in modules]
    for root in roots:
        _take_out(tree, tree.first, [root])
    for root in roots:
        _add(tree, list(instances(tree.first, root)))
    tree.add_defaults()


def _add(tree: Tree, nodes: Iterable[Node]) -> None:
    for node in list(nodes):
        if node.schema.nodetype & _INNER:
            tree.add_defaults(node)


def _take_out(tree: Tree, first: Node, shifting: Iterable[SchemaNode]) -> None:
    """Remove the defaults among ``first`` and its siblings, and below, that may be in use no more."""
    for schema_node in shifting:
        for node in list(instances(first, schema_node)):
            if schema_node.conditional and is_default(node):
                first = node.next if node == first else first
                tree.remove(node)
            elif schema_node.shifting:
                _take_out(tree, first_child(node), schema_node.shifting)


_INNER = lib.LYS_LIST | lib.LYS_CONTAINER
