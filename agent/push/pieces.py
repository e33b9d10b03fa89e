"""What is selected, as a piece of XML for each unit. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

from agent.yang.nodes import XML, Defaults, downwards, parent_of, print_node
from agent.yang.schema_node import QName
from agent.yang.tree import Tree
from agent.yang.units import Unit, all_units


@dataclass(frozen=True, slots=True)
class Piece:
    """A unit: ``body`` are its nodes, ``shells`` the containers that these lie in, from the top."""

    shells: tuple[QName, ...]
    body: bytes = field(repr=False)


Pieces = Mapping[str, Piece]
"""By the path of the unit."""


def pieces_of(tree: Tree, defaults: Defaults) -> dict[str, Piece]:
    """*worker* Return what ``tree`` holds; a unit of which nothing is printed has no piece."""
    found: dict[str, Piece] = {}
    for unit in all_units(tree):
        body = b"".join(print_node(node, XML, defaults) for node in unit.locate(tree))
        if body:
            found[unit.path] = Piece(_shells(unit), body)
    return found


def _shells(unit: Unit) -> tuple[QName, ...]:
    schema = unit.probe.schema
    return tuple(schema.node_of(node.schema).qname for node in downwards(parent_of(unit.target)))


def together(pieces: Iterable[Piece]) -> bytes:
    """Return all of ``pieces`` as one document, each container once."""
    top = _Level()
    for piece in pieces:
        level = top
        for shell in piece.shells:
            level = level.below.setdefault(shell, _Level())
        level.bodies.append(piece.body)
    return b"".join(_written(top))


def octets(pieces: Pieces, but: Pieces | None = None) -> int:
    """Return how much of memory ``pieces`` take, roughly; without those that are shared with ``but``."""
    shared = but or {}
    return sum(
        len(path) + len(piece.body) + _AROUND
        for path, piece in pieces.items()
        if shared.get(path) is not piece
    )


_AROUND = 400
"""Octets of Python's own for each piece: two strings, an object, a place in a dictionary."""


@dataclass(slots=True)
class _Level:
    bodies: list[bytes] = field(default_factory=list)
    below: dict[QName, _Level] = field(default_factory=dict)


def _written(level: _Level) -> Iterable[bytes]:
    yield from level.bodies
    for (uri, name), below in level.below.items():
        yield f"<{name} xmlns={quoteattr(uri)}>".encode()
        yield from _written(below)
        yield f"</{name}>".encode()
