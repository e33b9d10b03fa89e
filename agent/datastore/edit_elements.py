"""The elements of an edit document: which node of the schema each is of, and where in the data."""

from __future__ import annotations

from agent.errors import KEY_CHARACTERS_MAX, RpcError, RpcErrors, UnknownElement, UnknownNamespace
from agent.xml import NETCONF_NS, Element, local_name, namespace
from agent.yang.paths import literal
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.values import canonical


def under_config(element: Element) -> bool:
    """True for an element of data, False for the <config> that holds it."""
    return namespace(element) != NETCONF_NS


def is_key_of(schema_node: SchemaNode, child: Element) -> bool:
    """True if ``child`` of an entry of the list ``schema_node`` is one of its keys."""
    return local_name(child) in schema_node.keys and namespace(child) == schema_node.namespace


def key_elements(schema_node: SchemaNode, element: Element) -> list[Element]:
    """Return the keys that an entry of the list ``schema_node`` holds, without a look at all its children."""
    found = (next(element.iterchildren(f"{{{schema_node.namespace}}}{k}"), None) for k in schema_node.keys)
    return [key for key in found if key is not None]


def schema_of_element(schema: Schema, element: Element) -> SchemaNode:
    """Return the configuration node that ``element`` instantiates.

    Raises:
        RpcErrors: the module or node does not exist, or is state data.
    """
    above = element.getparent()
    name, uri = local_name(element), namespace(element)
    if above is None or not under_config(above):
        parent, found = None, schema.roots.get((uri, name))
    else:
        parent = schema_of_element(schema, above)
        found = parent.children.get((uri, name))
    if found is None:
        raise RpcErrors([_unknown(schema, element, parent)])
    if not found.config:
        path = path_of_element(schema, element)
        raise RpcErrors([UnknownElement(name, f"'{name}' is state data and cannot be configured", path=path)])
    return found


def _unknown(schema: Schema, element: Element, parent: SchemaNode | None) -> RpcError:
    name, uri = local_name(element), namespace(element)
    above = element.getparent()
    path = path_of_element(schema, above) if parent is not None and above is not None else None
    if uri not in schema.by_namespace:
        return UnknownNamespace(name, uri, path=path)
    if parent is None and (hint := schema.hints.get((uri, name))):
        return UnknownElement(name, f"'{name}' is not in this namespace: {hint}", path=path)
    where = f"below '{parent.name}'" if parent else "at the top level"
    return UnknownElement(name, f"there is no '{name}' {where}", path=path)


def path_of_element(schema: Schema, element: Element) -> str:
    """Return the RFC 7951 instance-identifier of ``element``, with the keys that it carries."""
    above = element.getparent()
    module = schema.by_namespace[namespace(element)].name if namespace(element) in schema.by_namespace else ""
    step = local_name(element)
    prefix = ""
    if above is not None and under_config(above):
        prefix = path_of_element(schema, above)
        if namespace(above) == namespace(element):
            module = ""
    step = f"{module}:{step}" if module else step
    return f"{prefix}/{step}{_predicates(schema, element)}"


def _predicates(schema: Schema, element: Element) -> str:
    try:
        schema_node = schema_of_element(schema, element)
    except (RpcErrors, RecursionError):
        return ""
    if schema_node.kind is Kind.LEAF_LIST:
        return "" if schema_node.secret else f"[.={_literal(schema, schema_node, element)}]"
    if schema_node.kind is not Kind.LIST:
        return ""
    found = ((local_name(key), key) for key in key_elements(schema_node, element))
    leafs = schema_node.children
    return "".join(f"[{k}={_literal(schema, leafs[schema_node.namespace, k], key)}]" for k, key in found)


def _literal(schema: Schema, schema_node: SchemaNode, element: Element) -> str:
    # What is that long is left out of an error's path: no need to copy it once for each error.
    value = (element.text or "")[: KEY_CHARACTERS_MAX + 1]
    # As all paths have it; what fits no type is shown as it is.
    return literal(canonical(schema, schema_node, value, lambda: element.nsmap) or value.strip())
