"""Many units of local modules (agent.yang.locality), validated and printed in pieces, on two threads.

Each piece is a tree of its own: no rule looks from one unit to another, so a part of them is as valid as it
is among all. While a piece is validated and printed in C, the thread that writes copies the next, or reads
what was printed of the one before; when it has nothing else to do, it validates one itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice

from agent.yang.beside import BESIDE, Given, made_together
from agent.yang.many import (
    Found,
    Shown,
    are_all,
    copy_all,
    is_conditional,
    json_all,
    locate_copies,
    move_entries,
    print_all,
    printed_json,
    printed_xml,
)
from agent.yang.nodes import NO_NODE, Json, Node, parent_of
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import Unit
from agent.yang.validate import is_valid

PIECE = 500
"""Units: some 25 ms in C."""
LEAST = 2 * PIECE
"""Fewer are not worth it."""


def are_worth_it(units: Sequence[Unit]) -> bool:
    """Return whether so many units are to be validated in pieces."""
    return len(units) >= LEAST


@dataclass(slots=True)
class Validated:
    """Units as they are when they are valid: the tree that holds them and nothing else, their nodes in it,
    what is printed of each (``print_all``), and of entries of some lists (``to_json``), None of any other."""

    scratch: Tree
    found: list[Sequence[Node]]
    texts: list[bytes]
    documents: list[Json | None]


def validated(
    schema: Schema,
    units: Sequence[Unit],
    found: Found,
    *,
    as_json: Collection[SchemaNode],
    meanwhile: Callable[[], None],
) -> Validated | None:
    """*worker* Validate copies of ``found``, the nodes of ``units``; None if one is not valid.

    ``as_json``: the lists of whose entries that is wanted. ``meanwhile`` is called once while the other
    thread works.
    """
    pieces = [_Piece(schema, at, units=units, found=found, as_json=as_json) for at in _parts(units, found)]
    made = Validated(pieces[0].tree, found=[()] * len(units), texts=[b""] * len(units), documents=[])
    made.documents = [None] * len(units)
    try:
        for piece in pieces:
            piece.fill()
        meanwhile()
        for at, valid in made_together([piece.given for piece in pieces]):
            if not valid:
                return None
            pieces[at].read(made)
    finally:
        for piece in pieces:
            piece.end()
    for piece in pieces[1:]:  # in this order, which readers of running see
        piece.join(made.scratch)
    return made


def documents_of(
    units: Sequence[Unit], found: Found, lists: Collection[SchemaNode], shown: Shown = printed_json
) -> list[Json | None]:
    """Return the nodes of entries of ``lists`` as ``to_json`` does, None of any other unit; ``shown`` as of
    ``json_all``."""
    at = [
        n
        for n, (unit, nodes) in enumerate(zip(units, found, strict=True))
        if nodes and unit.schema_node in lists
    ]
    documents: list[Json | None] = [None] * len(units)
    for n, document in zip(at, json_all((found[n][0] for n in at), shown), strict=True):
        documents[n] = document
    return documents


@contextmanager
def json_beside(units: Sequence[Unit], found: Found, lists: Collection[SchemaNode]) -> Iterator[Shown]:
    """*worker* Have entries of ``lists`` printed by the other thread, if there are many; return what tells
    how. Nothing changes in their tree meanwhile."""
    given: dict[Node, Given[bytes]] = {}
    nodes = [own[0] for unit, own in zip(units, found, strict=True) if own and unit.schema_node in lists]
    if len(nodes) >= LEAST and are_all(nodes):
        above = parent_of(nodes[0])
        given[above] = BESIDE.give(partial(printed_json, above))
    try:
        yield lambda parent: given[parent].result() if parent in given else printed_json(parent)
    finally:
        for one in given.values():
            one.end()


def _parts(units: Sequence[Unit], found: Found) -> list[list[int]]:
    """Return where in ``units`` those of each piece are: the first has all that are no entries which stay."""
    stays = {node: not is_conditional(node) for node in {unit.schema_node for unit in units}}
    plain: list[int] = []
    first: list[int] = []
    for at, (unit, nodes) in enumerate(zip(units, found, strict=True)):
        (plain if unit.is_entry and nodes and stays[unit.schema_node] else first).append(at)
    following = iter(plain)
    first += islice(following, PIECE)
    parts = [first]
    while part := list(islice(following, PIECE)):
        parts.append(part)
    return parts


class _Piece:
    """The units that are ``at`` these places."""

    def __init__(
        self,
        schema: Schema,
        at: Sequence[int],
        *,
        units: Sequence[Unit],
        found: Found,
        as_json: Collection[SchemaNode],
    ) -> None:
        self.tree = Tree(schema)
        self._at = at
        self._units = [units[one] for one in at]
        self._own = [found[one] for one in at]
        self._as_json = as_json
        self._copies: list[Node] = []
        self._parents: dict[Node, bool] = {}
        self._xml: dict[Node, bytes] = {}
        self._json: dict[Node, bytes] = {}
        self._given: Given[bool] | None = None

    @property
    def given(self) -> Given[bool]:
        assert self._given is not None, "it is filled before it is asked for"
        return self._given

    def fill(self) -> None:
        """Copy what is to be validated, and give it to the other thread."""
        self._copies = copy_all(self._units, self._own, self.tree)
        for unit, copy in zip(self._units, self._copies, strict=True):
            if copy != NO_NODE and not is_conditional(unit.schema_node):
                self._parents[parent_of(copy)] = unit.schema_node in self._as_json
        self._given = BESIDE.give(self.check)

    def check(self) -> bool:
        """Validate it, and print what is to be read; on either thread. Returns whether it is valid."""
        if not is_valid(self.tree):
            return False
        for parent, as_json in self._parents.items():
            self._xml[parent] = printed_xml(parent)
            if as_json:
                self._json[parent] = printed_json(parent)
        return True

    def read(self, made: Validated) -> None:
        """Add what is valid to ``made``."""
        after = locate_copies(self._units, self._copies, self.tree)
        texts = print_all(self._units, after, lambda parent: self._xml.get(parent) or printed_xml(parent))
        documents = documents_of(
            self._units, after, self._as_json, lambda parent: self._json.get(parent) or printed_json(parent)
        )
        for at, nodes, text, document in zip(self._at, after, texts, documents, strict=True):
            made.found[at], made.texts[at], made.documents[at] = nodes, text, document
        self._xml, self._json = {}, {}

    def join(self, scratch: Tree) -> None:
        """Move it to ``scratch``."""
        for unit in {unit.schema_node: unit for unit in self._units}.values():
            unit.parent_in(scratch)
        moved = move_entries(zip(self._units, self._copies, strict=True), self.tree, scratch)
        assert len(moved) == len(self._units), "these are entries in a container, without a when or a choice"

    def end(self) -> None:
        if self._given is not None:
            self._given.end()
        self._given = None  # which holds what holds it
