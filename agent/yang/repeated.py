"""Nodes that cannot stand together: libyang parses them without complaint.

Of repeated nodes it finds only the first afterwards; of two cases of a choice it would drop one.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.errors import BadElement, RpcError
from agent.yang.cases import excluded, exclusions
from agent.yang.native import address
from agent.yang.nodes import Node, first_child, keys_of, path_to_show, siblings, value_of
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode


def repeated(schema: Schema, first: Node) -> Iterator[RpcError]:
    """Yield an error for each node among ``first`` and its siblings, or below, that stands there twice, or
    beside one that excludes it."""
    yield from _exclusive(schema, first)
    seen: set[tuple[int, tuple[str, ...]]] = set()
    for node in siblings(first):
        schema_node = schema.node_of(node.schema)
        identity = address(node.schema), _identity(schema_node, node)
        if identity in seen and not _may_repeat(schema_node):
            yield BadElement(
                schema_node.name,
                f"'{schema_node.name}' may stand only once here",
                path=path_to_show(node, schema_node),
            )
        seen.add(identity)
        if schema_node.is_interior:
            yield from repeated(schema, first_child(node))


def _may_repeat(schema_node: SchemaNode) -> bool:
    """True for what only configuration has once: an entry without keys, a value (RFC 7950 section 7.7)."""
    if schema_node.kind is Kind.LIST:
        return not schema_node.keys
    return schema_node.kind is Kind.LEAF_LIST and not schema_node.config


def _exclusive(schema: Schema, first: Node) -> Iterator[RpcError]:
    known = ((node, schema.node_of(node.schema)) for node in siblings(first))
    choosing = ((node, schema_node) for node, schema_node in known if schema_node.cases)
    for node, later, earlier in exclusions(choosing):
        yield excluded(later, earlier, path=path_to_show(node, later))


def _identity(schema_node: SchemaNode, node: Node) -> tuple[str, ...]:
    if schema_node.kind is Kind.LIST:
        return keys_of(node, schema_node)
    return (value_of(node),) if schema_node.kind is Kind.LEAF_LIST else ()
