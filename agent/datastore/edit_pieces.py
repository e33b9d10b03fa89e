"""A large edit document without instructions, parsed in pieces while the rest of it is looked at.

What is plain (agent.datastore.edit_outline) is given to libyang on another thread, some entries at a time. A
piece holds what stands side by side of one kind, inside its containers; merged one after the other they come
to what the whole document does.

A piece is a copy of what was parsed, which is freed before the next one is parsed. For libyang puts each new
value into its dictionary, between the nodes that it makes, and there it keeps their pages from the system
when the nodes are freed. Here all values lie where one piece was, and what is copied lies side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from agent.datastore.skeleton import wrapped
from agent.errors import RpcErrors
from agent.xml import Element, serialize
from agent.yang.beside import BESIDE, Given
from agent.yang.implicit import fill_entries
from agent.yang.locality import moving_defaults
from agent.yang.many import is_conditional
from agent.yang.nodes import Node
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import Unit, entries_of, nodes_below

PIECE = 50
"""Elements that stand side by side: some 2 ms of libyang. What is parsed, and its copy, fit a cache of the
processor; larger ones are copied more slowly."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A piece: its units, each with its node in ``tree``. ``complete``: all defaults in use are there."""

    tree: Tree
    units: list[tuple[Unit, Node]]
    complete: bool


class Pieces:
    """Those of a document that is to be merged into ``target``; none are made of a small one.

    No element of it has an attribute. Who made it calls ``end``, whatever comes.
    """

    def __init__(self, schema: Schema, target: Tree) -> None:
        self._schema = schema
        self._target = target
        self._given: list[Given[Parsed]] = []
        self._waiting: list[tuple[SchemaNode, list[Element]]] = []
        self._begun = False
        self._whether_new: dict[SchemaNode, bool] = {}

    def add(self, element: Element, node: SchemaNode) -> None:
        """Take what is no shell, and stands in shells alone; it is plain."""
        if not self._waiting or self._waiting[-1][0] is not node:
            self._waiting.append((node, []))
        beside = self._waiting[-1][1]
        beside.append(element)
        if len(beside) >= PIECE:
            self._begun = True
            self._give()

    def over(self) -> None:
        """Take note that nothing comes any more."""
        if self._begun:
            self._give()

    def parsed(self) -> list[Parsed] | None:
        """*worker* Return what was made of the whole document, in its order; None if there are no pieces, or
        something is wrong with one."""
        found: list[Parsed] = []
        try:
            for given in self._given:
                piece = given.awaited()
                piece.units.extend(nodes_below(self._schema, piece.tree.top_level()))
                found.append(piece)
        except RpcErrors:
            return None
        return found or None

    def end(self) -> None:
        """Have nothing done any more."""
        for one in self._given:
            one.end()
        self._given.clear()  # what one has raised holds the frames that hold it

    def _give(self) -> None:
        for node, elements in self._waiting:
            document, _ = wrapped(self._schema, elements[0], b"".join(map(serialize, elements)))
            list_node = node if self._is_new(node) else None
            self._given.append(BESIDE.give(partial(_parsed, self._schema, document, list_node)))
        self._waiting.clear()

    def _is_new(self, node: SchemaNode) -> bool:
        """Return whether defaults can be filled in before entries of a list are merged: these depend on
        nothing else, and there is no entry yet that they are merged with."""
        known = self._whether_new.get(node)
        if known is None:
            known = self._whether_new[node] = (
                node.kind is Kind.LIST
                and node.parent is not None
                and not node.user_ordered
                and not is_conditional(node)
                and node.root.module not in moving_defaults(self._schema)
                and next(entries_of(self._target, node.path), None) is None
            )
        return known


def _parsed(schema: Schema, document: bytes, list_node: SchemaNode | None) -> Parsed:
    """Return the piece in ``document``, on any thread; ``list_node``: its entries get all their defaults."""
    tree = Tree.parse(schema, document, state=False)
    with schema.frees_at_once():
        if list_node is not None:
            fill_entries(tree, list_node)
        copy = tree.duplicate()
        tree.drop()
    return Parsed(copy, [], complete=list_node is not None)
