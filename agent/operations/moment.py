"""Running and the candidate as they were at one moment, for work that takes longer.

What does not differ between them is on record, so copies of what does are enough. Where whole trees are
needed they are looked at in a copy of the process, and if running is another one by then, all is done again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from agent.datastore.configuration import Configuration
from agent.datastore.spans import UNITS_AT_ONCE, UNITS_MAX, kept
from agent.errors import ResourceDenied
from agent.history.room import too_much
from agent.operations.context import Context
from agent.yang.tree import Tree
from agent.yang.units import Unit

Item = TypeVar("Item")
Result = TypeVar("Result")

TRIES = 3

Wanted = Callable[[str], bool]
"""*worker* True for the path of a unit that is to be compared."""


class Moved(Exception):
    """Running has changed since what it is compared with was read."""


@dataclass(slots=True)
class Edited:
    """What the candidate changes of running as commit ``newest`` left it.

    ``running`` and ``candidate`` hold copies of the ``units`` that are wanted and differ, by path.
    ``modules``: of all units that were touched.
    """

    newest: int
    running: Tree
    candidate: Tree
    units: dict[str, Unit] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)

    def take(self, units: Iterable[Unit], configuration: Configuration, wanted: Wanted) -> None:
        """*worker* Copy those of ``units`` that matter."""
        running, candidate = configuration.running, configuration.candidate
        for unit in units:
            self.modules.add(unit.module)
            if wanted(unit.path) and candidate.differs(unit, running):
                self.units[unit.path] = unit
                unit.replace_in(self.running, unit.locate(running), restore_default=False)
                unit.replace_in(self.candidate, unit.locate(candidate.content), restore_default=False)


async def edited(context: Context, wanted: Wanted) -> Edited:
    """Return what the candidate changes; who changes it, or running, is waited for.

    Raises:
        ResourceDenied: these are too many units.
    """
    configuration = context.configuration
    async with configuration.writing:
        found = Edited(await newest(context), Tree(context.schema), Tree(context.schema))
        for some in batched(list(configuration.candidate.changed.values()), UNITS_AT_ONCE):
            await context.worker(found.take, some, configuration, wanted)
            if len(found.units) > UNITS_MAX:
                raise too_much()
    return found


async def newest(context: Context) -> int:
    """Return what stands for running."""
    return int((await context.worker(kept, context.configuration.store)).newest)


async def newest_and_changes(context: Context) -> tuple[int, int]:
    """Return what stands for running, and how often that has changed so far."""
    async with context.configuration.writing:
        return await newest(context), context.configuration.datastores.changes


def refuse_moved(configuration: Configuration, changes: int) -> None:
    """*worker* Refuse to go on with running as it is now.

    Args:
        changes: how often it had changed when what is compared with it was read.

    Raises:
        Moved: that is no longer so.
    """
    if configuration.datastores.changes != changes:
        raise Moved


async def at_one_moment(context: Context, attempt: Callable[[], Awaitable[Result]]) -> Result:
    """Return what ``attempt`` returns, which is begun again when it raises Moved.

    Raises:
        ResourceDenied: that is so every time.
    """
    for _ in range(TRIES):
        try:
            return await attempt()
        except Moved:
            continue
    raise ResourceDenied(
        "running was changed each time it was about to be compared: try again later, or lock it",
        app_tag="changed-meanwhile",
    )


def batched(items: Sequence[Item], count: int) -> Iterator[Sequence[Item]]:
    """Yield so many at a time."""
    for start in range(0, len(items), count):
        yield items[start : start + count]
