"""Reading: what a user may not see is taken out of a copy before anything else looks at it.

One XPath for each rule that denies, and for each place that the schema protects; nothing walks the tree.
What is denied goes with all below it (RFC 8341 section 3.2.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.nacm.access import Access
from agent.nacm.rules import Rule, xpath_of
from agent.nacm.state import state_reader, tells_state
from agent.translator import Reader
from agent.yang.finding import find_all
from agent.yang.nodes import Node, parent_of, upwards, value_of
from agent.yang.paths import steps_of
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode
from agent.yang.tree import Tree


def prune(access: Access, tree: Tree) -> None:
    """*worker* Remove from ``tree`` what ``access`` does not let its user read, and what names such data."""
    if access.everything(["read"]):
        return
    if not access.secrets:
        _Permits(tree.schema, tree).remove_uncovered(_paths(_secrets(tree.schema)))
    if not access.everything(["read"], but_secrets=True):
        _prune_by_rules(access, tree)
    may_read = access.reader(tree.schema)
    may_read_state = state_reader(tree.schema, may_read)
    for path, entry in tree.schema.names.items():
        _remove_naming(tree, path, may_read, entry=entry)
    for leaf in list(_told(tree.schema)):
        _remove_naming(tree, leaf.path, may_read_state if tells_state(leaf) else may_read)


def _remove_naming(tree: Tree, path: str, may_read: Reader, *, entry: str = "{}") -> None:
    """Remove the nodes at a schema path whose values, put into ``entry``, name what may not be read."""
    named = find_all(tree, _qualified(path))
    for node in [node for node in named if not may_read(entry.format(value_of(node)))]:
        tree.remove(_removable(tree.schema, node))


def _told(schema: Schema) -> Iterator[SchemaNode]:
    """Yield the leafs of state whose values are the paths of other data."""
    for root in schema.roots.values():
        yield from (node for node in root.subtree() if node.names_data and not node.config)


def _prune_by_rules(access: Access, tree: Tree) -> None:
    schema = tree.schema
    permits = _Permits(schema, tree)
    for rule in access.rules:
        if not rule.concerns_data("read"):
            continue
        if rule.permit:
            permits.add(rule)
        else:
            permits.remove_uncovered(_meant(schema, rule))
        if rule.all_data:
            return  # nothing is left to decide after a rule about everything
    permits.remove_uncovered(_paths(_protected(schema)))
    if not access.settings.read_default:
        permits.remove_uncovered(_paths(_tops(schema)))


class _Permits:
    """What earlier rules permit in ``tree``, and so no later rule denies."""

    def __init__(self, schema: Schema, tree: Tree) -> None:
        self._schema = schema
        self._tree = tree
        self._rules: list[tuple[Rule, set[Node] | None]] = []

    def add(self, rule: Rule) -> None:
        found = set(find_all(self._tree, xpath_of(rule.path))) if rule.path else None
        self._rules.append((rule, found))

    def remove_uncovered(self, expressions: Iterable[str]) -> None:
        """Remove the selected nodes that no rule so far permits."""
        for expression in expressions:
            found = find_all(self._tree, expression)
            doomed = {_removable(self._schema, node) for node in found if not self._covered(node)}
            # All that is below another goes with it, and may not be looked at after that.
            for node in [node for node in doomed if not _is_below(node, doomed)]:
                self._tree.remove(node)

    def _covered(self, node: Node) -> bool:
        module = self._schema.node_of(node.schema).module
        return any(
            rule.covers_module(module) and (found is None or node in found or _is_below(node, found))
            for rule, found in self._rules
        )


def _removable(schema: Schema, node: Node) -> Node:
    """Return ``node``, or the list entry that it is a key of: an entry is nothing without its keys."""
    return parent_of(node) if schema.node_of(node.schema).is_key else node


def _is_below(node: Node, others: set[Node]) -> bool:
    return any(above in others for above in upwards(parent_of(node)))


def _meant(schema: Schema, rule: Rule) -> list[str]:
    """Return XPaths of what a denying rule is about, topmost nodes only."""
    if not rule.path:
        return _paths(n for n in _tops(schema) if rule.covers_module(n.module))
    try:
        top = schema.find("".join(f"/{s.module}:{s.name}" for s in rule.path))
    except KeyError:
        return []  # an action: there is nothing to read
    start, above = xpath_of(rule.path), len(_qualified(top.path))
    return [start + _qualified(node.path)[above:] for node in _begins(top) if rule.covers_module(node.module)]


def _tops(schema: Schema) -> Iterator[SchemaNode]:
    """Yield each node above which no node of its own module stands: where a module's data begins."""
    for root in schema.roots.values():
        yield from _begins(root)


def _begins(top: SchemaNode) -> Iterator[SchemaNode]:
    """Yield ``top``, and each node below it at which another module's data begins.

    A rule about a module that permits what stands above such a node says nothing about the node.
    """
    for node in top.subtree():
        if node is top or (node.parent is not None and node.parent.module != node.module):
            yield node


def _protected(schema: Schema) -> Iterator[SchemaNode]:
    """Yield the nodes at which what is default-deny-all begins."""
    for root in schema.roots.values():
        for node in root.subtree():
            if node.deny_all and not (node.parent is not None and node.parent.deny_all):
                yield from _begins(node)


def _secrets(schema: Schema) -> Iterator[SchemaNode]:
    """Yield the nodes at which what is secret begins."""
    for root in schema.roots.values():
        yield from (n for n in root.subtree() if n.secret and not (n.parent is not None and n.parent.secret))


def _paths(nodes: Iterable[SchemaNode]) -> list[str]:
    return [_qualified(node.path) for node in nodes]


def _qualified(path: str) -> str:
    """Return a schema path with the module named at every step, as an absolute XPath needs it."""
    return "".join(f"/{module}:{name}" for module, name in steps_of(path))
