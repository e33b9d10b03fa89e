"""Data trees: who owns libyang's memory, and the primitives that change it.

A Tree owns a whole forest of siblings and frees it when the Tree itself goes (on a thread of libyang, also
if the Tree's last user was on another). What is asked of its nodes is in nodes. Errors come out as RpcError
with data paths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

from agent.errors import OperationFailed
from agent.yang import lookup, native
from agent.yang.native import NULL, c_str, cast_extra, extra, ffi, from_extra, lib, out_extra
from agent.yang.nodes import (
    XML,
    Defaults,
    Node,
    downwards,
    is_default,
    parent_of,
    print_node,
    sibling_like,
    siblings,
    upwards,
)
from agent.yang.problems import check
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode

_DUP = lib.LYD_DUP_RECURSIVE | lib.LYD_DUP_WITH_FLAGS
_NULL_EXTRA = cast_extra(NULL)


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
