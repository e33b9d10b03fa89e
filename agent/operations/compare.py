"""compare (RFC 9144), and compare-commits of yangswan-agent: how two states of the configuration differ.

What the caller may not read is taken out of both states before a filter looks at them, by the rules of now,
so neither a value, nor a path, nor that something differs is told of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from xml.sax.saxutils import escape

from agent.apart import CopyLost, NoCopy, TooCostly
from agent.datastore.spans import kept
from agent.errors import BadElement, ErrorType, InvalidParameter, OperationFailed, ResourceDenied
from agent.history.edits import edits
from agent.history.patch import patch
from agent.history.points import as_left_by, beginning
from agent.history.room import too_much
from agent.history.states import LeftOut, States
from agent.history.text import text
from agent.nacm.access import Access
from agent.nacm.prune import prune
from agent.operations.both_sides import is_local, selected
from agent.operations.context import Caller, Context
from agent.operations.gather import CANDIDATE, Gathered, Point, gather, gather_whole, newest
from agent.operations.parameters import parameter, text_of
from agent.operations.read import Filter, subtree_or_xpath
from agent.xml import Element, namespace

HERE_UNITS = 100
"""So many are compared on libyang's thread: some tens of milliseconds. More are, in a copy of the process."""
_WORDS = ("beginning", "running", "candidate")


async def compare_commits(context: Context, caller: Caller, operation: Element) -> bytes:
    filter_ = read_filter(context, operation)
    names = text_of(operation, "from"), text_of(operation, "to", "running")
    points = [await _point(context, *pair) for pair in zip(names, ("from", "to"), strict=True)]
    as_text = text_of(operation, "as", "patch") == "text"
    local = await context.worker(is_local, context.schema, filter_)
    gathered = await (gather if local else gather_whole)(context, *points)
    access, uri = context.access(caller), namespace(operation)
    about = " to ".join(_shown(name) for name in names)

    def work() -> bytes:
        states = readable_states(access, gathered.make())
        before, after = selected(filter_, states.before, states.after)
        found = edits(before, after)
        if as_text:
            body = b'<text xmlns="%s">%s</text>' % (
                uri.encode(),
                escape(text(context.schema, found), {"\r": "&#13;"}).encode(),
            )
        else:
            body = patch(context.schema, found, uri=uri, about=about)
        return body + _told(access, context, states.left_out, uri)

    return await carried_out(context, caller, work, here=_is_little(gathered))


def read_filter(context: Context, operation: Element) -> Filter:
    return subtree_or_xpath(
        context.schema, parameter(operation, "subtree-filter"), parameter(operation, "xpath-filter")
    )


def readable_states(access: Access, states: States) -> States:
    """*worker* Return ``states`` without what ``access`` does not let its user read."""
    prune(access, states.before)
    prune(access, states.after)
    return states


async def carried_out(context: Context, caller: Caller, work: Callable[[], bytes], *, here: bool) -> bytes:
    """Return what ``work`` returns, done on libyang's thread or in a copy of the process.

    Raises:
        ResourceDenied: it takes too long, or the system makes no copy.
        OperationFailed: the copy has ended by a fault.
    """
    if here:
        body: bytes = await context.worker(work)
        return body
    try:
        body = await context.apart.done(caller.user, context.worker, work)
        return body
    except TooCostly:
        raise too_much() from None
    except NoCopy:
        raise ResourceDenied("this server cannot begin the process that compares: try again later") from None
    except CopyLost:
        raise OperationFailed(
            "the server failed to compare; its log says why", app_tag="internal-error"
        ) from None


def _is_little(gathered: Gathered) -> bool:
    return gathered.units is not None and gathered.units <= HERE_UNITS


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
    return name if name in _WORDS else f"commit {name}"


def _told(access: Access, context: Context, left_out: list[LeftOut], uri: str) -> bytes:
    """*worker* Return what the caller may know of what is left out."""
    may_read = access.reader(context.schema)
    told = dict.fromkeys(one.sentence for one in left_out if may_read(one.path))
    return "".join(f'<left-out xmlns="{uri}">{escape(sentence)}</left-out>' for sentence in told).encode()
