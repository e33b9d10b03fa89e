"""Preparing a change of running: validated, compared, and written down as the history records it.

Nothing is changed and no commit is needed: a commit, a rollback and a look at what either would do begin
alike. Everything here runs on the thread that owns libyang (*worker*).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from agent.datastore.candidate import Candidate
from agent.datastore.records import UnitChange
from agent.translator import EntryChange, Translator
from agent.yang.locality import local_modules
from agent.yang.schema import Schema
from agent.yang.tree import Node, Tree, keys_of, path_of, to_json
from agent.yang.units import Unit, units_by_path
from agent.yang.validate import validate


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change of running, ready to be carried out: its units, and a tree that holds their new content.

    ``records``: the units for the history. ``changes``: what translators see, by name of the translator.
    ``refreshed``: units of which only the defaults in use change. ``complete``: scratch is a whole
    configuration, with exactly the defaults that are in use.
    """

    units: Sequence[Unit]
    scratch: Tree
    records: Sequence[UnitChange]
    changes: Mapping[str, Sequence[EntryChange]] = field(default_factory=dict)
    refreshed: Sequence[Unit] = ()
    complete: bool = False


Check = Callable[[Prepared, Tree], None]
"""*worker* Looks at what a commit would change of running (the Tree); raises RpcErrors to refuse it."""


class Preparation:
    """What is known of modules and translators, to prepare any change."""

    def __init__(self, schema: Schema, translators: Sequence[Translator]) -> None:
        self._schema = schema
        self._local = local_modules(schema)
        self._lists = {path: t.name for t in translators for path in (t.config_list, *t.further_lists)}

    def prepare(self, candidate: Candidate, running: Tree) -> Prepared:
        """*worker* Validate what ``candidate`` changes of ``running``.

        Raises:
            RpcErrors: all that is wrong with it.
        """
        units = candidate.differing(running)
        if all(self._is_local(unit) for unit in units):
            scratch = Tree(self._schema)
            for unit in units:
                unit.replace_in(scratch, unit.locate(candidate.tree))
            validate(scratch, everything=False)
            refreshed: list[Unit] = []
            complete = False
        else:
            scratch = candidate.tree.duplicate()
            validate(scratch, everything=True)
            units, refreshed = _compared(scratch, running, candidate.blind)
            complete = True
        return Prepared(
            units,
            scratch,
            records=_records(units, scratch, running),
            changes=self._changes(units, scratch, running, candidate.blind),
            refreshed=refreshed,
            complete=complete,
        )

    def _is_local(self, unit: Unit) -> bool:
        root = unit.probe.first
        return self._schema.node_of(root.schema).module in self._local

    def _changes(
        self, units: Iterable[Unit], scratch: Tree, running: Tree, blind: Collection[str]
    ) -> dict[str, list[EntryChange]]:
        changes: dict[str, list[EntryChange]] = {}
        for unit in units:
            name = self._lists.get(unit.schema_node.path)
            if name is not None:
                change = _change(unit, scratch, running)
                changes.setdefault(name, []).append(replace(change, blind=unit.path in blind))
        return changes


def unvalidated(candidate: Candidate, running: Tree) -> Prepared:
    """*worker* Return what ``candidate`` changes of ``running``, for history and running alone.

    For what is put back although it does not satisfy the YANG modules of this server.
    """
    units = candidate.differing(running)
    return Prepared(units, candidate.tree, records=_records(units, candidate.tree, running))


def _compared(scratch: Tree, running: Tree, blind: Collection[str]) -> tuple[list[Unit], list[Unit]]:
    """Return the units in which a whole configuration differs from running, or has to be taken for
    (``blind``), and those that differ in the defaults in use alone."""
    both = units_by_path(scratch, running)
    differing = [
        u for u in both.values() if u.path in blind or not u.is_same(scratch, running, defaults=True)
    ]
    units = [unit for unit in differing if unit.path in blind or not unit.is_same(scratch, running)]
    named = {unit.path for unit in units}
    return units, [unit for unit in differing if unit.path not in named]


def _records(units: Iterable[Unit], scratch: Tree, running: Tree) -> list[UnitChange]:
    return [
        UnitChange(unit.path, before=_printed(unit, running), after=_printed(unit, scratch)) for unit in units
    ]


def _printed(unit: Unit, source: Tree) -> bytes:
    """Return what was configured of a unit, b"" if nothing was."""
    if not unit.is_explicit(source):
        return b""
    copy = Tree(source.schema)
    unit.replace_in(copy, unit.locate(source))
    return copy.to_xml(keep_empty=True)


def _change(unit: Unit, scratch: Tree, running: Tree) -> EntryChange:
    before, after = unit.locate(running), unit.locate(scratch)
    some: Node = (before or after)[0]
    return EntryChange(
        keys=keys_of(some, unit.schema_node),
        path=path_of(some),
        before=to_json(before[0]) if before else None,
        after=to_json(after[0]) if after else None,
        list_path=unit.schema_node.path,
    )
