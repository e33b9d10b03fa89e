"""Which filters select so little that running is read on the event loop, whatever else it holds.

Such a filter gives the keys of each list entry that it asks for, and what it asks for has few nodes: it
costs some tenths of a millisecond, less than to have another thread do it. Nothing here walks the entries of
a list.
"""

from __future__ import annotations

from agent.operations.narrow import first_steps, keyed_entry
from agent.operations.subtree import given_keys, named
from agent.operations.xpath import Expression, is_plain
from agent.xml import Element, has_more_elements
from agent.yang.finding import entry_with_keys, looked_through_for
from agent.yang.nodes import NO_NODE, Node, first_child, holds_more, sibling_of_schema
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.tree import Tree

MAX_ELEMENTS = 32
"""Of a filter."""
MAX_NODES = 400
"""Of each thing that one asks for."""
MAX_KNOWN = 1000
"""Things of running that are known to have no more."""


def is_small(tree: Tree, subtree: Element | None, xpath: Expression | None) -> bool:
    """Return whether so little of ``tree`` is looked at for a filter; with none, all is."""
    if subtree is not None:
        if has_more_elements(subtree, MAX_ELEMENTS):
            return False
        return all(
            _is_small(tree, element, node, tree.first)
            for element in subtree
            for node in named(element, tree.schema.roots)
        )
    return xpath is not None and is_plain(xpath.text) and _ends_in_an_entry(tree, xpath)


def _is_small(tree: Tree, element: Element, node: SchemaNode, first: Node) -> bool:
    if element.attrib:  # it selects nothing
        return True
    if node.kind is Kind.LIST:
        keys = given_keys(tree.schema, element, node)
        if keys is None or looked_through_for(keys):
            return False
        return has_few_nodes(tree, entry_with_keys(first, node, keys))
    if node.kind is Kind.LEAF_LIST:
        return False
    found = sibling_of_schema(first, node)
    if not node.shell:
        return has_few_nodes(tree, found)
    below = NO_NODE if found == NO_NODE else first_child(found)
    return len(element) > 0 and all(
        _is_small(tree, child, child_node, below)
        for child in element
        for child_node in named(child, node.children)
    )


def _ends_in_an_entry(tree: Tree, expression: Expression) -> bool:
    """Return whether a path gives the keys of the entry that it begins with."""
    first = tree.first
    for node, position in first_steps(tree.schema, expression):
        if not node.shell:
            entry = keyed_entry(expression.text.strip(), position, node, first)
            return entry is not None and has_few_nodes(tree, entry)
        found = sibling_of_schema(first, node)
        first = first_child(found) if found != NO_NODE else NO_NODE
    return False


def has_few_nodes(tree: Tree, node: Node) -> bool:
    """Return whether ``node`` of ``tree``, or NO_NODE, is little to read. Of a tree that is shared it is
    counted once, until it changes."""
    if node == NO_NODE:
        return True
    if tree.few is None:
        return not holds_more(node, MAX_NODES)
    if node in tree.few:
        return True
    if holds_more(node, MAX_NODES):
        return False
    if len(tree.few) >= MAX_KNOWN:
        tree.few.clear()
    tree.few.add(node)
    return True
