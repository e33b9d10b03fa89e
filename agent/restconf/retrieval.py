"""GET of data: the get-data that it is (RFC 8526), and its answer as what was asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from agent.nacm.access import Access
from agent.nacm.rules import Step as Named
from agent.operations.context import Caller, Context
from agent.operations.dispatch import guarded
from agent.operations.nmda import get_data
from agent.operations.origin import INTENDED
from agent.operations.parameters import NMDA_NS
from agent.operations.read import tagged, untagged
from agent.restconf.documents import element_of, nested
from agent.restconf.media import Media
from agent.restconf.problems import NAMESPACE
from agent.restconf.queries import TAGGED, Field, ReadQuery
from agent.restconf.uris import Place, Step
from agent.translator import Json
from agent.xml import Element, Piece
from agent.yang.annotations import add_annotation, is_annotated
from agent.yang.nodes import (
    JSON,
    NO_NODE,
    XML,
    Defaults,
    Node,
    children,
    first_child,
    instances,
    keys_of,
    print_node,
    value_of,
)
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.tree import Tree

DATASTORES_NS = "urn:ietf:params:xml:ns:yang:ietf-datastores"
UNIFIED = "unified"
"""{+restconf}/data: what is configured with the state beside it, without defaults that nobody asks for."""

_WITH_DEFAULTS = ReadQuery(defaults="report-all")


class ManyInXml(Exception):
    """There are several, and XML has one element at its root (RFC 8040 section 4.3)."""


async def retrieved(
    context: Context, caller: Caller, place: Place, query: ReadQuery, *, datastore: str, media: Media
) -> bytes | None:
    """Return the representation of what is at ``place``, None if there is nothing.

    Raises:
        RpcErrors: it cannot be read.
        ManyInXml: it is no document.
    """
    operation = _operation(context.schema, place, query, datastore)
    read = partial(get_data, context, caller, operation)
    reply = await guarded(context, caller, "get-data", read, reads=True)
    inner = _inside(reply)
    if not place.steps:
        inner = b"" if query.depth == 1 else inner  # the datastore is a level of its own
        return await _datastore(context, inner, media, query)
    found: bytes | None = None
    if inner:
        found = await context.reader(_of_place, context.schema, inner, place, query, media)
    if found is not None:
        return found
    is_empty = await _is_empty(context, caller, place, content=query.content, datastore=datastore)
    return _empty(place.steps[-1].node, media) if is_empty else None


async def is_seen(context: Context, caller: Caller, place: Place, query: ReadQuery = _WITH_DEFAULTS) -> bool:
    """Return whether running holds something at ``place`` that the caller may read, and ``query`` asks for.

    Raises:
        RpcErrors: it cannot be read.
    """
    if all(step.node.is_np_container and not step.node.conditional for step in place.steps):
        return not place.steps or _may_read(context.access(caller), place)
    query = replace(query, content="config", depth=1)
    return await retrieved(context, caller, place, query, datastore="running", media=Media.JSON) is not None


def _operation(schema: Schema, place: Place, query: ReadQuery, datastore: str) -> Element:
    name, content = datastore, query.content
    defaults = query.defaults
    if datastore == UNIFIED:
        name = "running" if content == "config" else "operational"
        defaults = defaults or "explicit"
    parameters = [Piece(NMDA_NS, "datastore", f"ds:{name}", declared={"ds": DATASTORES_NS})]
    if place.steps or query.fields:
        parameters.append(Piece(NMDA_NS, "subtree-filter", children=_filter(schema, place, query.fields)))
    if content != "all" and name == "operational":
        parameters.append(Piece(NMDA_NS, "config-filter", "true" if content == "config" else "false"))
    elif content == "nonconfig":
        parameters.append(Piece(NMDA_NS, "config-filter", "false"))
    if query.depth is not None and not query.fields:
        depth = query.depth if place.steps else max(1, query.depth - 1)
        parameters.append(Piece(NMDA_NS, "max-depth", str(depth)))
    if query.with_origin:
        parameters.append(Piece(NMDA_NS, "with-origin"))
    if defaults:
        parameters.append(Piece(NMDA_NS, "with-defaults", defaults))
    return element_of(Piece(NMDA_NS, "get-data", children=parameters))


def _filter(schema: Schema, place: Place, fields: Iterable[Field]) -> list[Piece]:
    wanted = [_wanted(one) for one in fields]
    if not place.steps:
        return wanted
    last = place.steps[-1]
    if last.node.kind is Kind.LEAF_LIST:  # its value would select what stands beside it
        last = Step(last.node)
    return [nested(schema, (*place.steps[:-1], last), wanted)]


def _wanted(one: Field) -> Piece:
    return Piece(one.node.namespace, one.node.name, children=[_wanted(below) for below in one.below])


def _inside(reply: bytes) -> bytes:
    """Return what is in ``<data>``; an attribute holds no ">"."""
    start = reply.index(b">")
    return b"" if reply[start - 1 : start] == b"/" else reply[start + 1 : -len(b"</data>")]


async def _is_empty(context: Context, caller: Caller, place: Place, *, content: str, datastore: str) -> bool:
    """Return whether a container at ``place`` is there though nothing is in it: with whatever it lies in (RFC
    7950 section 7.5.1).

    Not for who may not read it: for him, it is not there (RFC 8341 section 3.2.4).
    """
    above = place
    while above.node is not None and above.node.is_np_container:
        if above.node.conditional:
            return False
        above = above.above
    if above == place or not _may_read(context.access(caller), place):
        return False
    if not above.steps:
        return True
    query = ReadQuery("config" if content == "config" else "all", depth=1, defaults="report-all")
    return await retrieved(context, caller, above, query, datastore=datastore, media=Media.JSON) is not None


def _may_read(access: Access, place: Place) -> bool:
    nodes = [step.node for step in place.steps]
    # All are containers and entries of lists.
    steps = [
        Named(one.node.module, one.node.name, dict(zip(one.node.keys, one.keys, strict=True)))
        for one in place.steps
    ]
    return access.reach(steps, nodes, "read").permit


def _empty(node: SchemaNode, media: Media) -> bytes:
    if media is Media.JSON:
        return f'{{"{node.module}:{node.name}":{{}}}}'.encode()
    return f'<{node.name} xmlns="{node.namespace}"/>'.encode()


async def _datastore(context: Context, inner: bytes, media: Media, query: ReadQuery) -> bytes:
    depth = query.depth if query.fields else None
    if media is Media.XML and depth is None:
        return b'<data xmlns="%b">%b</data>' % (NAMESPACE.encode(), inner)
    printed: bytes = await context.reader(
        _of_datastore, context.schema, inner, media, depth, _printed_as(query)
    )
    return printed


def _printed_as(query: ReadQuery) -> Defaults:
    """Return how what was read is printed, which has those defaults that are wanted."""
    return Defaults.REPORT_ALL_TAGGED if query.defaults == TAGGED else Defaults.EXPLICIT


def _read_back(schema: Schema, inner: bytes, defaults: Defaults) -> Tree:
    return Tree.parse(schema, untagged(inner) if defaults is Defaults.REPORT_ALL_TAGGED else inner)


def _of_datastore(schema: Schema, inner: bytes, media: Media, depth: int | None, defaults: Defaults) -> bytes:
    """*worker*"""
    tree = _read_back(schema, inner, defaults)
    if depth is not None:
        for node in tree.top_level():
            _cut(tree, node, depth - 1)
    if media is Media.XML:
        printed = tagged(tree.to_xml(defaults, keep_empty=True), defaults)
        return b'<data xmlns="%b">%b</data>' % (NAMESPACE.encode(), printed)
    printed = b"{}" if tree.empty else print_node(tree.first, JSON, defaults, True, siblings=True)
    return b'{"ietf-restconf:data":%b}' % (printed or b"{}")


def _of_place(schema: Schema, inner: bytes, place: Place, query: ReadQuery, media: Media) -> bytes | None:
    """*worker* Return what is at ``place`` in what a filter for it has selected.

    Raises:
        ManyInXml: there are several.
    """
    defaults = _printed_as(query)
    tree = _read_back(schema, inner, defaults)
    found = [node for node in _at(tree, place) if node != NO_NODE]
    if not found:
        return None
    if query.fields and query.depth is not None:
        for node in found:
            _cut(tree, node, query.depth)
    if query.with_origin and len(place.steps) > 1:
        _say_origin(schema, found)
    if media is Media.JSON:
        if place.steps[-1].node.kind is Kind.LEAF_LIST:
            return _values(tree, place, found, defaults)
        return _joined([print_node(node, JSON, defaults, True) for node in found])
    if len(found) > 1:
        raise ManyInXml
    return tagged(print_node(found[0], XML, defaults, True), defaults)


def _at(tree: Tree, place: Place) -> list[Node]:
    level = [tree.first]
    for number, step in enumerate(place.steps):
        here = [node for first in level if first != NO_NODE for node in instances(first, step.node)]
        # A filter takes an empty key for none, which selects every entry.
        here = [node for node in here if not step.keys or _keys_of(node, step.node) == step.keys]
        if number == len(place.steps) - 1:
            return here
        level = [first_child(node) for node in here]
    return []


def _keys_of(node: Node, schema_node: SchemaNode) -> tuple[str, ...]:
    return (value_of(node),) if schema_node.kind is Kind.LEAF_LIST else keys_of(node, schema_node)


def _say_origin(schema: Schema, nodes: list[Node]) -> None:
    """Annotate nodes that have their origin from what they are in, which is not shown: a default says so."""
    for node in nodes:
        schema_node = schema.node_of(node.schema)
        if schema_node.config and not schema_node.is_key and not is_annotated(node):
            add_annotation(schema, node, "ietf-origin", "origin", INTENDED)


def _joined(printed: list[bytes]) -> bytes:
    """Return one member of several that libyang has printed each for itself."""
    if len(printed) == 1:
        return printed[0]
    start = printed[0].index(b"[") + 1
    return printed[0][:start] + b",".join(one[start : one.rindex(b"]")] for one in printed) + b"]}"


def _values(tree: Tree, place: Place, nodes: list[Node], defaults: Defaults) -> bytes:
    """Return one member of the values of a leaf-list, and one of what is said of them (RFC 7952 5.2.4).

    Of copies: libyang prints beside one value what is said of all.
    """
    values: list[Json] = []
    notes: list[Json] = []
    name = ""
    for node in nodes:
        copy = tree.copy_of(node)
        row = json.loads(print_node(_at(copy, place)[0], JSON, defaults, True))
        (name,) = (one for one in row if not one.startswith("@"))
        values += row[name]
        notes += row.get(f"@{name}", [None])
    joined = {name: values, f"@{name}": notes} if any(notes) else {name: values}
    return json.dumps(joined, ensure_ascii=False, separators=(",", ":")).encode()


def _cut(tree: Tree, node: Node, levels: int) -> None:
    """Leave ``levels`` levels of ``node``, itself the first; keys stay."""
    schema_node = tree.schema.node_of(node.schema)
    if schema_node.is_leafy:
        return
    for child in list(children(node)):
        if tree.schema.node_of(child.schema).is_key:
            continue
        if levels <= 1:
            tree.remove(child)
        else:
            _cut(tree, child, levels - 1)
