"""A filter on two states at once, and whether it can be told from the units that differ what it selects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from agent.apart import in_copy
from agent.nacm.access import Access, located
from agent.nacm.prune import prune
from agent.nacm.rules import Step, predicate
from agent.operations.budget import TooMuchHere
from agent.operations.narrow import first_steps, keyed_entry, keys_at
from agent.operations.read import Filter
from agent.operations.subtree import Mark, copy_marks, given_keys, is_content_match, named
from agent.operations.xpath import Expression, is_plain
from agent.translator import Keys
from agent.xml import Element
from agent.yang.finding import entry_with_keys
from agent.yang.nodes import NO_NODE, Node, first_child, instances, sibling_like, sibling_of_schema, siblings
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import Unit, is_group, units_below
from agent.yang.values import canonical

HERE_UNITS = 100
"""So many are looked at on libyang's thread: some tens of milliseconds."""

Marks = dict[Node, Mark]


def selected(filter_: Filter, before: Tree, after: Tree) -> tuple[Tree, Tree]:
    """*worker* Return of both trees what ``filter_`` selects in either of them.

    So a node that is selected by a value of its own is told as changed, and not as gone, when it has another
    value in one of them.
    """
    if filter_.empty:
        return before, after
    left = {mark.node: mark for mark in filter_.marks(before)}
    right = {mark.node: mark for mark in filter_.marks(after)}
    _mirror(right, left, before.first)
    _mirror(left, right, after.first)
    return (
        copy_marks(before, _as_they_stand(left, before.first)),
        copy_marks(after, _as_they_stand(right, after.first)),
    )


def _mirror(marks: Marks, others: Marks, level: Node) -> None:
    """Mark below ``level`` what is marked in the other tree."""
    for mark in list(marks.values()):
        node = sibling_like(level, mark.node)
        if node == NO_NODE:
            continue
        other = others.setdefault(node, Mark(node))
        other.whole = other.whole or mark.whole
        if mark.children:
            _mirror(mark.children, other.children, first_child(node))


def _as_they_stand(marks: Marks, first: Node) -> list[Mark]:
    """Return ``marks`` of ``first`` and its siblings in the order of these: it may be the user's."""
    ordered = [marks[node] for node in siblings(first) if node in marks]
    for mark in ordered:
        if mark.children and not mark.whole:
            below = _as_they_stand(mark.children, first_child(mark.node))
            mark.children = {child.node: child for child in below}
    return ordered


def is_local(schema: Schema, filter_: Filter) -> bool:
    """True if what the filter selects of a unit depends on nothing outside of that."""
    if filter_.subtree is not None:
        elements = ((child, root) for child in filter_.subtree for root in named(child, schema.roots))
        return not any(_tests_shell(element, node) for element, node in elements)
    if filter_.xpath is None:
        return True
    text = filter_.xpath.text.strip()
    if not is_plain(text):
        return False
    steps = first_steps(schema, filter_.xpath)
    return not any(node.shell and text[end : end + 1] == "[" for node, end in steps)


def _tests_shell(element: Element, node: SchemaNode) -> bool:
    if not node.shell:
        return False
    below = ((child, found) for child in element for found in named(child, node.children))
    return any(is_content_match(child) or _tests_shell(child, found) for child, found in below)


def wanted(schema: Schema, filter_: Filter, access: Access) -> Callable[[str], bool]:
    """Return what is True for the path of a unit in which a local filter may select something that ``access``
    lets its user read.

    It is called on libyang's thread.
    """
    places = None if filter_.empty else _keys_by_node(schema, filter_)
    decides = not access.everything(["read"])

    def may_select(path: str) -> bool:
        found = located(schema, path) if decides or places is not None else None
        if found is None:  # of no interest, or with keys that no path can be read with
            return True
        steps, nodes = found
        if decides and not _is_of_all(steps, nodes) and not access.reach(steps, nodes, "read").permit:
            return False
        return places is None or _is_in(places, steps, nodes)

    return may_select


def entries(schema: Schema, filter_: Filter) -> frozenset[str] | None:
    """*worker* Return the paths of the entries that a local filter gives the keys of, if it looks at nothing
    else; None if it does."""
    if filter_.empty:
        return None
    found: set[str] = set()
    for node, given in _keys_by_node(schema, filter_).items():
        if given is None or any(quote in key for keys in given for key in keys for quote in "'\""):
            return None
        found |= {node.path + "".join(map(predicate, node.keys, keys)) for keys in given}
    return frozenset(found)


def lists(schema: Schema, filter_: Filter) -> tuple[str, ...] | None:
    """*worker* Return the paths of the nodes of which a local filter looks at all, if it looks at nothing
    else; None if it does, or has none."""
    if filter_.empty:
        return None
    places = _keys_by_node(schema, filter_)
    return None if any(keys is not None for keys in places.values()) else tuple(node.path for node in places)


def _is_of_all(steps: Sequence[Step], nodes: Sequence[SchemaNode]) -> bool:
    """True for the path of a unit that is all entries of a list, each of which has rules of its own."""
    return nodes[-1].has_instances and not steps[-1].keys


def _is_in(places: Places, steps: Sequence[Step], nodes: Sequence[SchemaNode]) -> bool:
    for step, node in zip(steps, nodes, strict=True):
        if node in places:
            keys = places[node]
            return keys is None or tuple(step.keys.get(key, "") for key in node.keys) in keys
    return False


Places = dict[SchemaNode, set[Keys] | None]
"""Nodes at or above units, and the keys of the entries that are meant; None of all."""


def _keys_by_node(schema: Schema, filter_: Filter) -> Places:
    places: Places = {}
    for node, keys in _places(schema, filter_):
        known = places.setdefault(node, set())
        if keys is None or known is None:
            places[node] = None
        else:
            known.add(keys)
    return places


Place = tuple[SchemaNode, Keys | None]
"""A node at or above a unit, and the keys of the entry that is meant; None of all."""


def _places(schema: Schema, filter_: Filter) -> Iterator[Place]:
    if filter_.subtree is not None:
        for element in filter_.subtree:
            for root in named(element, schema.roots):
                yield from _places_in(schema, element, root)
    elif filter_.xpath is not None:
        text = filter_.xpath.text.strip()
        for node, end in first_steps(schema, filter_.xpath):
            if not node.shell or end == len(text):
                given = None if is_group(node) else keys_at(text, end, node)
                yield node, None if given is None else _canonical(schema, node, given)
                return


def _canonical(schema: Schema, node: SchemaNode, given: Keys) -> Keys:
    leafs = [node.children[node.namespace, key] for key in node.keys]
    return tuple(canonical(schema, leaf, value, dict) for leaf, value in zip(leafs, given, strict=True))


def _places_in(schema: Schema, element: Element, node: SchemaNode) -> Iterator[Place]:
    if node.shell and len(element):
        for child in element:
            for below in named(child, node.children):
                yield from _places_in(schema, child, below)
    else:
        yield node, None if is_group(node) else given_keys(schema, element, node)


def selects_anything(access: Access, filter_: Filter, tree: Tree) -> bool:
    """*worker* True if a local filter selects something that ``access`` lets its user read.

    As much is looked at as it takes to find the first.

    Raises:
        TooMuchHere: it is not a copy of the process that this is done in, and should be.
    """
    units, count = _units_touched(filter_, tree), 8
    while chunk := list(islice(units, count)):
        if _selects_of(access, filter_, chunk, tree):
            return True
        count *= 2
        if count > HERE_UNITS and not in_copy():
            raise TooMuchHere
    return False


def _selects_of(access: Access, filter_: Filter, units: list[Unit], tree: Tree) -> bool:
    small = Tree(tree.schema)
    for unit in units:
        unit.replace_in(small, unit.locate(tree))
    prune(access, small)
    return bool(filter_.marks(small))


def _units_touched(filter_: Filter, tree: Tree) -> Iterator[Unit]:
    """Yield the units in which a local filter may select something, without a look into them."""
    if filter_.subtree is not None:
        for element in filter_.subtree:
            for root in named(element, tree.schema.roots):
                yield from _named_units(tree, element, root, tree.first)
    elif filter_.xpath is not None:
        yield from _units_on_path(tree, filter_.xpath)
    else:
        yield from units_below(tree.schema, tree.top_level())


def _named_units(tree: Tree, element: Element, node: SchemaNode, first: Node) -> Iterator[Unit]:
    keys = given_keys(tree.schema, element, node)
    if keys is not None and not is_group(node):
        entry = entry_with_keys(first, node, keys)
        yield from units_below(tree.schema, iter([entry] if entry != NO_NODE else ()))
    elif node.shell and len(element):
        shell = sibling_of_schema(first, node)
        if shell != NO_NODE:
            for child in element:
                for below in named(child, node.children):
                    yield from _named_units(tree, child, below, first_child(shell))
    else:
        yield from units_below(tree.schema, instances(first, node))


def _units_on_path(tree: Tree, expression: Expression) -> Iterator[Unit]:
    text, first = expression.text.strip(), tree.first
    for node, end in first_steps(tree.schema, expression):
        if not node.shell or end == len(text):
            entry = None if is_group(node) else keyed_entry(text, end, node, first)
            found = instances(first, node) if entry is None else iter([entry] if entry != NO_NODE else ())
            yield from units_below(tree.schema, found)
            return
        shell = sibling_of_schema(first, node)
        first = first_child(shell) if shell != NO_NODE else NO_NODE
