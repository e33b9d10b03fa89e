"""Siblings that exclude each other: a choice has data of one of its cases at most (RFC 7950 section 7.9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from agent.errors import BadElement, ErrorType
from agent.yang.schema_node import SchemaNode

Sibling = TypeVar("Sibling")


def exclusions(
    siblings: Iterable[tuple[Sibling, SchemaNode]],
) -> Iterator[tuple[Sibling, SchemaNode, SchemaNode]]:
    """Yield each of ``siblings`` that stands in another case than one before it, with its schema node and
    that of the one before."""
    chosen: dict[str, tuple[str, SchemaNode]] = {}
    for sibling, node in siblings:
        for choice, case in node.cases:
            first_case, first = chosen.setdefault(choice, (case, node))
            if first_case != case:
                yield sibling, node, first
                break


def excluded(
    node: SchemaNode, first: SchemaNode, *, path: str | None = None, type: ErrorType | None = None
) -> BadElement:
    """Return what is said of data of ``node`` beside that of ``first`` (RFC 7950 section 8.3.1)."""
    message = f"'{node.name}' excludes '{first.name}': they stand in two cases of one choice"
    return BadElement(node.name, message, path=path, type=type)
