"""Running as the history tells it: as the last commit left it, or as it was after an earlier one.

The history is read and nothing is changed. What was recorded and does not fit the YANG modules of this
server any more is logged and left out. Everything here runs on the thread that owns libyang (*worker*).
"""

from __future__ import annotations

import logging

from agent.datastore.candidate import Candidate
from agent.datastore.progress import Progress
from agent.datastore.store import Store, StoreError, UnitChange
from agent.errors import RpcErrors
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.units import Unit, all_units
from agent.yang.validate import validate

log = logging.getLogger(__name__)


def load(store: Store, schema: Schema, progress: Progress) -> Tree:
    """*worker* Return running as the last acknowledged commit left it.

    What has to be done to a whole history before its content can be read has its place at the top.

    Raises:
        StoreError: the newest snapshot does not fit the YANG modules of this server.
        Ended: the agent was told to stop.
    """
    content, changes = store.load()
    running = _snapshot(content, schema)
    for count, change in enumerate(changes):
        progress.step("%d recorded changes read", count)
        _replay_what_fits(change, running)
    running.add_defaults()
    return _validated(running)


def as_of(commit_id: int, *, store: Store, running: Tree) -> Candidate:
    """*worker* Return ``running`` as it was when ``commit_id`` was the newest commit, as a candidate."""
    candidate = Candidate(running)
    for change in reversed(list(store.changes_after(commit_id))):
        unit = _replay_what_fits(change, candidate.tree, back=True)
        if unit is not None:
            candidate.changed[unit.path] = unit
    candidate.tree.add_defaults()  # only what was configured is on record
    return candidate


def replay(change: UnitChange, tree: Tree, *, back: bool = False) -> Unit | None:
    """*worker* Put a recorded unit into ``tree``, as it was after the commit or, with ``back``, before it.

    Returns:
        The unit, None if there is nothing of it in the record.

    Raises:
        RpcErrors: it does not fit the YANG modules.
    """
    wanted, other = (change.before, change.after) if back else (change.after, change.before)
    for source, holds in ((wanted, True), (other, False)):
        recorded = Tree.parse(tree.schema, source, strict=False)
        for unit in all_units(recorded):
            if unit.path == change.path and unit.is_explicit(recorded):
                unit.replace_in(tree, unit.locate(recorded) if holds else [])
                return unit
    return None


def _replay_what_fits(change: UnitChange, tree: Tree, *, back: bool = False) -> Unit | None:
    try:
        return replay(change, tree, back=back)
    except RpcErrors as problem:
        what = problem.errors[0].path or change.path
        if back:
            what = f"{what} as it was"
        log.error("%s does not fit the YANG modules any more and is left out", what)
        return None


def _snapshot(content: bytes, schema: Schema) -> Tree:
    try:
        return Tree.parse(schema, content, strict=False)
    except RpcErrors as problem:
        where = problem.errors[0].path
        raise StoreError(f"what is stored at {where} does not fit the YANG modules of this server") from None


def _validated(running: Tree) -> Tree:
    """Return ``running`` as validation leaves it; as it is if it is not valid, so that a start succeeds."""
    checked = running.duplicate()
    try:
        validate(checked, everything=True)
    except RpcErrors as problem:
        log.error("the stored configuration does not satisfy the YANG modules: %s", problem)
        return running
    return checked
