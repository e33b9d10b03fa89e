"""Nodes of a data tree: what lies around one, what it holds, whether two are alike, and how it is written.

A Node is a bare pointer into some Tree: it is valid only while that Tree lives and the node was not removed,
and it never leaves the function that asked for it. Nothing here takes a node out or puts one in (see tree).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

from agent.errors import OperationFailed
from agent.yang import lookup, native
from agent.yang.native import NULL, ffi, lib, text
from agent.yang.schema_node import SchemaNode

Node = Any
"""A ``struct lyd_node *`` inside a Tree."""
NO_NODE: Node = NULL
"""What stands for no node."""
Json = dict[str, Any]
"""An RFC 7951 object."""

CONTAINER = lib.LYS_CONTAINER
LIST = lib.LYS_LIST
INSTANCES = (lib.LYS_LIST, lib.LYS_LEAFLIST)
"""What a ``struct lysc_node`` has as its type."""

XML = lib.LYD_XML
JSON = lib.LYD_JSON


class Defaults(Enum):
    """How values that equal the schema's default are reported (RFC 6243 section 3)."""

    EXPLICIT = lib.LYD_PRINT_WD_EXPLICIT
    TRIM = lib.LYD_PRINT_WD_TRIM
    REPORT_ALL = lib.LYD_PRINT_WD_ALL
    REPORT_ALL_TAGGED = lib.LYD_PRINT_WD_ALL_TAG


def siblings(first: Node) -> Iterator[Node]:
    """Yield ``first`` and what follows it; the yielded node may be removed meanwhile."""
    node = first
    while node != NULL:
        following = node.next
        yield node
        node = following


def children(node: Node) -> Iterator[Node]:
    return siblings(first_child(node))


def holds_more(node: Node, count: int) -> bool:
    """Return whether there are more than ``count`` nodes: ``node`` and all below it, each looked at once."""
    waiting, child_of = [node], lib.lyd_child
    while waiting:
        child = child_of(waiting.pop())
        count -= 1
        while child != NULL:
            if len(waiting) >= count:
                return True
            waiting.append(child)
            child = child.next
    return count < 0


def first_sibling(node: Node) -> Node:
    return lib.lyd_first_sibling(node)


def parent_of(node: Node) -> Node:
    return ffi.cast("struct lyd_node *", node.parent)


def upwards(node: Node) -> Iterator[Node]:
    """Yield ``node`` and what it lies in, up to the top level; nothing for NULL."""
    while node != NULL:
        yield node
        node = parent_of(node)


def downwards(node: Node) -> list[Node]:
    """Return what ``node`` lies in, from the top level down, and ``node`` itself."""
    return [*upwards(node)][::-1]


def first_child(node: Node) -> Node:
    return lib.lyd_child(node)


def last_child(node: Node) -> Node:
    child = lib.lyd_child(node)
    return child.prev if child != NULL else NULL


def sibling_like(first: Node, target: Node) -> Node:
    """Return the node among ``first`` and its siblings that is the same instance as ``target``."""
    if first == NULL:
        return NULL
    if target.schema.nodetype not in INSTANCES:
        return lookup.find_instance(first, target.schema)  # the other would compare the values of leafs, too
    return lookup.find_same(first, target)


def sibling_of_schema(first: Node, schema_node: SchemaNode) -> Node:
    """Return the instance of a container, leaf or anydata among siblings, or NULL."""
    return NULL if first == NULL else lookup.find_instance(first, schema_node.pointer)


def instances(first: Node, schema_node: SchemaNode) -> Iterator[Node]:
    """Yield every instance of ``schema_node`` among ``first`` and its siblings."""
    for node in siblings(first):
        if node.schema == schema_node.pointer:
            yield node


def is_default(node: Node) -> bool:
    """True for an implicit node: a default in use, or a container that holds nothing else."""
    return bool(node.flags & lib.LYD_DEFAULT)


def take_as_set(node: Node) -> None:
    """Have the defaults among ``node``, its siblings and all below count as if somebody had set them."""
    for each in siblings(node):
        each.flags &= ~lib.LYD_DEFAULT
        take_as_set(first_child(each))


def value_of(node: Node) -> str:
    """Return the canonical value of a leaf or leaf-list entry (JSON prefixes)."""
    return text(lib.lyd_get_value(node))


def keys_of(node: Node, schema_node: SchemaNode) -> tuple[str, ...]:
    if len(schema_node.keys) == 1:
        child = lib.lyd_child(node)
        if child != NULL and child.schema.flags & lib.LYS_KEY:  # keys come first
            return (value_of(child),)
    values = {text(c.schema.name): value_of(c) for c in _first_children(node, len(schema_node.keys))}
    return tuple(values[key] for key in schema_node.keys)


def _first_children(node: Node, count: int) -> Iterator[Node]:
    for index, child in enumerate(children(node)):
        if index == count:
            return
        yield child


def path_of(node: Node, *, last_predicate: bool = True) -> str:
    kind = lib.LYD_PATH_STD if last_predicate else lib.LYD_PATH_STD_NO_LAST_PRED
    pointer = lib.lyd_path(node, kind, NULL, 0)
    try:
        return text(pointer)
    finally:
        lib.free(pointer)


def path_to_show(node: Node, schema_node: SchemaNode) -> str:
    """Return the path of ``node``, without its value if that is a secret."""
    return path_of(node, last_predicate=not schema_node.secret)


_COMPARED = native.LYD_COMPARE_FULL_RECURSION | native.LYD_COMPARE_DEFAULTS


def same_content(a: Node, b: Node) -> bool:
    """True if both nodes hold the same data; what is default and what explicit matters too."""
    return bool(lookup.compare(a, b, _COMPARED) == lib.LY_SUCCESS)


def same_to_the_end(a: Sequence[Node], b: Sequence[Node], at: int) -> bool:
    """True if it is known that from ``at`` on both hold the same, as ``same_content`` has it, at one look.

    That needs siblings of which the last ones are the last in their trees; of others it is not known.
    """
    if a[-1].next != NULL or b[-1].next != NULL:
        return False
    return lookup.are_same_to_the_end(a[at], b[at], _COMPARED)


def print_node(
    node: Node,
    format: int,
    defaults: Defaults = Defaults.EXPLICIT,
    keep_empty: bool = False,
    *,
    siblings: bool = False,
) -> bytes:
    """Print ``node`` compactly."""
    options = lib.LYD_PRINT_SHRINK | defaults.value
    options |= lib.LYD_PRINT_KEEPEMPTYCONT if keep_empty else 0
    options |= lib.LYD_PRINT_WITHSIBLINGS if siblings else 0
    box = ffi.new("char **")
    if lib.lyd_print_mem(box, node, format, options) != lib.LY_SUCCESS:
        raise OperationFailed("the data cannot be printed")
    if box[0] == NULL:
        return b""
    try:
        raw: bytes = ffi.string(box[0])
        # An XML reader would take a bare carriage return for a line feed; only a value can hold one.
        return raw.replace(b"\r", b"&#13;") if format == XML else raw
    finally:
        lib.free(box[0])


def json_document(content: Json | list[Json]) -> bytes:
    """Return ``content`` as JSON that libyang reads: it refuses an escaped surrogate pair."""
    return json.dumps(content, ensure_ascii=False).encode()


def to_json(node: Node) -> Json:
    """Return one container or list entry as an RFC 7951 object, defaults filled in; a leaf as one that holds
    nothing else."""
    return content_of(node, json.loads(print_node(node, JSON, Defaults.REPORT_ALL)))


def content_of(node: Node, document: Json) -> Json:
    """Return what ``to_json`` does of a node that was printed as ``document``."""
    ((name, content),) = document.items()
    if node.schema.nodetype == lib.LYS_LEAF:
        return {name.partition(":")[2]: content}
    result: Json = content[0] if isinstance(content, list) else content
    return result
