"""Two states of the configuration, gathered from the history: as much as differs, some at a time, so that
others get their turn on the thread that owns it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from agent.datastore.records import UnitChange
from agent.datastore.spans import UNITS_MAX, Dropped, Span, TooLong, every_unit
from agent.errors import InvalidValue, ResourceDenied
from agent.history.edits import natural
from agent.history.room import too_much
from agent.history.states import LeftOut, States, between, gone_back, until
from agent.operations.context import Context
from agent.operations.moment import (
    Edited,
    Wanted,
    batched,
    edited,
    newest,
    newest_and_changes,
    refuse_moved,
)
from agent.yang.paths import without_predicates
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import Unit

Item = TypeVar("Item")

PATHS_AT_ONCE = 1000
PART_UNITS = 2000
"""So many are compared at a time, in a copy of the process that has as much time as for other work."""

CANDIDATE = "candidate"
RUNNING = "running"
Point = int | str
"""A state: what running was after the commit with this id, 0 for none; CANDIDATE; or RUNNING, as it is."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """Each of ``parts`` (*worker*) makes two trees of some units, in the order in which they are told.

    ``units``: in how many they may differ; None if the trees are whole.
    """

    parts: Sequence[Callable[[], States]]
    units: int | None

    def reversed(self) -> Gathered:
        return Gathered([partial(_turned, part) for part in self.parts], self.units)


def _turned(part: Callable[[], States]) -> States:
    return part().reversed()


async def gather(context: Context, start: Point, end: Point, *, wanted: Wanted) -> Gathered:
    """Return the states at two points, of the units that may differ and are ``wanted``.

    Raises:
        ResourceDenied: there is too much between them.
    """
    if start == end:
        return nothing(context.schema)
    if CANDIDATE in (start, end):
        found = await _until_candidate(context, end if start == CANDIDATE else start, wanted)
        return found.reversed() if start == CANDIDATE else found
    last = await newest(context)
    first, second = (last if point == RUNNING else int(point) for point in (start, end))
    return await _two_commits(context, first, second, wanted)


def nothing(schema: Schema) -> Gathered:
    """Return two states that do not differ."""
    return Gathered([lambda: States(Tree(schema), Tree(schema))], 0)


async def gather_whole(context: Context, start: Point, end: Point) -> Gathered:
    """As ``gather``, of all units. A part raises Moved if running is not as it was when this was called."""
    last, count = await newest_and_changes(context)
    changes = [
        None if point == CANDIDATE else [] if point == RUNNING else await changed(context, int(point), last)
        for point in (start, end)
    ]
    configuration = context.configuration

    def make() -> States:
        refuse_moved(configuration, count)
        left_out: list[LeftOut] = []
        configuration.candidate.settle()
        before, after = (
            configuration.candidate.content.duplicate()
            if found is None
            else gone_back(configuration.running, found, left_out)
            for found in changes
        )
        return States(before, after, left_out)

    return Gathered([make], None)


async def _two_commits(context: Context, start: int, end: int, wanted: Wanted) -> Gathered:
    changes = await changed(context, min(start, end), max(start, end), wanted)
    ordered = await _in_order(context, {change.path: change for change in changes})
    parts = [partial(between, context.schema, some) for some in batched(ordered, PART_UNITS)]
    found = Gathered(parts, len(changes)) if parts else nothing(context.schema)
    return found if start <= end else found.reversed()


async def _until_candidate(context: Context, start: Point, wanted: Wanted) -> Gathered:
    there = await edited(context, wanted)
    if start == RUNNING:
        return await until_candidate(context, there)
    return await until_candidate(context, there, await changed(context, int(start), there.newest, wanted))


async def until_candidate(context: Context, there: Edited, changes: Sequence[UnitChange] = ()) -> Gathered:
    """Return the state before ``changes``, of running, and the candidate.

    Raises:
        ResourceDenied: there is too much between them.
    """
    found: dict[str, Unit | UnitChange] = {**there.units, **{change.path: change for change in changes}}
    if len(found) > UNITS_MAX:
        raise too_much()
    ordered = await _in_order(context, found)

    def make(some: Sequence[Unit | UnitChange]) -> States:
        return until(there.candidate, there.running, some, edited=there.units)

    parts = [partial(make, some) for some in batched(ordered, PART_UNITS)]
    return Gathered(parts, len(found)) if parts else nothing(context.schema)


async def _in_order(context: Context, found: Mapping[str, Item]) -> list[Item]:
    """Return what is found by path, in the order in which it is told: first what is in a choice, so that what
    drives out and what is driven out are told together."""
    places: list[Any] = []
    for some in batched(list(found), PATHS_AT_ONCE):
        places += await context.worker(
            lambda paths: [(not _in_choice(context.schema, path), natural(path), path) for path in paths],
            some,
        )
    return [found[path] for *_, path in sorted(places)]


def _in_choice(schema: Schema, path: str) -> bool:
    try:
        node: SchemaNode | None = schema.find(without_predicates(path) or path)
    except KeyError:
        return False
    while node is not None and not node.cases:
        node = node.parent
    return node is not None


async def changed(context: Context, after: int, upto: int, wanted: Wanted = every_unit) -> list[UnitChange]:
    """Return the units that are ``wanted`` and in which the states after two commits differ, as they were in
    both.

    Raises:
        ResourceDenied: these are too many, or so many that they are not found in time.
        InvalidValue: the history has dropped what is needed.
    """
    return (await looked_through(context, after, upto, wanted)).found


async def looked_through(context: Context, after: int, upto: int, wanted: Wanted = every_unit) -> Span:
    """Return the span between two commits, looked through to its end. Raises: as ``changed``."""
    span = Span(context.configuration.store, after, upto, wanted=wanted)
    if after >= upto:
        return span
    try:
        for step in (span.read_on, span.look_on):
            while await context.worker(step):
                pass
    except TooLong:
        raise ResourceDenied(
            "there are too many changes between these commits to look through: compare commits that are "
            "closer to each other, or give a filter",
            app_tag="too-many-differences",
        ) from None
    except Dropped:
        raise InvalidValue(
            "the oldest of these commits has been dropped meanwhile: ask for younger ones",
            app_tag="commit-dropped",
        ) from None
    return span
