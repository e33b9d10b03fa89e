"""Differences as lines for people: one for each leaf that differs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.history.edits import Change, Edit
from agent.history.places import shown_path, shown_predicates, shown_value
from agent.history.room import Room
from agent.yang.nodes import NO_NODE, XML, Node, children, is_default, print_node, value_of
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode


def text(schema: Schema, found: Iterable[Edit], room: Room) -> str:
    """*worker* Return the lines, each with its end.

    Args:
        room: what they may take, and less afterwards.

    Raises:
        ResourceDenied: there is not enough room.
    """
    lines = (line for edit in found for line in _lines(schema, edit))
    return "".join(room.take(f"{line}\n".encode()).decode() for line in lines)


def _lines(schema: Schema, edit: Edit) -> Iterator[str]:
    if edit.change in (Change.DELETE, Change.REPLACE):
        yield from _all(schema, "-", edit.old, edit.schema_node)
    if edit.change in (Change.CREATE, Change.REPLACE, Change.INSERT):
        yield from _all(schema, "+", edit.new, edit.schema_node)
    if edit.change is Change.MOVE or (edit.change is Change.INSERT and not edit.last):
        path = shown_path(schema, edit.new, last_value=True)
        place = "first" if edit.behind == NO_NODE else _after(edit)
        yield f"~ {path} {place}"


def _after(edit: Edit) -> str:
    return f"after {shown_predicates(edit.behind, edit.schema_node)}"


def _all(schema: Schema, sign: str, node: Node, schema_node: SchemaNode) -> Iterator[str]:
    """Yield a line for ``node``, if it means something by itself, and for each leaf below it."""
    if not schema_node.is_np_container:
        yield f"{sign} {shown_path(schema, node)}{_value(node, schema_node)}"
    if not schema_node.is_interior:
        return
    for child in children(node):
        below = schema.node_of(child.schema)
        if not below.is_key and (not is_default(child) or below.is_np_container):
            yield from _all(schema, sign, child, below)


def _value(node: Node, schema_node: SchemaNode) -> str:
    if schema_node.is_leafy:
        value = value_of(node)
        return f" = {shown_value(value)}" if value or not schema_node.holds_nothing else ""
    if schema_node.kind is Kind.ANYDATA:
        return f" = {shown_value(print_node(node, XML).decode())}"
    return ""
