"""The history as state: /yangswan-agent:agent/history, of which its reader is told what he may know.

Whoever may not read something is not told that it was changed. So that no filter finds it either, it is left
out before there is a tree. All that is made here is bounded.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence

from agent.datastore.history import Commit, History
from agent.errors import RpcErrors
from agent.history.commits import (
    MAX_BY_ID,
    MAX_CHANGES,
    MAX_CHANGES_IN_ALL,
    MAX_CHANGES_LISTED,
    MAX_LISTED,
    Changes,
    entry,
    operation,
    together,
)
from agent.nacm.access import Access, located
from agent.nacm.state import state_reader
from agent.operations.asked import Asked
from agent.operations.context import Context
from agent.translator import Json, Reader, reads_all
from agent.yang.schema import Schema
from agent.yang.tree import JSON, Tree, json_document

log = logging.getLogger(__name__)

AGENT = "yangswan-agent:agent"


def history_documents(context: Context, asked: Asked, access: Access) -> list[bytes]:
    """*worker* Return what ``access`` lets its user know of the commits that are asked for.

    Nothing is returned of a history that cannot be read: all other state still can.
    """
    store = context.configuration.store
    try:
        reading = _Reading(
            context.schema,
            history=store.history,
            origin=store.history.origin(),
            may_read=access.reader(context.schema),
        )
        return [reading.document(asked)]
    except (sqlite3.Error, ValueError, TypeError):
        log.exception("the history cannot be read")
        return []


class _Reading:
    """One look at the history for one reader."""

    def __init__(self, schema: Schema, *, history: History, origin: str, may_read: Reader) -> None:
        self._history = history
        self._origin = origin
        self._schema = schema
        self._may_read = may_read
        self._may_read_state = state_reader(schema, may_read)
        self._left = MAX_CHANGES_IN_ALL

    def document(self, asked: Asked) -> bytes:
        content: Json = {}
        if asked.searches or not asked.ids:
            first, last = self._history.ends()
            content["commit-count"] = self._history.count()
            content |= {"oldest-commit": first, "newest-commit": last} if last else {}
        commits = {commit.id: (commit, MAX_CHANGES_LISTED) for commit in self._searched(asked)}
        by_id = self._history.with_ids(asked.ids, MAX_BY_ID)
        commits |= {commit.id: (commit, MAX_CHANGES) for commit in by_id}
        if commits:
            content["commit"] = [self._entry(*commits[number]) for number in sorted(commits, reverse=True)]
        return _document(content)

    def _searched(self, asked: Asked) -> Sequence[Commit]:
        return self._history.newest(asked.searches, MAX_LISTED) if asked.searches else ()

    def _entry(self, commit: Commit, limit: int) -> Json:
        count = self._history.changed_count(commit.id)
        units = self._history.changed_units(commit.id, min(limit, self._left))
        self._left -= len(units)
        readable = [unit for unit in units if self._may_read(unit.path)]
        told = ((self._target(unit.path), operation(unit)) for unit in readable)
        shown = together((target, what) for target, what in told if target is not None)
        knows_all = self._may_read is reads_all or len(readable) == count
        states = all(self._may_read_state(unit.path) for unit in readable)
        made = entry(
            commit,
            Changes(shown, count if knows_all else None, states),
            origin=self._origin,
            taken_back_by=self._history.taken_back_by(commit),
        )
        if shown and not self._fits(made):
            log.warning("what commit %d changed has no paths any more and is not shown", commit.id)
            del made["change"]
        return made

    def _target(self, path: str) -> str | None:
        """Return by what path a unit is shown, None if there is none."""
        place = located(self._schema, path)
        if place is None:
            return None
        steps, nodes = place
        if nodes[-1].has_instances and not steps[-1].keys:  # a list as a whole has no instance-identifier
            above = path.rpartition("/")[0]
            return above if above and self._may_read(above) else None
        return path

    def _fits(self, made: Json) -> bool:
        """Whether the paths are ones today: the values of keys may have other types than when it was made."""
        try:
            Tree.parse(self._schema, _document({"commit": [made]}), format=JSON)
        except RpcErrors:
            return False
        return True


def _document(content: Json) -> bytes:
    return json_document({AGENT: {"history": content}})
