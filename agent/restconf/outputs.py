"""What an operation has put out, as JSON (RFC 7951): there is little of it, and no tree of libyang."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from agent.xml import Element, local_name, namespace, parse
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, QName, SchemaNode
from agent.yang.values import canonical

Level = Mapping[QName, SchemaNode]
_OF_EDITS = ("value", "source-value")


def output_json(schema: Schema, operation: SchemaNode, body: bytes) -> bytes:
    """*worker* Return ``output`` of ``operation`` (RFC 8040 section 3.6.2), whose children ``body`` holds."""
    elements = parse(b"<output>%b</output>" % body)
    found = members(schema, elements, operation.output, operation.module)
    return json.dumps({f"{operation.module}:output": found}, ensure_ascii=False).encode()


def event_json(schema: Schema, time: str, body: bytes) -> bytes:
    """*worker* Return a notification (RFC 8040 section 6.4) whose element is ``body``, on one line."""
    level = dict(schema.notifications)
    found = members(schema, [parse(body)], level, "")
    return json.dumps(
        {"ietf-restconf:notification": {"eventTime": time, **found}}, ensure_ascii=False
    ).encode()


def members(schema: Schema, elements: Iterable[Element], level: Level, module: str) -> dict[str, object]:
    """*worker* Return ``elements``, of nodes in ``level``, as members of an object of ``module``."""
    found: dict[str, object] = {}
    for element in elements:
        node = level.get((namespace(element), local_name(element)))
        name = _name(schema, element, module)
        value = _any(schema, element, module) if node is None else _value(schema, element, node)
        is_many = node is not None and node.has_instances
        there = found.get(name)
        if isinstance(there, list) and (is_many or node is None):
            there.append(value)
        elif is_many:
            found[name] = [value]
        elif name in found:
            found[name] = [there, value]
        else:
            found[name] = value
    return found


def inside(schema: Schema, element: Element, node: SchemaNode) -> Level:
    """Return the nodes that can lie in ``element``, which is of ``node``: in anydata, top-level nodes, or in
    the value of an edit what stands where its target does (RFC 8072 section 3)."""
    if node.kind is not Kind.ANYDATA:
        return node.children
    edit = element.getparent()
    texts = () if edit is None else (one.text for one in edit if local_name(one) == "target")
    target = next(iter(texts), None)
    return schema.roots if target is None or node.name not in _OF_EDITS else _beside(schema, target)


def _beside(schema: Schema, target: str) -> Level:
    """Return the nodes that can stand where ``target`` leads, a path as RESTCONF has them."""
    level: Level = schema.roots
    module = ""
    for step in target.strip("/").split("/")[:-1]:
        prefix, _, name = step.partition("=")[0].rpartition(":")
        module = prefix or module
        level = level[schema.by_name[module].namespace, name].children
    return level


def _name(schema: Schema, element: Element, module: str) -> str:
    served = schema.by_namespace.get(namespace(element))
    own = module if served is None else served.name
    return local_name(element) if own == module else f"{own}:{local_name(element)}"


def _value(schema: Schema, element: Element, node: SchemaNode) -> object:
    if not node.is_leafy:
        return members(schema, element, inside(schema, element, node), node.module)
    text = element.text or ""
    if node.holds_nothing:
        return [None]
    if node.json_boolean:
        return text == "true"
    if node.json_number:
        return int(text)
    return canonical(schema, node, text, lambda: element.nsmap) if node.holds_names else text


def _any(schema: Schema, element: Element, module: str) -> object:
    """Return what no module says anything of, in anydata."""
    if not len(element):
        return element.text or ""
    served = schema.by_namespace.get(namespace(element))
    return members(schema, element, {}, module if served is None else served.name)
