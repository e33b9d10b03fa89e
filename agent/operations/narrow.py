"""How much of running a filter can touch at all: a superset, cheap to find.

<get> copies this part of running, asks for the state that belongs to it, and applies the filter to the
result. A filter that gives the keys of one entry costs one entry, however many there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.operations.asked import stays_below
from agent.operations.subtree import given_keys, is_content_match, named
from agent.operations.xpath import Expression
from agent.translator import Keys
from agent.xml import Element
from agent.yang.finding import entry_with_keys
from agent.yang.nodes import (
    NO_NODE,
    Node,
    children,
    downwards,
    first_child,
    instances,
    keys_of,
    parent_of,
    sibling_of_schema,
    siblings,
)
from agent.yang.paths import KEY_TEST, LITERAL
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import Unit

_STEP = re.compile(r"/([\w.-]+):([\w.-]+)|/([\w.-]+)")


@dataclass(slots=True)
class Wanted:
    """``tree``: copies of the units that may be selected. ``entries``: by schema path of a list that is a
    unit, the keys of its copied entries whose state may be selected. ``roots``: top-level nodes touched.
    ``complete``: schema paths of which every instance was taken already, without and with its state.
    ``shells``: those of running of which all was copied at once."""

    tree: Tree
    entries: dict[str, dict[Keys, None]] = field(default_factory=dict)
    roots: list[str] = field(default_factory=list)
    complete: set[tuple[str, bool]] = field(default_factory=set)
    shells: set[Node] = field(default_factory=set)

    def take(self, node: Node, schema_node: SchemaNode, *, state: bool = True) -> None:
        """Copy a unit, or everything below a shell."""
        if schema_node.shell:
            self.take_at_once(node)
            below = self.tree.schema
            for child in children(node):
                self.take(child, below.node_of(child.schema), state=state)
            return
        if parent_of(node) not in self.shells:
            Unit(self.tree.schema, node).put(self.tree, node)
        if state:
            self.note(node, schema_node)

    def take_at_once(self, shell: Node) -> None:
        """Copy a shell with all below it, which costs less than to copy one unit after the other; not if some
        of it is there already."""
        if shell in self.shells or self.tree.find_like(shell) != NO_NODE:
            return
        parent = NO_NODE
        for step in downwards(shell)[:-1]:
            known = self.tree.find_like(step)
            parent = known if known != NO_NODE else self.tree.copy_into(parent, step, recursive=False)
        self.tree.copy_into(parent, shell)
        self.shells.add(shell)
        self.shells.update(self._shells_below(shell))

    def _shells_below(self, shell: Node) -> Iterator[Node]:
        for schema_node in self.tree.schema.node_of(shell.schema).children.values():
            node = sibling_of_schema(first_child(shell), schema_node) if schema_node.shell else NO_NODE
            if node != NO_NODE:
                yield node
                yield from self._shells_below(node)

    def note(self, node: Node, schema_node: SchemaNode) -> None:
        """Want the state of a list entry."""
        if schema_node.kind is Kind.LIST and schema_node.keys:
            self.entries.setdefault(schema_node.path, {})[keys_of(node, schema_node)] = None


def wanted_everywhere(schema: Schema, running: Tree) -> Wanted:
    wanted = Wanted(running.duplicate(), roots=[root.path for root in schema.roots.values()])
    _note_entries(schema, wanted, siblings(wanted.tree.first))
    return wanted


def _note_entries(schema: Schema, wanted: Wanted, nodes: object) -> None:
    for node in nodes:  # type: ignore[attr-defined]
        schema_node = schema.node_of(node.schema)
        if schema_node.shell:
            _note_entries(schema, wanted, children(node))
        else:
            wanted.note(node, schema_node)


def narrow(schema: Schema, running: Tree, filter_element: Element) -> Wanted:
    """Return what a subtree filter may touch."""
    wanted = Wanted(Tree(schema))
    for element in filter_element:
        for root in named(element, schema.roots):
            if root.path not in wanted.roots:
                wanted.roots.append(root.path)
            _narrow(schema, wanted, element, root, running.first)
    return wanted


def _narrow(schema: Schema, wanted: Wanted, element: Element, schema_node: SchemaNode, first: Node) -> None:
    state = _may_select_state(element, schema_node)
    keys = given_keys(schema, element, schema_node)
    if keys is not None:
        entry = entry_with_keys(first, schema_node, keys)
        if entry != NO_NODE:
            wanted.take(entry, schema_node, state=state)
        return
    whole = not (schema_node.shell and len(element))
    if whole and not wanted.complete.isdisjoint({(schema_node.path, True), (schema_node.path, state)}):
        return
    if whole and first != NO_NODE and parent_of(first) != NO_NODE and schema_node.has_instances:
        wanted.take_at_once(parent_of(first))
    for node in instances(first, schema_node):
        if not whole:
            below = first_child(node)
            for child in element:
                for child_node in named(child, schema_node.children):
                    _narrow(schema, wanted, child, child_node, below)
        else:
            wanted.take(node, schema_node, state=state)
    if whole:
        wanted.complete.add((schema_node.path, state))


def _may_select_state(element: Element, schema_node: SchemaNode) -> bool:
    """False if the filter's children ask for configuration of the entry only."""
    others = [child for child in element if not is_content_match(child)]
    if not others:
        return True
    asked = {below for child in others for below in named(child, schema_node.children)}
    return any(below.holds_state for below in asked)


def narrow_xpath(schema: Schema, running: Tree, expression: Expression) -> Wanted:
    """Return what an XPath may touch: one entry if it starts with a plain path to one, else everything."""
    wanted = Wanted(Tree(schema))
    text = expression.text.strip()
    if not text.startswith("/"):  # its context node is the root
        text = f"/{text}"
    position, first = 0, running.first
    level = schema.roots
    while (step := _STEP.match(text, position)) is not None:
        name = step[2] or step[3]
        if step[1]:
            node = level.get((expression.declared.get(step[1], ""), name))
        else:  # it matches in any module, and may do so in several
            same = [found for (_, known), found in level.items() if known == name]
            node = same[0] if len(same) == 1 else None
        if node is None:
            break
        position = step.end()
        if not wanted.roots:
            wanted.roots.append(node.path)
            if not node.config and stays_below(text):
                return wanted  # there is nothing of it in running
        if not node.shell:
            entry = keyed_entry(text, position, node, first)
            if entry is None:
                break
            if entry != NO_NODE:
                wanted.take(entry, node)
            return wanted if _single(text) else wanted_everywhere(schema, running)
        found = sibling_of_schema(first, node)
        first = first_child(found) if found != NO_NODE else NO_NODE
        level = node.children
    return wanted_everywhere(schema, running)


def first_steps(schema: Schema, expression: Expression) -> Iterator[tuple[SchemaNode, int]]:
    """Yield the node of each step that an absolute path begins with, and where behind it the text goes on.

    The last one is the first that is no shell; a step with a predicate ends it, too.
    """
    text = expression.text.strip()
    namespace, position, level = "", 0, schema.roots
    while (step := _STEP.match(text, position)) is not None:
        namespace = expression.declared.get(step[1], "") if step[1] else namespace
        node = level.get((namespace, step[2] or step[3]))
        if node is None:
            return
        position = step.end()
        yield node, position
        if not node.shell:
            return
        level = node.children


def keyed_entry(expression: str, position: int, node: SchemaNode, first: Node) -> Node | None:
    """Return the entry whose keys the predicates from ``position`` on give; NO_NODE if it is not there, None
    if they do not give all."""
    given = keys_at(expression, position, node)
    return None if given is None else entry_with_keys(first, node, given)


def keys_at(expression: str, position: int, node: SchemaNode) -> tuple[str, ...] | None:
    """Return the keys that the predicates from ``position`` on give, None if they do not give all."""
    if node.kind is not Kind.LIST or any(node.children[node.namespace, key].holds_names for key in node.keys):
        return None
    given: dict[str, str] = {}
    while (match := KEY_TEST.match(expression, position)) is not None:
        given[match[1]] = match[2][1:-1]
        position = match.end()
    if set(given) != set(node.keys):
        return None
    return tuple(given[key] for key in node.keys)


def _single(expression: str) -> bool:
    """True if nothing in the expression can lead back out of the entry that it starts with."""
    plain = LITERAL.sub("", expression)
    return not re.search(r"\||\.\.|//|::|\[[^\[\]/]*+/|\(", plain)
