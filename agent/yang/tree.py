"""Data trees: who owns libyang's memory, and every primitive the rest of the agent works with.

A Tree owns a whole forest of siblings and frees it when the Tree itself goes (on a thread of libyang, also
if the Tree's last user was on another). A Node is a bare
pointer into some Tree: it is valid only while that Tree lives and the node was not removed, and it
never leaves the function that asked for it. Errors come out as RpcError with data paths.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any, Self

from agent.errors import OperationFailed
from agent.yang import lookup, native
from agent.yang.native import NULL, c_str, cast_extra, extra, ffi, from_extra, lib, out_extra, text
from agent.yang.problems import check
from agent.yang.schema import Schema
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
_DUP = lib.LYD_DUP_RECURSIVE | lib.LYD_DUP_WITH_FLAGS


class Defaults(Enum):
    """How values that equal the schema's default are reported (RFC 6243 section 3)."""

    EXPLICIT = lib.LYD_PRINT_WD_EXPLICIT
    TRIM = lib.LYD_PRINT_WD_TRIM
    REPORT_ALL = lib.LYD_PRINT_WD_ALL
    REPORT_ALL_TAGGED = lib.LYD_PRINT_WD_ALL_TAG


class Tree:
    """A forest of top-level data nodes; empty when made.

    ``shared``: several threads read it. ``few``: where it is, those of its nodes that are known to hold few
    others; who changes it forgets them.
    """

    def __init__(self, schema: Schema, first: Node = NULL) -> None:
        self.schema = schema
        self.shared = False
        self.few: set[Node] | None = None
        self._box = ffi.new("struct lyd_node **", first)

    def __del__(self) -> None:
        if self._box[0] != NULL and self.schema.ctx != NULL:
            self.schema.free(self._box[0])

    def drop(self) -> None:
        """Free what it holds now: nobody uses a node of it any more."""
        node, self._box[0] = self._box[0], NULL
        if node != NULL:
            self.schema.free(node)

    @property
    def first(self) -> Node:
        return self._box[0]

    @property
    def empty(self) -> bool:
        return bool(self._box[0] == NULL)

    @classmethod
    def parse(
        cls, schema: Schema, data: bytes, *, format: int = XML, strict: bool = True, state: bool = True
    ) -> Self:
        """Parse a document of data nodes; nothing is validated beyond types and names.

        Args:
            strict: unknown nodes are errors, not skipped.
            state: nodes that are config false are allowed.

        Raises:
            RpcErrors: the document does not fit the schema.
        """
        tree = cls(schema)
        if not data.strip():
            return tree
        if b"\0" in data:
            raise OperationFailed("a NUL character cannot be part of a document")
        options = lib.LYD_PARSE_ONLY | (lib.LYD_PARSE_STRICT if strict else 0)
        options |= 0 if state else lib.LYD_PARSE_NO_STATE
        native.forget_errors(schema.ctx)
        check(schema, lib.lyd_parse_data_mem(schema.ctx, data, format, options, 0, tree._box))
        return tree

    def duplicate(self) -> Tree:
        copy = Tree(self.schema)
        if not self.empty:
            check(self.schema, lib.lyd_dup_siblings(self.first, NULL, _DUP, copy._box))
        return copy

    def top_level(self) -> Iterator[Node]:
        return siblings(self.first)

    def copy_of(self, node: Node, *, recursive: bool = True) -> Tree:
        """Return a Tree with a copy of ``node`` inside copies of its parents (their keys only)."""
        return self.copy_and_node(node, recursive=recursive)[0]

    def copy_and_node(self, node: Node, *, recursive: bool = True) -> tuple[Tree, Node]:
        """Return what ``copy_of`` does, and the copy of ``node`` in it."""
        copy = Tree(self.schema)
        options = (_DUP if recursive else lib.LYD_DUP_WITH_FLAGS) | lib.LYD_DUP_WITH_PARENTS
        check(self.schema, lib.lyd_dup_single(node, NULL, options, copy._box))
        own = top = copy._box[0]
        while (above := parent_of(top)) != NULL:
            top = above
        copy._box[0] = top
        return copy, own

    def copy_into(self, parent: Node, node: Node, *, recursive: bool = True) -> Node:
        """Copy ``node`` (of any Tree) below ``parent``, or to the top level when NULL."""
        box = ffi.new("struct lyd_node **")
        options = _DUP if recursive else lib.LYD_DUP_WITH_FLAGS
        check(self.schema, lib.lyd_dup_single(node, NULL, options, box))
        self.insert(parent, box[0])
        return box[0]

    def insert(self, parent: Node, node: Node) -> None:
        """Insert a detached ``node`` as the last of its kind below ``parent`` (NULL: top level)."""
        if parent != NULL:
            check(self.schema, lib.lyd_insert_child(parent, node))
            return
        box = out_extra()
        first = cast_extra(self.first) if not self.empty else _NULL_EXTRA
        check(self.schema, extra.lyd_insert_sibling(first, cast_extra(node), box))
        self._box[0] = from_extra(box[0])

    def place(self, node: Node, *, before: Node = NULL, after: Node = NULL) -> None:
        """Insert ``node`` (detached, or moved) next to a sibling of the same user-ordered list."""
        self.detach(node)
        if before != NULL:
            check(self.schema, extra.lyd_insert_before(cast_extra(before), cast_extra(node)))
        else:
            check(self.schema, extra.lyd_insert_after(cast_extra(after), cast_extra(node)))
        if not self.empty:
            self._box[0] = lib.lyd_first_sibling(self.first)

    def detach(self, node: Node) -> Node:
        """Take ``node`` out of the tree without freeing it; the caller inserts it again."""
        if node == self.first:
            self._box[0] = node.next
        extra.lyd_unlink_tree(cast_extra(node))
        return node

    def take(self, node: Node) -> Tree:
        """Take ``node`` out of this tree into one of its own."""
        return Tree(self.schema, self.detach(node))

    def remove(self, node: Node) -> None:
        self.take(node)

    def merge(self, other: Tree, *, spend: bool = False) -> None:
        """As ``agent.yang.merging.merge``, for few siblings; ``spend``: ``other`` is empty afterwards."""
        if other.empty:
            return
        first = other.first
        if spend:
            other._box[0] = NULL
        options = lib.LYD_MERGE_DESTRUCT if spend else 0
        check(self.schema, lib.lyd_merge_siblings(self._box, first, options))

    def find_like(self, probe: Node) -> Node:
        """Return this tree's node with the same path as ``probe``, a node of any Tree, or NULL."""
        return self.find_along(downwards(probe))

    def find_along(self, way: Sequence[Node]) -> Node:
        """Return what ``find_like`` does of the last node of ``way``: what that lies in, and itself."""
        level, found = self.first, NULL
        for target in way:
            found = sibling_like(level, target)
            if found == NULL:
                return NULL
            level = lib.lyd_child(found)
        return found

    def find(self, path: str) -> Node:
        """Return the node at an RFC 7951 instance-identifier, or NULL."""
        if self.empty:
            return NULL
        found = lookup.find_path(self.first, c_str(path))
        native.forget_errors(self.schema.ctx)
        return found

    def add_defaults(self, node: Node = NULL) -> None:
        """Add the implicit nodes below ``node``, or at the top level and below what is added there."""
        options = lib.LYD_IMPLICIT_NO_STATE
        if node == NULL:
            check(self.schema, lib.lyd_new_implicit_all(self._box, self.schema.ctx, options, NULL))
        else:
            check(self.schema, extra.lyd_new_implicit_tree(cast_extra(node), options, _NULL_EXTRA))

    def add_default_leaf(self, parent: Node, schema_node: SchemaNode, default: str) -> None:
        """Add an implicit instance of a leaf or leaf-list below ``parent`` (NULL: top level)."""
        box = ffi.new("struct lyd_node **")
        value = c_str(default)
        module = schema_node.pointer.module
        implicit = [above for above in upwards(parent) if is_default(above)]  # a new node makes them explicit
        check(self.schema, lib.lyd_new_term(parent, module, c_str(schema_node.name), value, False, box))
        if parent == NULL:
            self.insert(NULL, box[0])
        for node in (box[0], *implicit):
            node.flags |= lib.LYD_DEFAULT

    def add_default_container(self, parent: Node, schema_node: SchemaNode) -> None:
        """Add a non-presence container below ``parent`` (NULL: top level), with the defaults in it."""
        box = ffi.new("struct lyd_node **")
        module = schema_node.pointer.module
        implicit = [above for above in upwards(parent) if is_default(above)]
        check(self.schema, lib.lyd_new_inner(parent, module, c_str(schema_node.name), False, box))
        if parent == NULL:
            self.insert(NULL, box[0])
        box[0].flags &= ~lib.LYD_NEW  # else libyang takes it for one that it has filled
        self.add_defaults(box[0])
        for node in (box[0], *implicit):
            node.flags |= lib.LYD_DEFAULT

    def to_xml(self, defaults: Defaults = Defaults.EXPLICIT, *, keep_empty: bool = False) -> bytes:
        return b"" if self.empty else print_node(self.first, XML, defaults, keep_empty, siblings=True)


_NULL_EXTRA = cast_extra(NULL)


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
