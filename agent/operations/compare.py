"""compare (RFC 9144): how two datastores differ.

<operational> here is running with the defaults in use and the state (agent.operations.nmda). Where it takes
part, a default in use counts as if it had been set, for it is the same in both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from agent.errors import BadElement, ErrorType, InvalidParameter
from agent.history.patch import Printed, as_configured, in_patch, patch_edits
from agent.history.room import Room
from agent.history.states import States
from agent.nacm.access import Access
from agent.operations.both_sides import HERE_UNITS, is_local, selects_anything, wanted
from agent.operations.budget import TooCostlyFilter
from agent.operations.comparing import Piece, carried_out, compared, read_filter, told
from agent.operations.context import Caller, Context
from agent.operations.gather import CANDIDATE, Gathered, nothing, until_candidate
from agent.operations.moment import at_one_moment, edited, refuse_moved
from agent.operations.origin import keep_config, mark_origins_from
from agent.operations.parameters import identity_of, parameter
from agent.operations.read import Filter
from agent.operations.state import with_state
from agent.xml import Element, namespace
from agent.yang.locality import moving_defaults
from agent.yang.nodes import XML, Defaults, Node, print_node, take_as_set
from agent.yang.tree import Tree
from agent.yang.units import all_units

OPERATIONAL = "operational"


@dataclass(frozen=True, slots=True)
class Request:
    """The checked parameters. ``all``: state, too, where one side has none."""

    source: str
    target: str
    filter: Filter
    all: bool
    origin: bool

    @property
    def sides(self) -> tuple[str, str]:
        return self.source, self.target


async def compare(context: Context, caller: Caller, operation: Element) -> bytes:
    request: Request = await context.worker(_read_request, context, operation)
    access, uri = context.access(caller), namespace(operation)

    def work(filter_: Filter, states: States, room: Room, first: int) -> Piece:
        states = told(access, filter_, states)
        nowhere, before = states.before.empty and states.after.empty, room.edits
        body = _edits(request, states, room, first)
        return Piece(body, room, edits=before - room.edits, nowhere=nowhere)

    async def selected(filter_: Filter) -> list[Piece] | None:
        gathered = await _gathered(context, replace(request, filter=filter_), access)
        pieces = await compared(context, caller, gathered, partial(work, filter_), filter_=filter_)
        if all(piece.nowhere for piece in pieces):
            same = partial(_same_somewhere, context, access, replace(request, filter=filter_), gathered)
            if not await carried_out(context, caller, same, here=True, filter_=filter_):
                return None
        return pieces

    async def attempt() -> list[Piece] | None:
        try:
            return await selected(request.filter)
        except TooCostlyFilter:
            # Whatever it selects does not differ if nothing does that the caller may read.
            if request.all or any(piece.edits for piece in await selected(Filter()) or ()):
                raise
            return []

    async with context.comparing.admitted(caller.user):
        pieces = await at_one_moment(context, attempt)
    if pieces is None:
        return b'<no-matches xmlns="%s"/>' % uri.encode()
    body = b"".join(piece.body for piece in pieces)
    return in_patch(body, uri=uri, about=" to ".join(request.sides))


def _read_request(context: Context, operation: Element) -> Request:
    """*worker* Check what the YANG module says in words only.

    Raises:
        BadElement, InvalidParameter: a datastore that is not there, or a parameter that does not go with it.
    """
    source, target = (_datastore(context, operation, name) for name in ("source", "target"))
    origin = parameter(operation, "report-origin") is not None
    if origin and OPERATIONAL not in (source, target):
        raise InvalidParameter("report-origin", "<report-origin> goes with the operational datastore only")
    return Request(
        source,
        target,
        filter=read_filter(context, operation),
        all=parameter(operation, "all") is not None,
        origin=origin,
    )


def _datastore(context: Context, operation: Element, element: str) -> str:
    name = identity_of(context.schema, operation, element)
    if not name:
        raise BadElement(element, f"<{element}> names no datastore", type=ErrorType.PROTOCOL)
    if name not in ("running", "candidate", OPERATIONAL):
        raise InvalidParameter(element, f"this server has no {name} datastore")
    return name


async def _gathered(context: Context, request: Request, access: Access) -> Gathered:
    if request.all and OPERATIONAL in request.sides:
        return await _with_state(context, request, access)
    if not await context.worker(is_local, context.schema, request.filter):
        return _made(context, request, lambda name: _held(context, name).duplicate())
    if request.sides.count(CANDIDATE) != 1:
        return nothing(context.schema)
    there = await edited(context, wanted(context.schema, request.filter, access))
    if OPERATIONAL in request.sides and there.modules & await context.worker(moving_defaults, context.schema):
        # Defaults in use may differ in units that the candidate has not touched.
        return _made(context, request, lambda name: _held(context, name).duplicate())
    gathered = await until_candidate(context, there)
    return gathered.reversed() if request.source == CANDIDATE else gathered


def _held(context: Context, name: str) -> Tree:
    """*worker* Return what running or the candidate is now."""
    configuration = context.configuration
    if name != CANDIDATE:
        return configuration.running
    configuration.candidate.settle()
    return configuration.candidate.content


async def _with_state(context: Context, request: Request, access: Access) -> Gathered:
    count = context.configuration.datastores.changes
    operational = await with_state(context, request.filter, access)
    some = await context.worker(lambda: sum(1 for _ in islice(all_units(operational), HERE_UNITS + 1)))

    def side(name: str) -> Tree:
        if name == OPERATIONAL:
            return operational.duplicate()
        if name == "running":  # as it was when the state was asked for
            return keep_config(operational, True)
        return request.filter.narrow(context.schema, _held(context, name)).tree

    few = some <= HERE_UNITS and await context.worker(is_local, context.schema, request.filter)
    fixed = None if CANDIDATE not in request.sides else count
    return _made(context, request, side, units=some if few else None, count=fixed)


def _made(
    context: Context,
    request: Request,
    side: Callable[[str], Tree],
    *,
    units: int | None = None,
    count: int | None = None,
) -> Gathered:
    """Return both sides as they are when they are compared: if running has not changed more than ``count``
    times by then."""

    def make() -> States:
        if count is not None:
            refuse_moved(context.configuration, count)
        return States(side(request.source), side(request.target))

    return Gathered([make], units)


def _same_somewhere(context: Context, access: Access, request: Request, gathered: Gathered) -> bool:
    """*worker* True if something is selected that is the same in both."""
    if request.filter.empty:
        return True
    if gathered.units is None or (request.all and OPERATIONAL in request.sides):
        return False  # all of it was looked at
    return any(selects_anything(access, request.filter, _held(context, name)) for name in request.sides)


def _edits(request: Request, states: States, room: Room, first: int) -> bytes:
    old: Printed = as_configured
    new: Printed = as_configured
    if OPERATIONAL in request.sides:
        old = _prepared(request, request.source, states.before)
        new = _prepared(request, request.target, states.after)
    return patch_edits(states.before.schema, states.edits(), room, first=first, old=old, new=new)


def _prepared(request: Request, name: str, tree: Tree) -> Printed:
    """*worker* Have the defaults in ``tree`` count as set; return what prints it."""
    shown = tree.duplicate() if request.origin and name == OPERATIONAL else None
    take_as_set(tree.first)
    if shown is None:
        return as_configured

    def printed(node: Node) -> bytes:
        copy = shown.copy_of(shown.find_like(node))
        found = copy.find_like(node)
        mark_origins_from(copy, found)
        return print_node(found, XML, Defaults.REPORT_ALL)

    return printed
