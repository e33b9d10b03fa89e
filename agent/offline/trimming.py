"""A document without what cannot be in it, so that the rest of it can be looked at."""

from __future__ import annotations

from agent.datastore.edit_elements import key_elements
from agent.xml import Element, drop, holds_text, local_name, namespace
from agent.yang.cases import exclusions
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, QName, SchemaNode
from agent.yang.values import value_problem

Level = dict[QName, SchemaNode]


def trim(schema: Schema, config: Element, *, repeated: bool) -> None:
    """Take out what no module has, values that do not fit, entries without keys, cases that exclude each
    other; and with ``repeated`` each further entry of the same keys."""
    _trim(schema, config, schema.roots, repeated=repeated)


def _trim(schema: Schema, parent: Element, level: Level, *, repeated: bool) -> None:
    seen: set[tuple[str, ...]] = set()
    for child in list(parent):
        node = level.get((namespace(child), local_name(child)))
        if node is None or not node.config or _is_wrong(schema, child, node):
            drop(child)
            continue
        if node.is_interior:
            _trim(schema, child, node.children, repeated=repeated)
        keys = key_elements(node, child) if node.kind is Kind.LIST else []
        values = [child.text or ""] if node.kind is Kind.LEAF_LIST else [key.text or "" for key in keys]
        identity = str(child.tag), *(value.strip() for value in values)
        again = identity in seen and (repeated or not node.has_instances)
        if again or (node.kind is Kind.LIST and len(keys) < len(node.keys)):
            drop(child)
        seen.add(identity)
    known = ((child, level[namespace(child), local_name(child)]) for child in list(parent))
    for child, _, _ in list(exclusions((child, node) for child, node in known if node.cases)):
        drop(child)


def _is_wrong(schema: Schema, element: Element, node: SchemaNode) -> bool:
    if node.is_leafy:
        return bool(len(element)) or (
            value_problem(schema, node, element.text or "", lambda: element.nsmap) is not None
        )
    return node.is_interior and holds_text(element)
