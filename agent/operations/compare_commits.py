"""compare-commits of yangswan-agent: how two states of the configuration differ, by what the history holds.

What the caller may not read is taken out of both before a filter looks at them, by the rules of now, so that
neither a value, nor a path, nor that something differs is told of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from xml.sax.saxutils import escape

from agent.history.patch import in_patch, patch_edits
from agent.history.points import as_left_by, beginning
from agent.history.room import Room
from agent.history.states import LeftOut, States
from agent.history.text import text
from agent.nacm.access import Access
from agent.operations.both_sides import is_local, wanted
from agent.operations.comparing import Piece, compared, read_filter, told
from agent.operations.context import Caller, Context
from agent.operations.gather import CANDIDATE, RUNNING, Point, gather, gather_whole
from agent.operations.moment import at_one_moment
from agent.operations.parameters import canonical_text, text_of
from agent.xml import Element, namespace
from agent.yang.schema import Schema


async def compare_commits(context: Context, caller: Caller, operation: Element) -> bytes:
    filter_ = read_filter(context, operation)
    names = {
        element: await context.worker(canonical_text, context.schema, operation, element, "running")
        for element in ("from", "to")
    }
    start, end = [await _point(context, name, element) for element, name in names.items()]
    local = await context.worker(is_local, context.schema, filter_)
    uri = namespace(operation)
    as_text = text_of(operation, "as", "patch") == "text"

    def work(access: Access, states: States, room: Room, first: int) -> Piece:
        states = told(access, filter_, states)
        before = room.edits
        if as_text:
            body = escape(text(context.schema, states.edits(), room), {"\r": "&#13;"}).encode()
        else:
            body = patch_edits(context.schema, states.edits(), room, first=first)
        sentences = sentences_for(context.schema, access, states.left_out)
        return Piece(body, room, edits=before - room.edits, left_out=tuple(sentences))

    async def attempt() -> list[Piece]:
        if local:
            may_be_told = wanted(context.schema, filter_, context.access(caller))
            gathered = await gather(context, start, end, wanted=may_be_told)
        else:
            gathered = await gather_whole(context, start, end)
        told_to_caller = partial(work, context.access(caller))
        return await compared(context, caller, gathered, told_to_caller, filter_=filter_)

    async with context.comparing.admitted(caller.user):
        pieces = await at_one_moment(context, attempt)
    body = b"".join(piece.body for piece in pieces)
    if as_text:
        body = b'<text xmlns="%s">%s</text>' % (uri.encode(), body)
    else:
        body = in_patch(body, uri=uri, about=" to ".join(map(_shown, names.values())))
    return body + _left_out(pieces, uri)


async def _point(context: Context, name: str, element: str) -> Point:
    store = context.configuration.store
    if name in (CANDIDATE, RUNNING):
        return name
    if name == "beginning":
        return int(await context.worker(beginning, store))
    return int(await context.worker(as_left_by, store, int(name), element))


def _shown(name: str) -> str:
    return f"commit {name}" if name.isdecimal() else name


def _left_out(pieces: Iterable[Piece], uri: str) -> bytes:
    sentences = dict.fromkeys(sentence for piece in pieces for sentence in piece.left_out)
    return "".join(
        f'<left-out xmlns="{uri}">{escape(sentence)}</left-out>' for sentence in sentences
    ).encode()


def sentences_for(schema: Schema, access: Access, found: list[LeftOut]) -> list[str]:
    """*worker* Return the sentences about units that ``access`` lets its user read.

    Who may not read everything is not told what it is in them that does not fit.
    """
    if access.everything(["read"]):
        return list(dict.fromkeys(one.sentence for one in found))
    may_read = access.reader(schema)
    readable = dict.fromkeys(one.path for one in found if may_read(one.path))
    return [f"{path}: not all of it fits the YANG modules of this server" for path in readable]
