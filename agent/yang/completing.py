"""A whole configuration that is read at a start, validated in pieces on two threads.

The entries of a list of which there are many are taken out of it, some at a time, if no rule looks from one
of them to anything else (agent.yang.locality): each piece is as valid alone as among all. What is left is
validated as a whole. While a piece is validated and printed in C, the thread that writes takes the next out,
or reads what was printed of the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from agent.errors import RpcErrors
from agent.yang.beside import BESIDE, Given, made_together
from agent.yang.locality import local_modules
from agent.yang.many import is_conditional, json_all, printed_json
from agent.yang.nodes import NO_NODE, Json, Node, children, keys_of, parent_of, siblings, to_json
from agent.yang.piecewise import LEAST, PIECE
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import is_group
from agent.yang.validate import is_valid, validate

Keyed = dict[tuple[str, ...], Json]
"""Entries by their keys, each as ``to_json`` returns it."""
Read = Callable[[SchemaNode, Keyed], None]
"""Called with entries of a list as soon as they are known to be valid."""


def nobody(_list_node: SchemaNode, _entries: Keyed) -> None:
    pass


def complete(tree: Tree, lists: Collection[SchemaNode], read: Read) -> dict[SchemaNode, Keyed] | None:
    """*worker* Validate ``tree``, a whole configuration, and complete it with the defaults in use.

    ``lists``: those whose entries are wanted, if there are many. ``read`` is told of these some at a time, in
    any order.

    Returns:
        All entries of each of ``lists`` that was read so, in their order; None if something is wrong, and
        ``tree`` is spoilt then.
    """
    many = list(_many(tree.schema, siblings(tree.first), local_modules(tree.schema)))
    if any(_stands_twice(node, nodes) for node, nodes in many):
        return None  # nobody would see it in two pieces
    pieces = [piece for list_node, nodes in many for piece in _cut(tree, list_node, nodes, lists)]
    try:
        for piece in pieces:
            piece.give()
        if not _is_valid_by_itself(tree):
            return None
        for at, valid in made_together([piece.given for piece in pieces]):
            if not valid:
                return None
            if pieces[at].wanted:
                read(pieces[at].list_node, pieces[at].read())
    finally:
        for piece in pieces:
            piece.end()
    for piece in pieces:
        piece.join()
    return {node: _entries(node, nodes[0], pieces) for node, nodes in many if node in lists}


def _stands_twice(list_node: SchemaNode, nodes: Sequence[Node]) -> bool:
    return len({keys_of(node, list_node) for node in nodes}) < len(nodes)


def _is_valid_by_itself(tree: Tree) -> bool:
    try:
        validate(tree, everything=True, again=lambda: Tree(tree.schema))
    except RpcErrors:
        return False
    return True


def _entries(list_node: SchemaNode, first: Node, pieces: Iterable[_Piece]) -> Keyed:
    entries = {keys_of(first, list_node): to_json(first)}
    for piece in pieces:
        if piece.list_node is list_node:
            entries.update(piece.entries)
    return entries


def _many(
    schema: Schema, nodes: Iterable[Node], local: Collection[str]
) -> Iterator[tuple[SchemaNode, list[Node]]]:
    """Yield each list in shells of which there are many entries that no rule leaves, with these."""
    found: dict[SchemaNode, list[Node]] = {}
    for node in nodes:
        schema_node = schema.node_of(node.schema)
        if schema_node.shell:
            yield from _many(schema, children(node), local)
        elif schema_node.kind is Kind.LIST:
            found.setdefault(schema_node, []).append(node)
    for list_node, entries in found.items():
        in_shell = list_node.parent is not None and list_node.parent.shell
        stays = in_shell and not is_group(list_node) and not is_conditional(list_node)
        if len(entries) > LEAST and stays and list_node.root.module in local:
            yield list_node, entries


def _cut(
    tree: Tree, list_node: SchemaNode, nodes: Sequence[Node], lists: Collection[SchemaNode]
) -> Iterator[_Piece]:
    # The first stays: without any, what they stand in would be another thing to libyang.
    for begin in range(1, len(nodes), PIECE):
        yield _Piece(tree, list_node, nodes[begin : begin + PIECE], wanted=list_node in lists)


class _Piece:
    """Entries of one list, ``nodes`` of ``source``. ``wanted``: they are to be read."""

    def __init__(self, source: Tree, list_node: SchemaNode, nodes: Sequence[Node], *, wanted: bool) -> None:
        self.list_node = list_node
        self.wanted = wanted
        self.entries: Keyed = {}
        self._source = source
        self._nodes = nodes
        self._home = parent_of(nodes[0])
        self._tree = Tree(source.schema)
        self._parent = NO_NODE
        self._printed = b""
        self._given: Given[bool] | None = None

    @property
    def given(self) -> Given[bool]:
        assert self._given is not None, "it is taken out before it is asked for"
        return self._given

    def give(self) -> None:
        """Take the entries out, and have the other thread look at them."""
        self._tree, self._parent = self._source.copy_and_node(self._home, recursive=False)
        for node in self._nodes:
            self._tree.insert(self._parent, self._source.detach(node))
        self._given = BESIDE.give(self._check)

    def _check(self) -> bool:
        """Return whether they are valid; on either thread."""
        if not is_valid(self._tree):
            return False
        if self.wanted:
            self._printed = printed_json(self._parent)
        return True

    def read(self) -> Keyed:
        """Return the entries, which are valid."""
        documents = json_all(self._nodes, lambda _parent: self._printed)
        self.entries = {
            keys_of(node, self.list_node): one for node, one in zip(self._nodes, documents, strict=True)
        }
        self._printed = b""
        return self.entries

    def join(self) -> None:
        """Put the entries back, behind those that are there."""
        for node in self._nodes:
            self._source.insert(self._home, self._tree.detach(node))

    def end(self) -> None:
        if self._given is not None:
            self._given.end()
        self._given = None  # which holds what holds it
