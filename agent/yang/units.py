"""Units: the pieces of configuration that are compared, recorded and applied one by one.

A unit is the outermost list entry on a node's path. What is in no list entry forms units of its own:
a leaf, a presence container, or a container without lists; all instances of a user-ordered list or
of a leaf-list are one unit together, because their order belongs to them. The containers above units
(``SchemaNode.shell``) carry nothing of their own. So the cost of a change is that of its units, and
replacing units is all that edit, commit, discard and the journal ever do.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

from agent.yang.difference import Difference, differences, same_but_for_order, unlike
from agent.yang.native import NULL, copy_below, copy_siblings, lib
from agent.yang.nodes import (
    INSTANCES,
    Node,
    children,
    downwards,
    first_child,
    instances,
    is_default,
    keys_of,
    last_child,
    parent_of,
    path_of,
    siblings,
)
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.tree import Tree


class Unit:
    """The identity of a unit: a path, and a skeleton by which any Tree can find it.

    ``group``: the unit is every instance of ``schema_node`` below one parent. ``is_entry``: it is an entry of
    a list that lies in a container, so that there can be many such. ``keys``: canonical, of an entry.
    ``target``: its own node in the skeleton (``probe``), which lives as long as the unit; nobody changes it.
    """

    __slots__ = ("_way", "group", "is_entry", "keys", "path", "probe", "schema_node", "target")

    def __init__(self, schema: Schema, node: Node) -> None:
        self.schema_node = schema.node_of(node.schema)
        self.group = is_group(self.schema_node)
        self.keys = _keys_of_unit(self.schema_node, node)
        self.is_entry = bool(self.keys) and _is_in_shell(self.schema_node)
        self.path = _unit_path(self.schema_node, node, self.keys)
        self.probe, self.target = Tree(schema).copy_and_node(node, recursive=False)
        self._way: list[Node] | None = None

    def __repr__(self) -> str:
        return f"Unit({self.path})"

    @property
    def module(self) -> str:
        """The module of the top-level node that it lies in."""
        return self.probe.schema.node_of(self.probe.first.schema).module

    @property
    def way(self) -> list[Node]:
        """What it lies in, from the top level down, and its own node, in the skeleton."""
        if self._way is None:
            self._way = downwards(self.target)
        return self._way

    def first_beside(self, tree: Tree) -> Node:
        """Return the first of the siblings in ``tree`` among which the unit is or would be, or NULL."""
        above = tree.find_along(self.way[:-1])
        if above == NULL:
            return tree.first if len(self.way) == 1 else NULL
        return first_child(above)

    def locate(self, tree: Tree) -> list[Node]:
        """Return the unit's nodes in ``tree``: none, one, or a group's instances in order."""
        if not self.group:
            node = tree.find_along(self.way)
            return [] if node == NULL else [node]
        parent = parent_of(self.target)
        if parent == NULL:
            return list(instances(tree.first, self.schema_node))
        above = tree.find_like(parent)
        return [] if above == NULL else list(instances(first_child(above), self.schema_node))

    def parent_in(self, tree: Tree) -> Node:
        """Return the node of ``tree`` that holds the unit, made if needed; NULL is the top level."""
        parent = NULL
        for step in self.way[:-1]:
            found = tree.find_like(step)
            parent = found if found != NULL else tree.copy_into(parent, step, recursive=False)
        return parent

    def replace_in(self, tree: Tree, nodes: Sequence[Node], *, restore_default: bool = True) -> None:
        """Make ``tree`` hold copies of ``nodes`` (of another Tree) as this unit; [] removes it.

        ``restore_default``: what is removed and has a default gets it back, unless it depends on other
        nodes whether the default is in use; only validating everything can tell that.
        """
        above, there = NULL, self.locate(tree)
        if there and nodes and self.schema_node.kind is Kind.LIST and not self.group:
            refill_entry(there[0], nodes[0])  # so that it keeps its place among others
            return
        for node in there:
            above = parent_of(node)
            tree.remove(node)
        if not nodes:
            remove_empty(tree, above)
        defaults = self._defaults() if restore_default and not nodes else ()
        parent = self.parent_in(tree) if nodes or defaults else NULL
        for node in nodes:
            tree.copy_into(parent, node)
        for value in defaults:
            tree.add_default_leaf(parent, self.schema_node, value)

    def _defaults(self) -> tuple[str, ...]:
        schema_node = self.schema_node
        if schema_node.conditional:
            return ()
        return schema_node.defaults if schema_node.default is None else (schema_node.default,)

    def give_default(self, tree: Tree) -> None:
        """Add the default that is in use when nothing of the unit is configured, if its parent is there."""
        above = parent_of(self.target)
        parent = NULL if above == NULL else tree.find_like(above)
        if above != NULL and parent == NULL:
            return
        for value in self._defaults():
            tree.add_default_leaf(parent, self.schema_node, value)
        if self.schema_node.is_np_container and not self.schema_node.conditional:
            tree.add_default_container(parent, self.schema_node)

    def put(self, tree: Tree, node: Node) -> None:
        """Add a copy of ``node``, one of the unit's nodes, to ``tree`` unless it is there already."""
        if tree.find_like(node) == NULL:
            tree.copy_into(self.parent_in(tree), node)

    def is_explicit(self, tree: Tree) -> bool:
        """True if somebody has configured something of this unit."""
        return any(not is_default(node) for node in self.locate(tree))

    def is_same(self, one: Tree, other: Tree, *, defaults: bool = False) -> bool:
        """True if both trees hold the same configuration as this unit.

        ``defaults``: a default that is in use in one of them only counts as a difference.
        """
        return self.same_nodes(self.locate(one), self.locate(other), defaults=defaults)

    def same_nodes(self, left: list[Node], right: list[Node], *, defaults: bool = False) -> bool:
        """As ``is_same``, of what ``locate`` has found in both trees."""
        if len(left) != len(right):
            return not defaults and all(is_default(node) for node in (*left, *right))
        # libyang 2.1 keeps, and compares, an order that is none of the data (RFC 7950 section 7.7.1).
        return same_but_for_order(self.probe.schema, left, right)


def refill_entry(entry: Node, source: Node) -> None:
    """Make a list entry hold what ``source``, the same entry of another Tree, does: what it holds of that
    already stays, where the order of nothing else could suffer."""
    gone, come = unlike(list(children(entry)), list(children(source)))
    if any(node.schema.nodetype in INSTANCES for node in (*gone, *come)):
        empty_entry(entry)
        fill_entry(entry, source)
        return
    for node in gone:
        lib.lyd_free_tree(node)
    for node in come:
        copy_below(entry, node)


def empty_entry(entry: Node) -> None:
    """Remove all but its keys, which come first, from a list entry."""
    while (child := last_child(entry)) != NULL and not child.schema.flags & lib.LYS_KEY:
        lib.lyd_free_tree(child)


def fill_entry(entry: Node, source: Node) -> None:
    """Copy all but its keys from ``source`` into a list entry that has nothing else."""
    child = first_child(source)
    while child != NULL and child.schema.flags & lib.LYS_KEY:
        child = child.next
    if child != NULL:
        copy_siblings(entry, child)


def remove_empty(tree: Tree, shell: Node) -> None:
    """Remove a shell, and shells above it, in which nothing is left; for a when may forbid it to be there."""
    while shell != NULL and first_child(shell) == NULL:
        above = parent_of(shell)
        if not tree.schema.node_of(shell.schema).conditional:
            return
        tree.remove(shell)
        shell = above


def _is_in_shell(schema_node: SchemaNode) -> bool:
    return schema_node.parent is not None and schema_node.parent.shell


def _keys_of_unit(schema_node: SchemaNode, node: Node) -> tuple[str, ...]:
    """Return the keys of an entry; nothing of what is none, or forms a unit with others."""
    is_entry = schema_node.kind is Kind.LIST and not is_group(schema_node)
    return keys_of(node, schema_node) if is_entry else ()


def holds_quotes(keys: tuple[str, ...]) -> bool:
    """Return whether a predicate on ``keys`` is none that can be told apart from others by its text."""
    return any(quote in key for key in keys for quote in "'\"")


def _unit_path(schema_node: SchemaNode, node: Node, keys: tuple[str, ...]) -> str:
    """Return a path that no other unit has: an XPath predicate is ambiguous once a key holds quotes.

    ``keys``: of an entry, which lies in containers alone, and these have none.
    """
    if not keys:
        return path_of(node, last_predicate=False)
    if holds_quotes(keys):
        return f"{schema_node.path}{list(keys)}"
    predicates = [f"[{name}='{key}']" for name, key in zip(schema_node.keys, keys, strict=True)]
    return schema_node.path + "".join(predicates)


def is_versioned(schema_node: SchemaNode) -> bool:
    """True if a node of configuration has a transaction id of its own: shells, and units that are one node
    with others in it."""
    above = schema_node.parent
    if not schema_node.config or not schema_node.is_interior or (above is not None and not above.shell):
        return False
    return not is_group(schema_node)


def unit_path(schema: Schema, node: Node) -> str:
    """Return the path of the unit that ``node`` is, or is one of."""
    schema_node = schema.node_of(node.schema)
    return _unit_path(schema_node, node, _keys_of_unit(schema_node, node))


def is_group(schema_node: SchemaNode) -> bool:
    """True if all instances of a node form a unit together, because their order belongs to them."""
    if schema_node.kind is Kind.LEAF_LIST:
        return True
    return schema_node.kind is Kind.LIST and (schema_node.user_ordered or not schema_node.keys)


def unit_node(schema: Schema, node: Node) -> Node:
    """Return the unit's node that ``node`` lies in, or NULL if ``node`` is a shell."""
    return next((step for step in downwards(node) if not schema.node_of(step.schema).shell), NULL)


def units_below(schema: Schema, nodes: Iterator[Node]) -> Iterator[Unit]:
    """Yield every unit that ``nodes`` or their shells' descendants hold, each once."""
    return (unit for unit, _ in nodes_below(schema, nodes))


def nodes_below(schema: Schema, nodes: Iterator[Node]) -> Iterator[tuple[Unit, Node]]:
    """Yield what ``units_below`` does, each with its node, a group with its first."""
    groups: set[str] = set()
    for node in nodes:
        schema_node = schema.node_of(node.schema)
        if schema_node.shell:
            yield from nodes_below(schema, children(node))
            continue
        unit = Unit(schema, node)
        if unit.group:
            if unit.path in groups:
                continue
            groups.add(unit.path)
        yield unit, node


def all_units(tree: Tree) -> Iterator[Unit]:
    return units_below(tree.schema, siblings(tree.first))


def entries_of(tree: Tree, list_path: str) -> Iterator[Node]:
    """Yield the entries of a list, by the path of its schema node, that are units, or form one together.

    Raises:
        KeyError: there is no such list.
    """
    list_node = tree.schema.find(list_path)
    above: set[SchemaNode] = set()
    step = list_node.parent
    while step is not None:
        above.add(step)
        step = step.parent
    yield from _entries_among(tree.schema, siblings(tree.first), list_node, above)


def _entries_among(
    schema: Schema, nodes: Iterable[Node], list_node: SchemaNode, above: Container[SchemaNode]
) -> Iterator[Node]:
    for node in nodes:
        schema_node = schema.node_of(node.schema)
        if schema_node is list_node:
            yield node
        elif schema_node.shell and schema_node in above:
            yield from _entries_among(schema, children(node), list_node, above)


def versioned_units(tree: Tree) -> Iterator[str]:
    """Yield the paths of the units that have transaction ids of their own."""
    yield from _versioned_among(tree.schema, siblings(tree.first))


def _versioned_among(schema: Schema, nodes: Iterable[Node]) -> Iterator[str]:
    for node in nodes:
        schema_node = schema.node_of(node.schema)
        if schema_node.shell:
            yield from _versioned_among(schema, children(node))
        elif is_versioned(schema_node):
            yield unit_path(schema, node)


def unit_at(tree: Tree, path: str) -> Unit | None:
    """Return the unit of that path that ``tree`` holds, None if it holds none."""
    if (node := tree.find(path)) != NULL:
        return Unit(tree.schema, node)
    way, _, keys = path.partition("[")
    if keys and keys[0] not in "'\"":
        return None
    # All entries of a list, or one whose key holds quotes.
    place = way.rpartition("/")[0]
    above = tree.find(place) if place else NULL
    among = units_below(tree.schema, siblings(tree.first) if above == NULL else children(above))
    return next((unit for unit in among if unit.path == path), None)


def units_by_path(*trees: Tree) -> dict[str, Unit]:
    """Return the units of all ``trees``, each once."""
    return {unit.path: unit for tree in trees for unit in all_units(tree)}


def unit_differences(
    units: Iterable[Unit],
    before: Tree,
    after: Tree,
    *,
    every_node: bool = True,
    found: Iterable[Sequence[Node]] | None = None,
) -> Iterator[Difference]:
    """Yield what differs in ``units`` between two trees; see agent.yang.difference.

    ``found``: what ``locate`` finds of each in the tree ``after``, if that is known.
    """
    units = list(units)
    afterwards = (unit.locate(after) for unit in units) if found is None else found
    for unit, own in zip(units, afterwards, strict=True):
        yield from differences(before.schema, unit.locate(before), own, every_node=every_node)
