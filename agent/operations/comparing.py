"""What both operations share that compare: what of two states is told to whom, and where the work is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from agent.apart import CopyLost, NoCopy, TooCostly
from agent.errors import OperationFailed, ResourceDenied
from agent.history.room import Room, too_much
from agent.history.states import States
from agent.nacm.access import Access
from agent.nacm.prune import prune
from agent.operations.both_sides import HERE_UNITS, selected
from agent.operations.budget import TooCostlyFilter, TooMuchHere
from agent.operations.context import Caller, Context
from agent.operations.gather import Gathered
from agent.operations.parameters import parameter
from agent.operations.read import Filter, subtree_or_xpath
from agent.operations.xpath import is_plain
from agent.xml import Element

Result = TypeVar("Result")


def read_filter(context: Context, operation: Element) -> Filter:
    """Return the filter of an operation that has one as get-data has it."""
    subtree, xpath = (parameter(operation, f"{kind}-filter") for kind in ("subtree", "xpath"))
    return subtree_or_xpath(context.schema, subtree, xpath)


def told(access: Access, filter_: Filter, states: States) -> States:
    """*worker* Return of ``states`` what ``access`` lets its user read and ``filter_`` selects.

    In this order, for what a filter selects tells of what it compares.
    """
    prune(access, states.before)
    prune(access, states.after)
    before, after = selected(filter_, states.before, states.after)
    return replace(states, before=before, after=after)


@dataclass(frozen=True, slots=True)
class Piece:
    """What came of a part: ``body`` with so many ``edits``; ``nowhere``: nothing was selected."""

    body: bytes
    room: Room
    edits: int = 0
    left_out: tuple[str, ...] = ()
    nowhere: bool = False


Work = Callable[[States, Room, int], Piece]
"""*worker* Compares a part, with so much room for it, and the number of its first edit."""


async def compared(
    context: Context, caller: Caller, gathered: Gathered, work: Work, *, filter_: Filter
) -> list[Piece]:
    """Return what ``work``, which applies ``filter_``, returns for each part of what was gathered.

    Much is looked at in copies of the process.

    Raises:
        TooCostlyFilter: it takes too long, for what the filter has to look at.
        ResourceDenied: it takes too long, or the system makes no copy.
        OperationFailed: the copy has ended by a fault.
    """
    pieces: list[Piece] = []
    room, first = Room(), 1
    here = gathered.units is not None and gathered.units <= HERE_UNITS
    for part in gathered.parts:
        done = partial(_part, part, work, room, first)
        piece: Piece = await carried_out(context, caller, done, here=here, filter_=filter_)
        pieces.append(piece)
        room, first = piece.room, first + piece.edits
    return pieces


def _part(part: Callable[[], States], work: Work, room: Room, first: int) -> Piece:
    return work(part(), replace(room), first)


async def carried_out(
    context: Context, caller: Caller, work: Callable[[], Result], *, here: bool, filter_: Filter
) -> Result:
    """Return what ``work`` returns, done on libyang's thread (``here``), or in a copy of the process.

    Raises:
        TooCostlyFilter, ResourceDenied, OperationFailed: as ``compared``.
    """
    if here:
        try:
            found: Result = await context.worker(work)
            return found
        except TooMuchHere:
            pass
    try:
        found = await context.apart.done(caller.user, context.worker, work)
        return found
    except TooCostly:
        if filter_.xpath is not None and not is_plain(filter_.xpath.text):
            raise TooCostlyFilter from None
        raise too_much() from None
    except NoCopy:
        raise ResourceDenied("this server cannot begin the process that compares: try again later") from None
    except CopyLost:
        raise OperationFailed(
            "the server failed to compare; its log says why", app_tag="internal-error"
        ) from None
