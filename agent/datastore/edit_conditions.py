"""The transaction ids in an edit document: what its author knows of the places that he changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agent.datastore.conditions import Condition
from agent.datastore.edit_elements import key_elements, path_of_element, schema_of_element, under_config
from agent.datastore.txids import Mechanism
from agent.errors import RpcErrors
from agent.xml import Element, local_name
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.units import is_versioned
from agent.yang.values import canonical

Given = Mapping[Element, Mapping[Mechanism, str]]
"""Ids by the elements that they stand on, which may be the <config> itself."""


def conditions_of(schema: Schema, given: Given) -> Iterator[Condition]:
    """*worker* Yield what ``given`` demands; elements that the schema does not have are passed over."""
    for element, values in given.items():
        try:
            shells, unit, keys = _versioned(schema, element)
        except RpcErrors:
            continue
        path = path_of_element(schema, element) if under_config(element) else None
        for mechanism, value in values.items():
            yield Condition(path, mechanism, value, shells=shells, unit=unit, keys=keys)


def _versioned(
    schema: Schema, element: Element
) -> tuple[tuple[SchemaNode, ...], SchemaNode | None, tuple[str, ...]]:
    """Return the shells, the unit if there is one, and its keys, that ``element`` is or lies in."""
    way: list[Element] = []
    at: Element | None = element
    while at is not None and under_config(at):
        way.append(at)
        at = at.getparent()
    shells: list[SchemaNode] = []
    for step in reversed(way):
        node = schema_of_element(schema, step)
        if node.shell:
            shells.append(node)
            continue
        if not is_versioned(node):
            break
        return tuple(shells), node, _keys(schema, node, step)
    return tuple(shells), None, ()


def _keys(schema: Schema, node: SchemaNode, element: Element) -> tuple[str, ...]:
    if node.kind is not Kind.LIST:
        return ()
    return tuple(
        _canonical(schema, node.children[node.namespace, local_name(key)], key)
        for key in key_elements(node, element)
    )


def _canonical(schema: Schema, leaf: SchemaNode, key: Element) -> str:
    return canonical(schema, leaf, key.text or "", lambda: key.nsmap)
