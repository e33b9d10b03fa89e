"""Subtree filters (RFC 6241 section 6), evaluated on a data tree.

What is selected is first collected as marks, so that several filter elements may select parts of the
same node; then the marks are copied. An entry whose keys the filter gives is looked up, not searched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from agent.apart import at_most
from agent.errors import BadElement, ErrorType
from agent.operations.budget import Budget
from agent.operations.parameters import canonical_value
from agent.xml import Element, holds_text, local_name, namespace
from agent.yang.finding import entry_with_keys
from agent.yang.nodes import NO_NODE, Node, children, first_child, sibling_of_schema, siblings, value_of
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, QName, SchemaNode
from agent.yang.tree import Tree

SUBTREE_CPU_S = 2.0
"""What a copy of the process may take for it: the budget as a rule ends before."""
MAX_OTHERS = 8
"""Children that may be left out of a copy of a container; else it is put together of what is selected."""
Level = Mapping[QName, SchemaNode]
"""The nodes that may stand at one place, by their names."""


class Look(Budget):
    """One look of a filter at a tree: its budget, and what is known of the filter's elements."""

    def __init__(self, schema: Schema) -> None:
        super().__init__(schema)
        self._parts: dict[Element, tuple[list[Element], list[Element]]] = {}
        self._values: dict[tuple[Element, int], str] = {}
        self._keys: dict[tuple[Element, int], tuple[str, ...] | None] = {}

    def parts(self, element: Element) -> tuple[list[Element], list[Element]]:
        """Return the content match nodes below ``element``, and the others."""
        if element not in self._parts:
            tests = [child for child in element if is_content_match(child)]
            self._parts[element] = tests, [child for child in element if not is_content_match(child)]
        return self._parts[element]

    def value(self, schema_node: SchemaNode, element: Element) -> str:
        """Return the canonical value of ``element``, a ``schema_node``."""
        key = element, id(schema_node)
        if key not in self._values:
            self._values[key] = canonical_value(self.schema, schema_node, element)
        return self._values[key]

    def keys(self, schema_node: SchemaNode, element: Element) -> tuple[str, ...] | None:
        """Return the keys of the one list entry that ``element`` names, None if it does not."""
        key = element, id(schema_node)
        if key not in self._keys:
            self._keys[key] = given_keys(self.schema, element, schema_node)
        return self._keys[key]


class Mark:
    """A selected node: ``whole`` with all below it, or only the marked children (and keys)."""

    __slots__ = ("children", "node", "whole")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.whole = False
        self.children: dict[Node, Mark] = {}

    def child(self, node: Node) -> Mark:
        return self.children.setdefault(node, Mark(node))


@dataclass(frozen=True, slots=True)
class Whole:
    """A container of which all is selected but the children ``without``."""

    node: Node
    without: list[Node]


def select(tree: Tree, filter_element: Element, max_depth: int | None = None) -> Tree:
    """Return a copy of what the filter selects from ``tree``, cut at ``max_depth`` levels.

    Raises:
        BadElement: the filter holds text beside elements.
    """
    return copy_marks(tree, marks_of(tree, filter_element), max_depth)


def marks_of(tree: Tree, filter_element: Element) -> Collection[Mark]:
    """Return marks of what the filter selects from ``tree``.

    Raises:
        BadElement: the filter holds text beside elements.
    """
    refuse_mixed(filter_element)
    return _marks(tree, filter_element, tree.schema.roots)


def selected_whole(tree: Tree, filter_element: Element) -> list[Whole] | None:
    """Return the top-level containers that the filter selects with all, or nearly all, that is in them: they
    need not be put together of parts. None if it selects little of one, or that is not seen at once.

    Raises:
        BadElement: the filter holds text beside elements.
    """
    refuse_mixed(filter_element)
    found: list[Whole] = []
    for element in filter_element:
        known = named(element, tree.schema.roots)
        if not known:
            continue
        if (
            len(known) > 1
            or known[0].kind is not Kind.CONTAINER
            or element.attrib
            or is_content_match(element)
        ):
            return None
        node = sibling_of_schema(tree.first, known[0])
        if node == NO_NODE:
            continue
        without = _not_named(element, known[0], node) if len(element) else []
        if without is None or any(node == one.node for one in found):
            return None
        found.append(Whole(node, without))
    return found


def _not_named(element: Element, schema_node: SchemaNode, node: Node) -> list[Node] | None:
    """Return those children of ``node`` that the children of ``element`` do not select with all in them; None
    if these select parts, or there are many others or nothing else."""
    if any(len(child) or child.attrib or is_content_match(child) for child in element):
        return None
    chosen = {below.pointer for child in element for below in named(child, schema_node.children)}
    others: list[Node] = []
    count = 0
    for count, child in enumerate(siblings(first_child(node)), 1):  # noqa: B007 - it is how many there are
        if child.schema not in chosen:
            others.append(child)
            if len(others) > MAX_OTHERS:
                return None
    return others if count > len(others) else None


def cut(tree: Tree, max_depth: int) -> Tree:
    """Return a copy of ``tree`` with at most ``max_depth`` levels."""
    return copy_marks(tree, whole_marks(tree), max_depth)


def whole_marks(tree: Tree) -> list[Mark]:
    """Return marks of all that ``tree`` holds."""
    marks = [Mark(node) for node in tree.top_level()]
    for mark in marks:
        mark.whole = True
    return marks


def selects_event(tree: Tree, filter_element: Element) -> bool:
    """True if the filter selects something of a notification."""
    return bool(_marks(tree, filter_element, tree.schema.notifications))


def _marks(tree: Tree, filter_element: Element, level: Level) -> Collection[Mark]:
    top: dict[Node, Mark] = {}
    look = Look(tree.schema)
    with at_most(SUBTREE_CPU_S):
        for element in filter_element:
            for mark in _match(look, element, tree.first, level):
                _join(top, mark)
    return top.values()


def refuse_mixed(filter_element: Element) -> None:
    """Refuse text beside elements, which would select nothing by itself (RFC 6241 section 6.2).

    Raises:
        BadElement: there is some.
    """
    for element in filter_element.iter():
        if len(element) and holds_text(element):
            name = local_name(element)
            raise BadElement(name, f"<{name}> holds text beside elements", type=ErrorType.PROTOCOL)


def copy_marks(tree: Tree, marks: Iterable[Mark], max_depth: int | None = None) -> Tree:
    """Return a Tree with copies of the marked nodes; of a whole one at most ``max_depth`` levels."""
    result = Tree(tree.schema)
    for mark in marks:
        _copy(result, NO_NODE, mark, max_depth)
    return result


def _copy(result: Tree, parent: Node, mark: Mark, max_depth: int | None) -> None:
    if mark.whole and max_depth is not None:
        _copy_levels(result, parent, mark, max_depth, max_depth)
        return
    copied = result.copy_into(parent, mark.node, recursive=mark.whole)
    if mark.whole:
        return
    for child in mark.children.values():
        if not result.schema.node_of(child.node.schema).is_key:
            _copy(result, copied, child, max_depth)


def _copy_levels(result: Tree, parent: Node, mark: Mark, levels: int, max_depth: int) -> None:
    """Copy ``levels`` of a selected node; what is selected below it as well has levels of its own."""
    copied = result.copy_into(parent, mark.node, recursive=False)
    if not result.schema.node_of(mark.node.schema).is_interior:
        return
    for child in children(mark.node):
        if result.schema.node_of(child.schema).is_key:
            continue
        below = mark.children.get(child)
        if below is None and levels > 1:
            _copy_levels(result, copied, Mark(child), levels - 1, max_depth)
        elif below is not None:
            _copy_levels(result, copied, below, max_depth if below.whole else levels - 1, max_depth)


def _join(room: dict[Node, Mark], mark: Mark) -> None:
    known = room.get(mark.node)
    if known is None:
        room[mark.node] = mark
        return
    known.whole = known.whole or mark.whole
    for child in mark.children.values():
        _join(known.children, child)


def _match(look: Look, element: Element, first: Node, level: Level) -> Iterator[Mark]:
    """Yield a mark for each sibling from ``first`` on that ``element`` selects."""
    if element.attrib:  # attribute match expressions (6.2.2): YANG data has no attributes
        return
    look.spend()
    for schema_node in named(element, level):
        for node in _candidates(look, element, schema_node, first):
            mark = _match_node(look, element, schema_node, node)
            if mark is not None:
                yield mark


def named(element: Element, level: Level) -> list[SchemaNode]:
    """Return the nodes that a filter element is about; no namespace at all matches any."""
    name, uri = local_name(element), namespace(element)
    if not uri:
        return [node for node in level.values() if node.name == name]
    node = level.get((uri, name))
    return [] if node is None else [node]


def _candidates(look: Look, element: Element, schema_node: SchemaNode, first: Node) -> Iterator[Node]:
    look.spend(len(element))
    keys = look.keys(schema_node, element)
    if keys is not None:
        entry = entry_with_keys(first, schema_node, keys)
        if entry != NO_NODE:
            yield entry
        return
    if not schema_node.has_instances:
        look.spend()
        node = sibling_of_schema(first, schema_node)
        if node != NO_NODE:
            yield node
        return
    for node in siblings(first):
        look.spend()
        if node.schema == schema_node.pointer:
            yield node


def given_keys(schema: Schema, element: Element, schema_node: SchemaNode) -> tuple[str, ...] | None:
    """Return the keys if ``element`` names one list entry by content match on every key."""
    if schema_node.kind is not Kind.LIST or not schema_node.keys:
        return None
    found: list[str] = []
    for key in schema_node.keys:
        qname = schema_node.namespace, key
        key_node = schema_node.children[qname]
        about = [child for child in element if named(child, {qname: key_node})]
        # Beside the one that names the entry, <key/> only says that the key is wanted.
        tests = [child for child in about if is_content_match(child)]
        if len(tests) != 1 or any(child.attrib or len(child) for child in about):
            return None
        found.append(canonical_value(schema, key_node, tests[0]))
    return tuple(found)


def is_content_match(element: Element) -> bool:
    """True for a content match node (RFC 6241 section 6.2.5)."""
    return bool((element.text or "").strip()) and len(element) == 0


def _match_node(look: Look, element: Element, schema_node: SchemaNode, node: Node) -> Mark | None:
    mark = Mark(node)
    tested = is_content_match(element)
    if schema_node.is_leafy:
        if len(element) or (tested and value_of(node) != look.value(schema_node, element)):
            return None
        mark.whole = True
        return mark
    if len(element) == 0 or schema_node.kind is Kind.ANYDATA:
        mark.whole = not tested
        return mark if mark.whole else None
    return _match_children(look, element, schema_node, mark)


def _match_children(look: Look, element: Element, schema_node: SchemaNode, mark: Mark) -> Mark | None:
    look.spend(len(element))
    tests, others = look.parts(element)
    first = first_child(mark.node)
    for test in tests:
        matched = list(_match(look, test, first, schema_node.children))
        if not matched:
            return None
        for below in matched:
            _join(mark.children, below)
    if tests and not others:
        mark.whole = True
        return mark
    for other in others:
        for below in _match(look, other, first, schema_node.children):
            _join(mark.children, below)
    return mark if mark.children else None
