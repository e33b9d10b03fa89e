"""A body, as what an operation of NETCONF holds in its place; RFC 8040 sections 4.4 to 4.6 and 3.6.1."""

from __future__ import annotations

from collections.abc import Sequence

from agent.errors import (
    ErrorType,
    MalformedMessage,
    RpcError,
    RpcErrors,
    TooBig,
    UnknownAttribute,
    UnknownElement,
    raise_all,
    shortened,
)
from agent.offline.from_json import JsonError, JsonTooBig, Object, elements_below, read_json, refuse_many
from agent.restconf.media import Media
from agent.restconf.problems import NAMESPACE, Problem
from agent.restconf.uris import Place, Step
from agent.xml import (
    NETCONF_NS,
    YANG_NS,
    Element,
    Piece,
    XmlError,
    XmlTooBig,
    attribute_names,
    holds_text,
    local_name,
    namespace,
    parse,
    serialize,
    written,
)
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.values import split_at_names

JSON_ELEMENTS_MAX = 400_000
"""Members and values of JSON, each of which takes twenty times as long as an element of XML; 10,000 tunnels,
as they are served, have 210,000."""
_INSTRUCTIONS = (f"{{{NETCONF_NS}}}", f"{{{YANG_NS}}}")


def children(
    schema: Schema, body: bytes, media: Media, *, above: SchemaNode | None, max_elements: int
) -> list[Element]:
    """Return the nodes that ``body`` holds: each is to be a child of ``above``, None for the datastore.

    Raises:
        Problem, RpcErrors: it is none, or holds what none may hold.
    """
    try:
        if media is Media.XML:
            found = [parse(body, max_elements)]
        else:
            document = _document(body, max_elements)
            raise_all(_unqualified(document, above))
            found = elements_below(schema, document, above=above, max_elements=max_elements)
    except (XmlError, JsonError) as problem:
        raise RpcErrors([_refused(problem)]) from None
    raise_all(_instructions(found))
    return found


def _refused(problem: XmlError | JsonError) -> RpcError:
    """Return what a client is told of a body that is not taken."""
    if isinstance(problem, XmlTooBig | JsonTooBig):
        return TooBig(str(problem), type=ErrorType.RPC)
    return MalformedMessage(str(problem))


def _unqualified(document: Object, above: SchemaNode | None) -> list[UnknownElement]:
    """Return an error for the first member without its module, which the outermost ones have in each document
    (RFC 7951 section 4); those of a datastore are told of by who reads them."""
    if above is None:
        return []
    for name in document:
        if ":" not in name and not name.startswith("@"):
            local = shortened(name)
            message = f"the member '{local}' needs the name of its module before it (RFC 7951 section 4)"
            return [UnknownElement(local, message, path=above.path)]
    return []


def _document(body: bytes, max_elements: int) -> Object:
    """Return the object of JSON in ``body``.

    Raises:
        JsonTooBig: it holds more than may be.
        JsonError: it holds none.
    """
    refuse_many(body, min(max_elements, JSON_ELEMENTS_MAX))
    return read_json(body)


def _instructions(elements: Sequence[Element]) -> list[UnknownAttribute]:
    """Return an error for the first attribute that would say what to do with it: the method says that."""
    for element in (one for top in elements for one in top.iter()):
        if not element.attrib:
            continue
        for name in attribute_names(element):
            if name.startswith(_INSTRUCTIONS):
                local = name.rpartition("}")[2]
                message = f"the attribute '{local}' has no place in a body: the method says what is done"
                return [UnknownAttribute(local, local_name(element), message)]
    return []


def one_child(
    schema: Schema, body: bytes, media: Media, *, above: SchemaNode | None, max_elements: int
) -> Element:
    """Return the one node in ``body``.

    Raises:
        Problem, RpcErrors: there is none, more than one, or what none may hold.
    """
    found = children(schema, body, media, above=above, max_elements=max_elements)
    if len(found) != 1:
        raise Problem(400, "malformed-message", f"a body holds one node here, not {len(found)}")
    return found[0]


def whole(schema: Schema, body: bytes, media: Media, *, max_elements: int) -> list[Element]:
    """Return the top-level nodes of a body that is a datastore: ``ietf-restconf:data`` (section 3.4).

    Raises:
        Problem, RpcErrors: it is none.
    """
    try:
        if media is Media.XML:
            root = parse(body, max_elements)
            if (namespace(root), local_name(root)) == (NAMESPACE, "data") and not holds_text(root):
                raise_all(_instructions([root]))
                return list(root)
        else:
            document = _document(body, max_elements)
            content = document.get("ietf-restconf:data")
            if len(document) == 1 and isinstance(content, dict):
                found = elements_below(schema, content, above=None, max_elements=max_elements)
                raise_all(_instructions(found))
                return found
    except (XmlError, JsonError) as problem:
        raise RpcErrors([_refused(problem)]) from None
    raise Problem(400, "malformed-message", "a datastore is written as 'data' of the module ietf-restconf")


def input_of(
    schema: Schema, body: bytes, media: Media | None, *, operation: SchemaNode, max_elements: int
) -> list[Element]:
    """Return what is in ``input`` (section 3.6.1), [] for no body.

    Raises:
        Problem, RpcErrors: it is written wrongly.
    """
    if not body.strip():
        return []
    try:
        if media is Media.XML:
            root = parse(body, max_elements)
            if (namespace(root), local_name(root)) == (operation.namespace, "input") and not holds_text(root):
                return list(root)
        else:
            document = _document(body, max_elements)
            content = document.get(f"{operation.module}:input")
            if len(document) == 1 and isinstance(content, dict):
                return elements_below(schema, content, above=operation, max_elements=max_elements)
    except (XmlError, JsonError) as problem:
        raise RpcErrors([_refused(problem)]) from None
    raise Problem(
        400, "malformed-message", f"the input is written as 'input' of the module {operation.module}"
    )


def named(element: Element, place: Place) -> bool:
    """Return whether ``element`` has the name of the node at ``place``."""
    node = place.node
    return node is not None and (namespace(element), local_name(element)) == node.qname


def nested(schema: Schema, steps: Sequence[Step], inner: Sequence[Piece]) -> Piece:
    """Return the elements on the way of ``steps``, with their keys, the last one around ``inner``."""
    inside = list(inner)
    for step in reversed(steps):
        node = step.node
        if node.kind is Kind.LEAF_LIST and step.keys:
            inside = [value_piece(schema, node, step.keys[0])]
            continue
        inside = [Piece(node.namespace, node.name, children=[*key_pieces(schema, step), *inside])]
    (found,) = inside
    return found


def key_pieces(schema: Schema, step: Step) -> list[Piece]:
    node = step.node
    if node.kind is not Kind.LIST or not step.keys:
        return []
    leafs = [node.children[node.namespace, key] for key in node.keys]
    return [value_piece(schema, leaf, key) for leaf, key in zip(leafs, step.keys, strict=True)]


def value_piece(schema: Schema, node: SchemaNode, value: str) -> Piece:
    """Return a leaf whose value is written as in JSON: in XML, names in it need prefixes."""
    if not node.holds_names:
        return Piece(node.namespace, node.name, value)
    pieces = split_at_names(schema, node, value)
    spaces = {name: uri for name, (_, uri) in schema.namespaces().items()}
    declared = {module: spaces[module] for module in pieces[1::2] if module in spaces}
    return Piece(node.namespace, node.name, "".join(pieces), declared=declared)


def copied(element: Element) -> Piece:
    return Piece("", "", copied=serialize(element))


def element_of(piece: Piece) -> Element:
    return parse(written([piece]))
