"""The get-config of one list entry, which is asked for most: read on the event loop, without a copy.

What a request asks for is found from the schema alone, so that it is the same each time the same is asked,
whatever has become of running and of the rules since. Everything about it that is out of the ordinary is left
to agent.operations.read, with the same result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.nacm.access import Access
from agent.operations.context import Context
from agent.operations.parameters import canonical_value
from agent.operations.small import has_few_nodes
from agent.xml import NETCONF_NS, Element, attributes_of, holds_text
from agent.xml import qname as name_of
from agent.yang.annotations import is_annotated
from agent.yang.finding import entry_with_keys, looked_through_for
from agent.yang.nodes import NO_NODE, XML, first_child, print_node, sibling_of_schema
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode

_GET_CONFIG = (NETCONF_NS, "get-config")
_SOURCE, _FILTER, _RUNNING = ((NETCONF_NS, name) for name in ("source", "filter", "running"))


@dataclass(frozen=True, slots=True)
class OneEntry:
    """What a request asks for: all that is configured of the entry of ``node`` with these canonical ``keys``.

    ``above``: the containers that it lies in, from the top level down; ``before`` and ``behind`` are their
    tags in a reply, and ``start`` and ``within`` begin that of the entry, printed alone and inside of them.
    """

    operation: SchemaNode
    above: tuple[SchemaNode, ...]
    node: SchemaNode
    keys: tuple[str, ...]
    before: bytes
    behind: bytes
    start: bytes
    within: bytes


def one_entry(schema: Schema, operation: Element) -> OneEntry | None:
    """Return what ``operation`` asks for, None if it is another one, or not written in the plainest way."""
    if name_of(operation) != _GET_CONFIG or operation.attrib or len(operation) != 2 or holds_text(operation):
        return None
    source, filter_ = operation
    if name_of(source) != _SOURCE or name_of(filter_) != _FILTER:
        return None
    if source.attrib or len(source) != 1 or holds_text(source):
        return None
    if name_of(source[0]) != _RUNNING or source[0].attrib or len(source[0]) or source[0].text:
        return None
    if attributes_of(filter_) not in ({}, {"type": "subtree"}):
        return None
    above: list[SchemaNode] = []
    level, element = schema.roots, filter_
    while True:
        if len(element) != 1 or holds_text(element) or element[0].attrib:
            return None
        element = element[0]
        node = level.get(name_of(element))
        if node is None or not (node.shell or (node.kind is Kind.LIST and node.config)):
            return None
        if not node.shell:
            break
        above.append(node)
        level = node.children
    keys = _keys(schema, node, element)
    return None if keys is None else _with_tags(schema, above, node, keys)


def _keys(schema: Schema, node: SchemaNode, element: Element) -> tuple[str, ...] | None:
    """Return the keys of the entry if ``element`` holds each of them, and nothing else."""
    if len(element) != len(node.keys) or not node.keys or holds_text(element):
        return None
    found: dict[str, str] = {}
    for child in element:
        namespace, name = name_of(child)
        leaf = node.children.get((namespace, name))
        if leaf is None or not leaf.is_key or leaf.holds_names or leaf.secret:
            return None
        if child.attrib or len(child) or not (child.text or "").strip():
            return None
        found[name] = canonical_value(schema, leaf, child)
    keys = tuple(found.get(key, "") for key in node.keys)
    return None if len(found) != len(keys) or looked_through_for(keys) else keys


def _with_tags(
    schema: Schema, above: Sequence[SchemaNode], node: SchemaNode, keys: tuple[str, ...]
) -> OneEntry:
    before, behind, default = b"", b"", ""
    for container in above:
        before += _tag(container, default) + b">"
        behind = b"</%b>" % container.name.encode() + behind
        default = container.namespace
    return OneEntry(
        schema.rpcs[_GET_CONFIG],
        above=tuple(above),
        node=node,
        keys=keys,
        before=before,
        behind=behind,
        start=_tag(node, ""),
        within=_tag(node, default),
    )


def _tag(node: SchemaNode, default: str) -> bytes:
    declared = "" if node.namespace == default else f' xmlns="{node.namespace}"'
    return f"<{node.name}{declared}".encode()


def read_one(context: Context, access: Access, asked: OneEntry) -> bytes | None:
    """Return the body of the reply, None if ``access`` does not let its user read all, or it is no little one
    to read."""
    if not (access.operation(asked.operation).permit and access.everything(("read",))):
        return None
    with context.configuration.published.held(briefly=True) as tree:
        first = tree.first
        for container in asked.above:
            found = sibling_of_schema(first, container)
            if found == NO_NODE:
                return b"<data/>"
            if found.meta != NO_NODE and is_annotated(found):
                return None
            first = first_child(found)
        entry = entry_with_keys(first, asked.node, asked.keys)
        if entry == NO_NODE:
            return b"<data/>"
        if not has_few_nodes(tree, entry):
            return None
        printed = print_node(entry, XML)
    if not printed.startswith(asked.start):
        return None
    rest = memoryview(printed)[len(asked.start) :]
    return b"".join((b"<data>", asked.before, asked.within, rest, asked.behind, b"</data>"))
