"""What can be known of an edit document before it is applied: names, values, keys.

libyang stops at the first fault of a document; this walk finds all of them, and names each with its
exact tag and with a path that carries the keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from agent.datastore.edit_attributes import EditAttributes
from agent.datastore.edit_elements import is_key_of, path_of_element, schema_of_element
from agent.errors import (
    BadAttribute,
    BadElement,
    InvalidValue,
    MissingElement,
    RpcError,
    RpcErrors,
    UnknownAttribute,
    raise_all,
)
from agent.xml import Element, holds_text, local_name, namespace
from agent.yang.cases import excluded, exclusions
from agent.yang.paths import key_names
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, QName, SchemaNode
from agent.yang.values import canonical, is_default_value, value_problem


def check_document(schema: Schema, config: Element, attributes: EditAttributes) -> None:
    """Check names, keys and values of the whole edit.

    Raises:
        RpcErrors: all faults that were found.
    """
    inside = (e for element in config for e in _check(schema, element, attributes, removing=False))
    repeated = _check_repeated(schema, config, schema.roots, "here")
    raise_all(chain(repeated, check_cases(schema, config, schema.roots, attributes), inside))


def _check(
    schema: Schema, element: Element, attributes: EditAttributes, *, removing: bool
) -> Iterator[RpcError]:
    try:
        schema_node = schema_of_element(schema, element)
    except RpcErrors as problem:
        yield from problem.errors
        return
    operation = attributes.operation.get(element)
    removing = operation in ("delete", "remove") or (removing and operation is None)
    yield from _check_attributes(schema, element, schema_node, attributes)
    if schema_node.is_leafy:
        if not removing or schema_node.kind is Kind.LEAF_LIST or schema_node.is_key:
            yield from _check_leaf(schema, element, schema_node)
        return
    if schema_node.kind is Kind.ANYDATA:
        return
    if holds_text(element):
        message = f"'{schema_node.name}' holds elements, not text"
        yield BadElement(schema_node.name, message, path=path_of_element(schema, element))
    yield from _check_keys(schema, element, schema_node)
    yield from _check_repeated(schema, element, schema_node.children, f"in '{schema_node.name}'")
    if not removing:
        yield from check_cases(schema, element, schema_node.children, attributes)
    for child in element:
        yield from _check(schema, child, attributes, removing=removing)


def _check_attributes(
    schema: Schema, element: Element, schema_node: SchemaNode, attributes: EditAttributes
) -> Iterator[RpcError]:
    operation = attributes.operation.get(element)
    if schema_node.is_key and operation in ("delete", "remove"):
        message = f"'{schema_node.name}' is a list key and cannot be deleted alone: delete the list entry"
        yield BadAttribute("operation", schema_node.name, message, path=path_of_element(schema, element))
    if element in attributes.insert and not schema_node.user_ordered:
        message = f"'{schema_node.name}' is not ordered by the user, so it has no place to insert at"
        yield UnknownAttribute("insert", schema_node.name, message, path=path_of_element(schema, element))
    request = attributes.insert.get(element)
    if request is not None and request.key is not None and schema_node.kind is Kind.LIST:
        yield from _check_anchor(schema, element, schema_node, request.key)
    if element in attributes.claimed and not _is_default(schema, schema_node, element):
        message = f"the value of '{schema_node.name}' is not its default, as the attribute 'default' says"
        yield InvalidValue(message, path=path_of_element(schema, element))


def _check_anchor(
    schema: Schema, element: Element, schema_node: SchemaNode, predicates: str
) -> Iterator[RpcError]:
    """Check the names of the keys in the attribute key, which a value alone does not show to be wrong."""
    names = key_names(predicates.strip())
    uris = {element.nsmap.get(prefix) if prefix else schema_node.namespace for prefix, _ in names or ()}
    given = [name for _, name in names or ()]
    wanted = "".join(f"[{key}='...']" for key in schema_node.keys)
    if names is None or sorted(given) != sorted(schema_node.keys):
        message = f"'key' must name each key of '{schema_node.name}' once: {wanted}"
    elif uris != {schema_node.namespace}:
        message = f"a prefix in 'key' is not declared, or not that of the keys of '{schema_node.name}'"
    else:
        return
    yield BadAttribute("key", schema_node.name, message, path=path_of_element(schema, element))


def _is_default(schema: Schema, schema_node: SchemaNode, element: Element) -> bool:
    value = element.text or ""
    if schema_node.kind is not Kind.LEAF_LIST:
        return is_default_value(schema, schema_node, value, lambda: element.nsmap)
    return canonical(schema, schema_node, value, lambda: element.nsmap) in schema_node.defaults


def _check_leaf(schema: Schema, element: Element, schema_node: SchemaNode) -> Iterator[RpcError]:
    if len(element):
        message = f"'{schema_node.name}' holds a value, not elements"
        yield BadElement(schema_node.name, message, path=path_of_element(schema, element))
        return
    problem = value_problem(schema, schema_node, element.text or "", lambda: element.nsmap)
    if problem is not None:
        problem.path = path_of_element(schema, element)
        yield problem


def _check_keys(schema: Schema, element: Element, schema_node: SchemaNode) -> Iterator[RpcError]:
    present = {local_name(child) for child in element if is_key_of(schema_node, child)}
    for key in schema_node.keys:
        if key not in present:
            message = f"the key '{key}' of the list '{schema_node.name}' is missing"
            yield MissingElement(key, message, path=path_of_element(schema, element))


def _check_repeated(
    schema: Schema, element: Element, level: Mapping[QName, SchemaNode], where: str
) -> Iterator[RpcError]:
    seen: set[tuple[str, str]] = set()
    for child in element:
        qname = (namespace(child), local_name(child))
        below = level.get(qname)
        if below is None or below.has_instances:
            continue
        if qname in seen:
            message = f"'{below.name}' may stand only once {where}"
            yield BadElement(below.name, message, path=path_of_element(schema, child))
        seen.add(qname)


def check_cases(
    schema: Schema, parent: Element, level: Mapping[QName, SchemaNode], attributes: EditAttributes
) -> Iterator[RpcError]:
    """Yield an error for each child of ``parent`` that brings data of another case of a choice than one
    before it (RFC 7950 section 8.3.1); ``level`` are the nodes that children may be of."""
    known = ((child, level.get((namespace(child), local_name(child)))) for child in parent)
    choosing = ((child, node) for child, node in known if node is not None and node.cases)
    brought = ((child, node) for child, node in choosing if _brings(child, node, attributes))
    for child, node, first in exclusions(brought):
        yield excluded(node, first, path=path_of_element(schema, child))


def _brings(element: Element, node: SchemaNode, attributes: EditAttributes) -> bool:
    """True if ``element`` is there after the edit: it is not removed, nor a container that all is removed
    from."""
    if attributes.operation.get(element) in ("delete", "remove") or element in attributes.tagged:
        return False
    if not node.is_np_container or len(element) == 0:
        return True
    below = ((child, node.children.get((namespace(child), local_name(child)))) for child in element)
    return any(found is not None and _brings(child, found, attributes) for child, found in below)
