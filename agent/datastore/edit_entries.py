"""Entries of one list that a large edit document has side by side, taken together.

Each is looked up once in what libyang has made of the whole document, and once in the candidate; all are
merged in one call. Only lists that the system orders are taken so, and no entry of which something is said
below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.datastore.edit_elements import key_elements, schema_of_element
from agent.datastore.edit_outline import canonical_key
from agent.xml import Element, local_name
from agent.yang.nodes import (
    NO_NODE,
    Node,
    first_child,
    instances,
    keys_of,
    last_child,
    sibling_like,
    sibling_of_schema,
    value_of,
)
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.tree import Tree

FEW = 16
"""Children of an element that are not worth it."""


def is_taken_together(node: SchemaNode) -> bool:
    """True if it does not matter to anything else in which order entries of a list come and go."""
    return node.kind is Kind.LIST and not node.user_ordered and not node.cases


class Entries:
    """The entries and values below ``parent``, a node of ``whole``, by the elements they were made of."""

    def __init__(self, whole: Tree, parent: Node) -> None:
        self.parent = parent
        self._whole = whole
        self._known: dict[SchemaNode, dict[tuple[str, ...], Node]] = {}

    def of(self, node: SchemaNode, element: Element) -> Node:
        """Return the entry of the list ``node`` that ``element`` has become."""
        if (known := self._known.get(node)) is None:
            found = instances(first_child(self.parent), node)
            is_list = node.kind is Kind.LIST
            known = {keys_of(entry, node) if is_list else (value_of(entry),): entry for entry in found}
            self._known[node] = known
        schema = self._whole.schema
        if node.kind is Kind.LEAF_LIST:
            return known[(canonical_key(schema, node, element.text or ""),)]
        keys = key_elements(node, element)
        leafs = ((node.children[node.namespace, local_name(key)], key.text or "") for key in keys)
        return known[tuple([canonical_key(schema, leaf, text) for leaf, text in leafs])]

    def taken_out(self, entries: list[Node]) -> Tree:
        """Return a tree with ``entries``, which stand in no other any more."""
        piece = self._whole.copy_of(self.parent, recursive=False)
        inside = piece.find_like(self.parent)
        for entry in entries:
            piece.insert(inside, self._whole.detach(entry))
        return piece


class Whole:
    """All that a large document holds, as ``tree``, of which nothing needs to be parsed or looked for faults
    again."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._entries: dict[Element, Entries] = {}

    def entries_in(self, element: Element) -> Entries:
        """Return what lies in a container or an entry."""
        if (known := self._entries.get(element)) is None:
            known = self._entries[element] = Entries(self.tree, self.node_of(element))
        return known

    def node_of(self, element: Element) -> Node:
        """Return what ``element`` has become, if it was not taken out."""
        schema_node = schema_of_element(self.tree.schema, element)
        above = element.getparent()
        if schema_node.parent is None or above is None:
            return sibling_of_schema(self.tree.first, schema_node)
        if schema_node.has_instances:
            return self.entries_in(above).of(schema_node, element)
        return sibling_of_schema(first_child(self.node_of(above)), schema_node)

    def copied(self, element: Element, *, recursive: bool) -> tuple[Tree, Node]:
        """Return a tree with what ``element`` has become, or with its keys alone, and its node there."""
        copy = self.tree.copy_of(self.node_of(element), recursive=recursive)
        node = copy.first
        schema_node = schema_of_element(self.tree.schema, element)
        depth = 0
        while schema_node.parent is not None:
            schema_node, depth = schema_node.parent, depth + 1
        for _ in range(depth):
            node = last_child(node)
        return copy, node


@dataclass(slots=True)
class Run:
    """What becomes of entries that stand side by side.

    ``touched``: the one in the document, the one in the candidate, NO_NODE if there is none, and what is to
    be done. ``replaced``: of the candidate. ``faults``: elements that are to be created and exist, or to be
    deleted and do not.
    """

    touched: list[tuple[Node, Node, str]] = field(default_factory=list)
    replaced: list[Node] = field(default_factory=list)
    faults: list[Element] = field(default_factory=list)


def run_of(
    node: SchemaNode, content: Entries, operations: Mapping[Element, str], *, first: Node, max_faults: int
) -> Run:
    """Return what becomes of entries of the list ``node``.

    Args:
        operations: what is to be done with each; not "none".
        first: the first of the nodes of the candidate among which they are, or NO_NODE.
    """
    run = Run()
    for element, operation in operations.items():
        entry = content.of(node, element)
        own = sibling_like(first, entry)
        exists = own != NO_NODE
        if (operation == "create" and exists) or (operation == "delete" and not exists):
            run.faults.append(element)
            if len(run.faults) >= max_faults:
                break
        elif exists or operation != "remove":
            run.touched.append((entry, own, operation))
            run.replaced += [own] * (exists and operation == "replace")
    return run
