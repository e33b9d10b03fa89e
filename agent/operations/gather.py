"""Two states of the configuration, gathered from the history: as much as differs, some at a time, so that
others get their turn on the thread that owns it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from agent.datastore.records import UnitChange
from agent.datastore.spans import Span, TooLong, kept
from agent.errors import ResourceDenied
from agent.history.room import too_much
from agent.history.states import LeftOut, States, between, gone_back, until
from agent.operations.context import Context
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.units import Unit

UNITS_AT_ONCE = 100
UNITS_MAX = 50_000
"""That differ."""
OCTETS_MAX = 64 * 1024 * 1024
"""Of what is on record about them."""

CANDIDATE = "candidate"
Point = int | str
"""A state: what running was after the commit with this id, 0 for none; or CANDIDATE."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """``make`` (*worker*) makes the trees. ``units``: in how many they may differ; None if they are whole."""

    make: Callable[[], States]
    units: int | None

    def reversed(self) -> Gathered:
        return Gathered(lambda: self.make().reversed(), self.units)


async def gather(context: Context, start: Point, end: Point) -> Gathered:
    """Return the states at two points, of the units that may differ.

    Raises:
        ResourceDenied: there is too much between them.
    """
    if isinstance(start, int) and isinstance(end, int):
        return await _two_commits(context, start, end)
    if isinstance(start, int):
        return await _until_candidate(context, start)
    if isinstance(end, int):
        return (await _until_candidate(context, end)).reversed()
    return nothing(context.schema)


def nothing(schema: Schema) -> Gathered:
    """Return two states that do not differ."""
    return Gathered(lambda: States(Tree(schema), Tree(schema)), 0)


async def gather_whole(context: Context, start: Point, end: Point) -> Gathered:
    """As ``gather``, of all units."""
    changes = [await _since(context, point) for point in (start, end)]
    configuration = context.configuration

    def make() -> States:
        left_out: list[LeftOut] = []
        before, after = (
            configuration.candidate.tree.duplicate()
            if found is None
            else gone_back(configuration.running, found, left_out)
            for found in changes
        )
        return States(before, after, left_out)

    return Gathered(make, None)


async def newest(context: Context) -> int:
    """Return what stands for running."""
    return int((await context.worker(kept, context.configuration.store)).newest)


async def _two_commits(context: Context, start: int, end: int) -> Gathered:
    changes = await changed(context, min(start, end), max(start, end))

    def make() -> States:
        states = between(context.schema, changes)
        return states if start <= end else states.reversed()

    return Gathered(make, len(changes))


async def _until_candidate(context: Context, start: int) -> Gathered:
    return await until_candidate(context, await changed(context, start, await newest(context)))


async def until_candidate(context: Context, changes: Sequence[UnitChange] = ()) -> Gathered:
    """Return the state before ``changes``, of running, and the candidate."""
    configuration = context.configuration
    units: list[Unit] = await context.worker(configuration.candidate.differing, configuration.running)
    if len(units) > UNITS_MAX:
        raise too_much()

    def make() -> States:
        return until(configuration.candidate.tree, configuration.running, changes, units)

    return Gathered(make, len(changes) + len(units))


async def _since(context: Context, point: Point) -> list[UnitChange] | None:
    return await changed(context, point, await newest(context)) if isinstance(point, int) else None


def batched(changes: Sequence[UnitChange]) -> Iterator[Sequence[UnitChange]]:
    """Yield as many at a time as others may wait for."""
    for start in range(0, len(changes), UNITS_AT_ONCE):
        yield changes[start : start + UNITS_AT_ONCE]


async def changed(context: Context, after: int, upto: int) -> list[UnitChange]:
    """Return the units in which the states after two commits differ, as they were in both.

    Raises:
        ResourceDenied: these are too many, or so many that they are not found in time.
    """
    span = Span(context.configuration.store, after, upto)
    if after >= upto:
        return []
    try:
        while await context.worker(span.read_on):
            pass
    except TooLong:
        raise ResourceDenied(
            "there are too many changes between these commits to look through: compare commits that are "
            "closer to each other",
            app_tag="too-many-differences",
        ) from None
    found: list[UnitChange] = []
    octets = 0
    waiting = span.changes(list(span.units))
    while some := await context.worker(lambda: list(islice(waiting, UNITS_AT_ONCE))):
        found += some
        octets += sum(len(change.before) + len(change.after) for change in some)
        if len(found) > UNITS_MAX or octets > OCTETS_MAX:
            raise too_much()
    return found
