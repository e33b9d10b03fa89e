"""Two states of the configuration as two trees: of what may differ in them only, or whole."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field, replace

from agent.datastore.fitting import DoesNotFit
from agent.datastore.records import UnitChange
from agent.datastore.replay import recorded_unit
from agent.history.edits import Edit, edits
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.units import Unit


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A sentence about what is on record of the unit at ``path`` and cannot be used."""

    path: str
    sentence: str


@dataclass(slots=True)
class States:
    """Two states; what is in neither tree is the same in both.

    ``units``: those in which they may differ, by path; None if that is not known.
    """

    before: Tree
    after: Tree
    left_out: list[LeftOut] = field(default_factory=list)
    units: dict[str, Unit] | None = None

    def reversed(self) -> States:
        return replace(self, before=self.after, after=self.before)

    def edits(self) -> Iterator[Edit]:
        """*worker* Yield what has to be done to the state before to get the state after."""
        return edits(self.before, self.after, self.units)


def between(schema: Schema, changes: Iterable[UnitChange]) -> States:
    """*worker* Return what ``changes`` were before and after."""
    units: dict[str, Unit] = {}
    states = States(Tree(schema), Tree(schema), units=units)
    for change in changes:
        known = len(states.left_out)
        was = _put(states.before, change, states.left_out, back=True)
        if was is None and len(states.left_out) > known:
            continue
        known = len(states.left_out)
        now = _put(states.after, change, states.left_out, back=False)
        if now is None and was is not None and len(states.left_out) > known:
            was.replace_in(states.before, [])  # else it would look as if it had gone
        elif unit := was or now:
            units[unit.path] = unit
    return states


def until(
    candidate: Tree, running: Tree, found: Iterable[UnitChange | Unit], edited: Container[str]
) -> States:
    """*worker* Return what was before each change, and what is in its place now; of a unit, what is in
    ``running`` and ``candidate``.

    Args:
        edited: paths of the units that ``candidate`` has in their place; the others are as the change left
            them.
    """
    found = list(found)
    states = between(
        running.schema,
        (one for one in found if isinstance(one, UnitChange) and one.path not in edited),
    )
    units = states.units = states.units or {}
    for one in found:
        unit: Unit | None
        if isinstance(one, Unit):
            unit = one
            unit.replace_in(states.before, unit.locate(running), restore_default=False)
        elif one.path in edited:
            unit = _put(states.before, one, states.left_out, back=True, other=candidate)
        else:
            continue
        if unit is not None:
            unit.replace_in(states.after, unit.locate(candidate), restore_default=False)
            units[unit.path] = unit
    return states


def gone_back(running: Tree, changes: Iterable[UnitChange], left_out: list[LeftOut]) -> Tree:
    """*worker* Return all of ``running`` as it was before ``changes``."""
    tree = running.duplicate()
    for change in changes:
        _put(tree, change, left_out, back=True, other=running)
    return tree


def _put(
    tree: Tree, change: UnitChange, left_out: list[LeftOut], *, back: bool, other: Tree | None = None
) -> Unit | None:
    try:
        unit, found = recorded_unit(tree.schema, change, other or tree, back=back)
    except DoesNotFit as problem:
        left_out.append(LeftOut(change.path, f"{change.path}: {problem}"))
        return None
    sentences = [*found.left_out, *found.rule_lists.values()]
    left_out += [LeftOut(change.path, f"{change.path}: {sentence}") for sentence in sentences]
    if unit is not None:
        unit.replace_in(tree, unit.locate(found.tree), restore_default=False)
    return unit
