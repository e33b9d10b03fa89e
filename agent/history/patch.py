"""Differences as a YANG patch (RFC 8072) with what is replaced (``source-value``, RFC 9144). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from xml.sax.saxutils import escape

from agent.history.edits import Change, Edit
from agent.history.places import resource_of
from agent.history.room import Room
from agent.yang.nodes import NO_NODE, XML, Node, print_node
from agent.yang.schema import Schema

Printed = Callable[[Node], bytes]
"""*worker* Gives a node, and what is below it, as XML."""


def as_configured(node: Node) -> bytes:
    """*worker* Return what was configured of ``node``, as XML."""
    return print_node(node, XML)


def patch_edits(
    schema: Schema,
    found: Iterable[Edit],
    room: Room,
    *,
    first: int = 1,
    old: Printed | None = as_configured,
    new: Printed = as_configured,
) -> bytes:
    """*worker* Return the ``<edit>`` elements, to be put ``in_patch``.

    Args:
        room: what they may take, and less afterwards.
        first: the number of the first of them.
        old, new: print nodes of the state before, and of that after; without ``old`` nothing is said of what
        is
            replaced.

    Raises:
        ResourceDenied: there is not enough room.
    """
    numbered = enumerate(found, start=first)
    return b"".join(room.take(_edit(schema, edit, number, old, new)) for number, edit in numbered)


def in_patch(written: bytes, *, uri: str, about: str) -> bytes:
    """Return ``<differences>`` in the namespace ``uri``; ``about`` says what was compared."""
    head = f'<differences xmlns="{uri}"><yang-patch><patch-id>{escape(about)}</patch-id>'
    return head.encode() + written + b"</yang-patch></differences>"


def _edit(schema: Schema, edit: Edit, number: int, old: Printed | None, new: Printed) -> bytes:
    rows = [("edit-id", str(number)), ("operation", edit.change.value)]
    rows.append(("target", resource_of(schema, edit.node)))
    if edit.change in (Change.INSERT, Change.MOVE):
        if edit.behind != NO_NODE:
            rows.append(("point", resource_of(schema, edit.behind)))
        rows.append(("where", "first" if edit.behind == NO_NODE else "after"))
    written = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in rows).encode()
    if edit.change in (Change.CREATE, Change.REPLACE, Change.INSERT):
        written += b"<value>" + new(edit.new) + b"</value>"
    if old is not None and edit.change in (Change.DELETE, Change.REPLACE, Change.MOVE):
        written += b"<source-value>" + old(edit.old) + b"</source-value>"
    return b"<edit>" + written + b"</edit>"
