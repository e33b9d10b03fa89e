"""compare-commits of yangswan-agent: how two states of the configuration differ, by what the history holds.

What the caller may not read is taken out of both before a filter looks at them, by the rules of now, so that
neither a value, nor a path, nor that something differs is told of it.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from agent.history.patch import patch
from agent.history.points import as_left_by, beginning
from agent.history.states import LeftOut, States
from agent.history.text import text
from agent.nacm.access import Access
from agent.operations.both_sides import is_local
from agent.operations.comparing import carried_out, read_filter, told
from agent.operations.context import Caller, Context
from agent.operations.gather import CANDIDATE, Point, gather, gather_whole, newest
from agent.operations.parameters import canonical_text, text_of
from agent.xml import Element, namespace
from agent.yang.schema import Schema


async def compare_commits(context: Context, caller: Caller, operation: Element) -> bytes:
    filter_ = read_filter(context, operation)
    names = {
        element: await context.worker(canonical_text, context.schema, operation, element, "running")
        for element in ("from", "to")
    }
    points = [await _point(context, name, element) for element, name in names.items()]
    local = await context.worker(is_local, context.schema, filter_)
    gathered = await (gather if local else gather_whole)(context, *points)
    access, uri = context.access(caller), namespace(operation)
    about = " to ".join(map(_shown, names.values()))
    written = _as_text if text_of(operation, "as", "patch") == "text" else _as_patch

    def work() -> bytes:
        states = told(access, filter_, gathered.make())
        return written(states, uri, about) + _left_out(context.schema, access, states.left_out, uri)

    return await carried_out(context, caller, gathered, work)


async def _point(context: Context, name: str, element: str) -> Point:
    store = context.configuration.store
    if name == "candidate":
        return CANDIDATE
    if name == "running":
        return await newest(context)
    if name == "beginning":
        return int(await context.worker(beginning, store))
    return int(await context.worker(as_left_by, store, int(name), element))


def _shown(name: str) -> str:
    return f"commit {name}" if name.isdecimal() else name


def _as_patch(states: States, uri: str, about: str) -> bytes:
    return patch(states.before.schema, states.edits(), uri=uri, about=about)


def _as_text(states: States, uri: str, _about: str) -> bytes:
    lines = text(states.before.schema, states.edits())
    return f'<text xmlns="{uri}">{escape(lines)}</text>'.encode()


def _left_out(schema: Schema, access: Access, found: list[LeftOut], uri: str) -> bytes:
    """*worker* Return what the caller may know of what is left out."""
    return "".join(
        f'<left-out xmlns="{uri}">{escape(sentence)}</left-out>'
        for sentence in sentences_for(schema, access, found)
    ).encode()


def sentences_for(schema: Schema, access: Access, found: list[LeftOut]) -> list[str]:
    """*worker* Return the sentences about units that ``access`` lets its user read."""
    may_read = access.reader(schema)
    return list(dict.fromkeys(one.sentence for one in found if may_read(one.path)))
