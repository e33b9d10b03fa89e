"""How a data node is named: in a URI (RFC 8040 section 3.5.3), and for people. Pure."""

from __future__ import annotations

import json
from urllib.parse import quote

from agent.yang.nodes import Node, downwards, keys_of, value_of
from agent.yang.paths import literal
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode


def resource_of(schema: Schema, node: Node) -> str:
    """*worker* Return the data resource identifier of ``node``."""
    path, module = "", ""
    for step in downwards(node):
        schema_node = schema.node_of(step.schema)
        path += "/" + _named(schema_node, module)
        module = schema_node.module
        if values := _values(step, schema_node):
            path += "=" + ",".join(quote(value, safe="") for value in values)
    return path


def shown_path(schema: Schema, node: Node, *, last_value: bool = False) -> str:
    """*worker* Return an instance-identifier of ``node`` with module names, in one line.

    ``last_value``: with the value of a leaf-list, if it is one.
    """
    path, module = "", ""
    for step in downwards(node):
        schema_node = schema.node_of(step.schema)
        path += "/" + _named(schema_node, module)
        module = schema_node.module
        if schema_node.kind is not Kind.LEAF_LIST or step != node or last_value:
            path += shown_predicates(step, schema_node)
    return path


def shown_predicates(node: Node, schema_node: SchemaNode) -> str:
    """*worker* Return what tells an entry or a value from others of its list."""
    names = schema_node.keys if schema_node.kind is Kind.LIST else (".",)
    values = _values(node, schema_node)
    return "".join(f"[{name}={_literal(value)}]" for name, value in zip(names, values, strict=False))


def shown_value(value: str) -> str:
    """Return ``value`` in one line: as it is, or as JSON if it could be taken for something else."""
    plain = value.isprintable() and value.strip() == value and value[:1] not in ("", '"')
    return value if plain else _json(value)


def _named(schema_node: SchemaNode, module: str) -> str:
    return schema_node.name if schema_node.module == module else f"{schema_node.module}:{schema_node.name}"


def _values(node: Node, schema_node: SchemaNode) -> tuple[str, ...]:
    if schema_node.kind is Kind.LIST:
        return keys_of(node, schema_node)
    return (value_of(node),) if schema_node.kind is Kind.LEAF_LIST else ()


def _literal(value: str) -> str:
    if value.isprintable() and not ("'" in value and '"' in value):
        return literal(value)
    return _json(value)


def _json(value: str) -> str:
    """Return ``value`` as JSON; of what cannot be printed nothing stays as it is, and of letters all do."""
    written = json.dumps(value, ensure_ascii=False)
    return "".join(one if one.isprintable() else _escape(one) for one in written)


def _escape(character: str) -> str:
    octets = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{octets[at : at + 4]}" for at in range(0, len(octets), 4))
