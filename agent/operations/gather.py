"""Two states of the configuration, gathered from the history: as much as differs, some at a time, so that
others get their turn on the thread that owns it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from agent.datastore.records import UnitChange
from agent.datastore.spans import UNITS_MAX, Dropped, Span, TooLong, every_unit, kept
from agent.errors import InvalidValue, ResourceDenied
from agent.history.edits import natural
from agent.history.room import too_much
from agent.history.states import LeftOut, States, between, gone_back, until
from agent.operations.context import Context
from agent.yang.paths import without_predicates
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import Unit

Item = TypeVar("Item")

PART_UNITS = 2000
"""So many are compared at a time, in a copy of the process that has as much time as for other work."""

CANDIDATE = "candidate"
Point = int | str
"""A state: what running was after the commit with this id, 0 for none; or CANDIDATE."""


Wanted = Callable[[str], bool]
"""*worker* True for the path of a unit that is to be compared."""


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
    if isinstance(start, int) and isinstance(end, int):
        return await _two_commits(context, start, end, wanted)
    if isinstance(start, int):
        return await _until_candidate(context, start, wanted)
    if isinstance(end, int):
        return (await _until_candidate(context, end, wanted)).reversed()
    return nothing(context.schema)


def nothing(schema: Schema) -> Gathered:
    """Return two states that do not differ."""
    return Gathered([lambda: States(Tree(schema), Tree(schema))], 0)


async def gather_whole(context: Context, start: Point, end: Point) -> Gathered:
    """As ``gather``, of all units."""
    changes = [await _since(context, point) for point in (start, end)]
    configuration = context.configuration

    def make() -> States:
        left_out: list[LeftOut] = []
        configuration.candidate.settle()
        before, after = (
            configuration.candidate.tree.duplicate()
            if found is None
            else gone_back(configuration.running, found, left_out)
            for found in changes
        )
        return States(before, after, left_out)

    return Gathered([make], None)


async def newest(context: Context) -> int:
    """Return what stands for running."""
    return int((await context.worker(kept, context.configuration.store)).newest)


async def _two_commits(context: Context, start: int, end: int, wanted: Wanted) -> Gathered:
    changes = await changed(context, min(start, end), max(start, end), wanted)
    ordered = await context.worker(_in_order, context.schema, {change.path: change for change in changes})
    parts = [partial(between, context.schema, some) for some in batched(ordered, PART_UNITS)]
    found = Gathered(parts, len(changes)) if parts else nothing(context.schema)
    return found if start <= end else found.reversed()


async def _until_candidate(context: Context, start: int, wanted: Wanted) -> Gathered:
    return await until_candidate(
        context, wanted, await changed(context, start, await newest(context), wanted)
    )


async def until_candidate(context: Context, wanted: Wanted, changes: Sequence[UnitChange] = ()) -> Gathered:
    """Return the state before ``changes``, of running, and the candidate."""
    configuration = context.configuration

    def differing() -> dict[str, Unit | UnitChange]:
        units = configuration.candidate.differing(configuration.running)
        return {unit.path: unit for unit in units if wanted(unit.path)}

    found: dict[str, Unit | UnitChange] = await context.worker(differing)
    found.update((change.path, change) for change in changes)
    if len(found) > UNITS_MAX:
        raise too_much()
    ordered = await context.worker(_in_order, context.schema, found)

    def make(some: Sequence[Unit | UnitChange]) -> States:
        return until(configuration.candidate.tree, configuration.running, some)

    parts = [partial(make, some) for some in batched(ordered, PART_UNITS)]
    return Gathered(parts, len(found)) if parts else nothing(context.schema)


def _in_order(schema: Schema, found: Mapping[str, Any]) -> list[Any]:
    """*worker* Return what is found by path, in the order in which it is told: first what is in a choice, so
    that what drives out and what is driven out are told together."""
    return [
        found[path] for path in sorted(found, key=lambda path: (not _in_choice(schema, path), natural(path)))
    ]


def _in_choice(schema: Schema, path: str) -> bool:
    try:
        node: SchemaNode | None = schema.find(without_predicates(path) or path)
    except KeyError:
        return False
    while node is not None and not node.cases:
        node = node.parent
    return node is not None


async def _since(context: Context, point: Point) -> list[UnitChange] | None:
    return await changed(context, point, await newest(context)) if isinstance(point, int) else None


def batched(items: Sequence[Item], count: int) -> Iterator[Sequence[Item]]:
    """Yield so many at a time."""
    for start in range(0, len(items), count):
        yield items[start : start + count]


async def changed(context: Context, after: int, upto: int, wanted: Wanted = every_unit) -> list[UnitChange]:
    """Return the units that are ``wanted`` and in which the states after two commits differ, as they were in
    both.

    Raises:
        ResourceDenied: these are too many, or so many that they are not found in time.
        InvalidValue: the history has dropped what is needed.
    """
    if after >= upto:
        return []
    span = Span(context.configuration.store, after, upto, wanted)
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
    return span.found
