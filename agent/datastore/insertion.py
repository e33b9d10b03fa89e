"""Where an entry of a list or leaf-list ordered by user goes (RFC 7950 sections 7.7.9 and 7.8.6)."""

from __future__ import annotations

from dataclasses import dataclass

from agent.errors import BadAttribute, MissingAttribute
from agent.yang.nodes import Node, first_sibling, keys_of, siblings, value_of
from agent.yang.paths import keys_in
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.tree import Tree
from agent.yang.values import Prefixes, canonical


@dataclass(frozen=True, slots=True)
class InsertRequest:
    """The insert, key and value attributes of one element.

    ``element`` is its local name; ``prefixes`` gives what is declared where it stands.
    """

    insert: str
    element: str
    key: str | None = None
    value: str | None = None
    prefixes: Prefixes = dict


def place_instance(tree: Tree, node: Node, request: InsertRequest) -> None:
    """Move ``node`` among the instances of its list as ``request`` says.

    Raises:
        MissingAttribute: before or after without key (list) or value (leaf-list).
        BadAttribute: the instance to stand next to does not exist (RFC 7950 section 15.7).
    """
    others = [n for n in siblings(first_sibling(node)) if n.schema == node.schema and n != node]
    if request.insert == "first":
        if others:
            tree.place(node, before=others[0])
    elif request.insert == "last":
        if others:
            tree.place(node, after=others[-1])
    else:
        anchor = _anchor(tree, node, others, request)
        if request.insert == "before":
            tree.place(node, before=anchor)
        else:
            tree.place(node, after=anchor)


def _anchor(tree: Tree, node: Node, others: list[Node], request: InsertRequest) -> Node:
    schema_node = tree.schema.node_of(node.schema)
    attribute = "key" if schema_node.kind is Kind.LIST else "value"
    wanted = request.key if schema_node.kind is Kind.LIST else request.value
    if wanted is None:
        raise MissingAttribute(attribute, request.element)
    if schema_node.kind is Kind.LIST:
        named = _keys(tree.schema, schema_node, wanted, request.prefixes)
        found = [n for n in others if keys_of(n, schema_node) == named]
    else:
        value = canonical(tree.schema, schema_node, wanted, request.prefixes)
        found = [n for n in others if value_of(n) == value]
    if found:
        return found[0]
    raise BadAttribute(
        attribute,
        request.element,
        f"the instance that '{attribute}' names does not exist: {wanted}",
        app_tag="missing-instance",
    )


def _keys(schema: Schema, schema_node: SchemaNode, predicates: str, prefixes: Prefixes) -> tuple[str, ...]:
    named = keys_in(predicates)
    by_name = {child.name: child for child in schema_node.children.values() if child.is_key}
    return tuple(canonical(schema, by_name[key], named.get(key, ""), prefixes) for key in schema_node.keys)
