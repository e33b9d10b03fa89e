"""What is on-change-able: of which nodes somebody says when they become others (RFC 8641 section 3.10). Pure.

All configuration is. Of state, what translators fill is, but for what always changes: counters of octets, and
how long ago something was. Such leafs are left out of subscriptions to changes, and are in periodic ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from agent.translator import Translator
from agent.yang.finding import find_all
from agent.yang.paths import steps_of
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode
from agent.yang.tree import Tree


@dataclass(frozen=True, slots=True)
class Changeable:
    """``unsaid``: the topmost nodes of which nobody says when they change; ``expressions`` select them."""

    unsaid: frozenset[SchemaNode]
    expressions: tuple[str, ...] = field(repr=False)

    def is_said(self, nodes: Iterable[SchemaNode]) -> bool:
        """True if there is something on-change-able among ``nodes`` and what is below them."""
        return any(self._somewhere(node) for node in nodes if not self._lies_in_unsaid(node))

    def _lies_in_unsaid(self, node: SchemaNode) -> bool:
        above: SchemaNode | None = node
        while above is not None:
            if above in self.unsaid:
                return True
            above = above.parent
        return False

    def _somewhere(self, node: SchemaNode) -> bool:
        if node in self.unsaid:
            return False
        return not node.children or any(self._somewhere(child) for child in node.children.values())


def changeable(schema: Schema, translators: Iterable[Translator]) -> Changeable:
    """Return what is on-change-able of what ``schema`` has."""
    said, always = set[str](), set[str]()
    for translator in translators:
        said |= {translator.state_path, *translator.state_roots}
        always.update(translator.always_changing)
    unsaid = [node for root in schema.roots.values() for node in _unsaid(root, said, always)]
    return Changeable(frozenset(unsaid), tuple(map(_expression, unsaid)))


def _unsaid(node: SchemaNode, said: set[str], always: set[str]) -> Iterator[SchemaNode]:
    path = node.path
    if path in always or (not node.config and path not in said and _begins_state(node)):
        yield node
        return
    for child in node.children.values():
        yield from _unsaid(child, said, always)


def _begins_state(node: SchemaNode) -> bool:
    return node.parent is None or node.parent.config


def _expression(node: SchemaNode) -> str:
    return "".join(f"/{module}:{name}" for module, name in steps_of(node.path))


def leave_out(tree: Tree, expressions: Iterable[str]) -> None:
    """*worker* Remove what ``expressions`` select from ``tree``."""
    for expression in expressions:
        for node in find_all(tree, expression):
            tree.remove(node)
