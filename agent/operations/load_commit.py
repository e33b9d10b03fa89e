"""load-commit of yangswan-agent: the configuration as a commit left it, put into the candidate.

Only what differs is touched: what the candidate has changed, and what commits have changed since. The caller
needs the rights to write what changes in the candidate. What he may write but not read goes back, too; units
that may hold such things count as changed once a commit has touched them, whether they are or not, so that
nothing tells him (``blind``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from xml.sax.saxutils import escape

from agent.datastore.candidate import Candidate, Savepoint
from agent.datastore.fitting import DoesNotFit
from agent.datastore.records import UnitChange
from agent.datastore.replay import recorded_unit
from agent.datastore.spans import UNITS_AT_ONCE
from agent.errors import FIND_ERRORS, OperationFailed, RpcError
from agent.history.points import as_left_by, commits_ago
from agent.history.states import LeftOut
from agent.nacm.access import WRITES, Access, located
from agent.nacm.control import AccessControl, distinct
from agent.operations.compare_commits import sentences_for
from agent.operations.context import Caller, Context
from agent.operations.disclosure import hidden_units, wholly_readable
from agent.operations.gather import looked_through
from agent.operations.locking import changing_candidate
from agent.operations.moment import batched, newest
from agent.operations.parameters import canonical_text, parameter
from agent.xml import Element, namespace
from agent.yang.tree import Tree
from agent.yang.units import Unit, unit_at, unit_differences


async def load_commit(context: Context, caller: Caller, operation: Element) -> bytes:
    context.nacm.refuse_any_change(context.access(caller))
    async with changing_candidate(context, caller):
        access = context.access(caller)  # by rules that nobody changes now
        point, commit_id = await context.worker(_point, context, operation)
        span = await looked_through(context, point, await newest(context))
        recorded = _Recorded(Tree(context.schema))
        for some in batched(span.found, UNITS_AT_ONCE):
            await context.worker(recorded.put, some, context.configuration.running)
        if not access.everything(["read"]):
            for paths in batched(list(span.units), UNITS_AT_ONCE):
                await context.worker(recorded.hide, paths, context.configuration.running, access)
        left_out = await _load(context, access, recorded, list(span.units))
    uri = namespace(operation)
    rows = [("commit", str(commit_id))] if commit_id is not None else []
    rows += [("left-out", sentence) for sentence in left_out]
    return "".join(f'<{name} xmlns="{uri}">{escape(text)}</{name}>' for name, text in rows).encode()


def _point(context: Context, operation: Element) -> tuple[int, int | None]:
    """*worker* Return what stands for the state that is asked for, and the commit that left it so."""
    store = context.configuration.store
    if parameter(operation, "commit") is not None:
        commit_id = as_left_by(store, int(canonical_text(context.schema, operation, "commit")), "commit")
        return commit_id, commit_id
    count = int(canonical_text(context.schema, operation, "commits-ago"))
    return commits_ago(store, count, "commits-ago")


@dataclass(slots=True)
class _Recorded:
    """Units as they were, in one tree.

    ``hidden``: paths of those that commits have touched and of which the caller may not read all that there
    may be; ``same``: those of these that running holds, in which nothing need differ.
    """

    content: Tree
    units: list[Unit] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    same: list[Unit] = field(default_factory=list)

    def hide(self, paths: Iterable[str], running: Tree, access: Access) -> None:
        """*worker* Note of which of ``paths`` nobody is to learn whether they differ. It depends on paths and
        rules alone: not on what is there."""
        known = {unit.path for unit in self.units}
        for path in paths:
            place = located(running.schema, path)
            if place is not None and wholly_readable(access, *place):
                continue
            self.hidden.add(path)
            if path not in known and (unit := unit_at(running, path)) is not None:
                self.same.append(unit)

    def put(self, changes: Iterable[UnitChange], running: Tree) -> None:
        """*worker* Take what ``changes`` were before.

        Raises:
            OperationFailed: access control does not fit the modules of this server.
        """
        for change in changes:
            self._put(change, running)

    def _put(self, change: UnitChange, running: Tree) -> None:
        try:
            unit, found = recorded_unit(running.schema, change, running, back=True)
        except DoesNotFit as problem:
            if problem.opens:
                raise _access_control(change.path, str(problem)) from None
            self.left_out.append(LeftOut(change.path, f"{change.path}: {problem}"))
            return
        if found.rule_lists:
            raise _access_control(change.path, "; ".join(found.rule_lists.values()))
        self.left_out += [LeftOut(change.path, f"{change.path}: {told}") for told in found.left_out]
        if unit is not None:
            self.units.append(unit)
            unit.replace_in(self.content, unit.locate(found.tree), restore_default=False)


def _access_control(path: str, why: str) -> OperationFailed:
    return OperationFailed(
        f"access control cannot be put back as it was: {why}",
        path=path,
        app_tag="access-control-does-not-fit",
    )


async def _load(
    context: Context, access: Access, recorded: _Recorded, touched_by_commits: Iterable[str]
) -> list[str]:
    """Make the candidate running with ``recorded`` in it, or leave it as it is.

    It is made beside the candidate, some units at a time, and then takes its place.

    Args:
        touched_by_commits: the paths of all that is recorded, as commits have touched it first: what comes
            back does so in this order.

    Returns:
        Sentences about what does not fit.

    Raises:
        RpcErrors: the caller may not change the candidate so.
    """
    candidate, running = context.configuration.candidate, context.configuration.running
    draft: Candidate = await context.worker(Candidate, running)
    # As they were touched, whether they differ or not: their order is that of the answers about the
    # candidate, and must not tell which of the units that its author may not read are the same.
    same = {unit.path for unit in recorded.same}
    by_path = {unit.path: unit for unit in (*recorded.units, *recorded.same)}
    for some in batched([by_path[path] for path in touched_by_commits if path in by_path], UNITS_AT_ONCE):
        await context.worker(_put_into, draft, some, recorded.content, running, same)
        differing = [unit for unit in some if unit.path not in same]
        draft.blind |= await context.worker(_blind, access, differing, (recorded.content, running))
    draft.blind |= recorded.hidden
    if not access.everything(WRITES):
        touched = {**candidate.changed, **{unit.path: unit for unit in recorded.units}}
        refusals: list[RpcError] = []
        for some in batched(list(touched.values()), UNITS_AT_ONCE):
            found = await context.worker(_refusals, context.nacm, access, some, candidate.content, draft.tree)
            refusals = list(islice(distinct(chain(refusals, found)), FIND_ERRORS))
            if len(refusals) == FIND_ERRORS:
                break
        await context.worker(context.nacm.refuse_writes, refusals)
    await context.worker(candidate.become, draft)
    told: list[str] = await context.worker(sentences_for, context.schema, access, recorded.left_out)
    return told


def _put_into(
    draft: Candidate, units: Sequence[Unit], content: Tree, running: Tree, same: Collection[str]
) -> None:
    """*worker* Have ``draft`` hold what ``content`` has of ``units``, or ``running`` of those in ``same``."""
    savepoint = Savepoint(draft)
    savepoint.save(units)
    for unit in units:
        unit.replace_in(draft.tree, unit.locate(running if unit.path in same else content))
    savepoint.keep(open_empty=True)


def _refusals(
    nacm: AccessControl, access: Access, units: Sequence[Unit], before: Tree, after: Tree
) -> list[RpcError]:
    """*worker* Return why ``access`` does not let its user turn the one into the other."""
    found = distinct(nacm.refusals(access, unit_differences(units, before, after)))
    return list(islice(found, FIND_ERRORS))


def _blind(access: Access, units: Sequence[Unit], trees: Iterable[Tree]) -> set[str]:
    """*worker* Return which of ``units`` hold something in one of ``trees`` that the caller may not read."""
    found: set[str] = set()
    for tree in trees if not access.everything(["read"]) else ():
        some = Tree(tree.schema)
        for unit in units:
            unit.replace_in(some, unit.locate(tree))
        found |= hidden_units(access, some)
    return found
