"""The history as state: /yangswan-agent:agent/history, of which its reader is told what he may know.

Whoever may not read something is not told that it was changed. So that no filter finds it either, it is left
out before there is a tree. All that is made here is bounded, and made in steps: others get their turn between
them on the thread that owns the history. What is committed meanwhile is not shown, nor what is dropped.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

from agent.datastore.history import ChangedUnit, Commit, Comparison, History
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
    tells_state,
    together,
)
from agent.nacm.access import Access, nameable
from agent.nacm.state import state_reader
from agent.operations.asked import Asked
from agent.operations.context import Context
from agent.operations.moment import batched
from agent.translator import Json, Reader, reads_all
from agent.yang.nodes import JSON, json_document
from agent.yang.schema import Schema
from agent.yang.tree import Tree

log = logging.getLogger(__name__)

AGENT = "yangswan-agent:agent"
COMMITS_AT_ONCE = 50
"""Read in one step, and told in one document."""
CHANGES_AT_ONCE = 500
"""Read, or looked for, in one step."""
READ_IN_ALL = 10_000
"""Changes that are read for one answer, whether its reader may know of them or not."""
SEARCHES_AT_ONCE = 10
"""Searches, or paths that one looks for, in one step."""

Search = tuple[Comparison, ...]


class _Crowded(Exception):
    """The answer has no room for what a commit has to show."""


async def history_documents(context: Context, asked: Asked, access: Access) -> list[bytes]:
    """Return what ``access`` lets its user know of the commits that are asked for, the newest first.

    Nothing is returned of a history that cannot be read: all other state still can.
    """
    documents: list[bytes] = []
    try:
        steps: Iterator[bytes] = await context.worker(_steps, context, asked, access)
        while (document := await context.worker(next, steps, None)) is not None:
            documents += [document] if document else []
    except (sqlite3.Error, ValueError, TypeError):
        log.exception("the history cannot be read")
        return []
    return documents


def _steps(context: Context, asked: Asked, access: Access) -> Iterator[bytes]:
    """*worker* Return the steps (each *worker*): of each there is a document, or nothing yet."""
    history = context.configuration.store.history
    may_read = access.reader(context.schema)
    return _Reading(context.schema, history, origin=history.origin(), may_read=may_read).steps(asked)


class _Reading:
    """One look at the history for one reader."""

    def __init__(self, schema: Schema, history: History, *, origin: str, may_read: Reader) -> None:
        self._history = history
        self._origin = origin
        self._schema = schema
        self._may_read = may_read
        self._may_read_state = state_reader(schema, may_read)
        self._left, self._unread = MAX_CHANGES_IN_ALL, READ_IN_ALL
        self._changes = self._steps = 0

    def steps(self, asked: Asked) -> Iterator[bytes]:
        content: Json = {}
        if asked.searches or not asked.ids:
            first, last = self._history.ends()
            content["commit-count"] = self._history.count()
            content |= {"oldest-commit": first, "newest-commit": last} if last else {}
        limits, looked_at_from = yield from self._chosen(asked, upto=content.get("newest-commit", 0))
        named = yield from self._readable(asked.targets)
        told: list[Json] = []
        begun = self._steps
        for number in sorted(limits, reverse=True):
            if told and (len(told) == COMMITS_AT_ONCE or begun != self._steps):
                yield from self._pause(self._document(content, told))
                content, told, begun = {}, [], self._steps
            try:
                found = yield from self._entry(number, limits[number], named)
            except _Crowded:
                looked_at_from = number + 1
                break
            told += [] if found is None else [found]
        if looked_at_from:
            content["looked-at-from"] = looked_at_from
        yield self._document(content, told)

    def _pause(self, document: bytes = b"") -> Iterator[bytes]:
        yield document
        self._changes = 0
        self._steps += 1

    def _read(self, changes: int) -> Iterator[bytes]:
        """Count changes that are read next, in another step if they are too many for this one."""
        if self._changes and self._changes + changes > CHANGES_AT_ONCE:
            yield from self._pause()
        self._changes += changes

    def _chosen(self, asked: Asked, *, upto: int) -> Generator[bytes, None, tuple[dict[int, int], int]]:
        """Return how many changes are shown of which commits, and the oldest of them if there are others."""
        found: set[int] = set()
        before = Comparison("id", "<=", upto)
        searches = [(*one, before) for search in asked.searches for one in _parts(search)]
        for some in batched(searches, SEARCHES_AT_ONCE):
            found |= {commit.id for commit in self._history.newest(some, MAX_LISTED + 1)}
            if len(searches) > SEARCHES_AT_ONCE:
                yield from self._pause()
        newest, by_id = sorted(found, reverse=True), sorted(asked.ids, reverse=True)
        limits = dict.fromkeys(newest[:MAX_LISTED], MAX_CHANGES_LISTED)
        limits |= dict.fromkeys(by_id[:MAX_BY_ID], MAX_CHANGES)
        looked_at_from = newest[MAX_LISTED - 1] if len(newest) > MAX_LISTED else 0
        if len(by_id) > MAX_BY_ID:
            looked_at_from = max(looked_at_from, by_id[MAX_BY_ID - 1])
        return limits, looked_at_from

    def _readable(self, paths: Sequence[str]) -> Generator[bytes, None, list[str]]:
        """Return those of ``paths`` that may be read: what is left out for the others would tell of them."""
        found: list[str] = []
        for some in batched(paths, CHANGES_AT_ONCE):
            yield from self._read(len(some))
            found += [path for path in some if self._may_read(path)]
        return found

    def _entry(self, number: int, limit: int, named: Sequence[str]) -> Generator[bytes, None, Json | None]:
        """Return a commit, None if there is none; ``named``: paths of changes that it shows if it has them.

        Raises:
            _Crowded: they are too many.
        """
        commit = self._history.commit(number)
        if commit is None:
            return None
        begun, count = self._steps, self._history.changed_count(number)
        readable = yield from self._units(number, min(limit, count), named)
        if begun != self._steps and self._history.commit(number) is None:
            return None
        self._left -= len(readable)
        return self._told(commit, readable, count)

    def _units(
        self, number: int, limit: int, named: Sequence[str]
    ) -> Generator[bytes, None, list[ChangedUnit]]:
        """Return what may be read of a commit's changes, first those of ``named``; at most ``limit`` are
        looked at, if these are no more."""
        found: dict[str, ChangedUnit | None] = {}
        for some in batched(named, CHANGES_AT_ONCE):
            yield from self._read(len(some))
            found |= {unit.path: unit for unit in self._history.changed_among(number, some)}
        if len(found) > self._left:
            raise _Crowded
        limit = min(limit, self._left, self._unread)
        self._unread -= limit
        for start in range(0, limit, CHANGES_AT_ONCE):
            count = min(CHANGES_AT_ONCE, limit - start)
            yield from self._read(count)
            for unit in self._history.changed_units(number, count, start):
                if len(found) < limit and unit.path not in found:
                    found[unit.path] = unit if self._may_read(unit.path) else None
        return [unit for unit in found.values() if unit is not None]

    def _told(self, commit: Commit, readable: Sequence[ChangedUnit], count: int) -> Json:
        told = ((self._target(unit.path), operation(unit)) for unit in readable)
        shown = together((target, what) for target, what in told if target is not None)
        knows_all = self._may_read is reads_all or len(readable) == count
        states = not tells_state(commit) or all(self._may_read_state(unit.path) for unit in readable)
        return entry(
            commit,
            Changes(shown, count if knows_all else None, states),
            origin=self._origin,
            taken_back_by=self._history.taken_back_by(commit),
        )

    def _target(self, path: str) -> str | None:
        """Return by what path a unit is shown, None if there is none."""
        target = nameable(self._schema, path)
        return target if target == path or (target and self._may_read(target)) else None

    def _document(self, content: Json, commits: Sequence[Json]) -> bytes:
        """Return a document with ``commits``; of those whose changes do not fit the schema, without them."""
        changing = [commit for commit in commits if "change" in commit]
        if not self._fit(changing):
            for commit in changing:
                if not self._fit([commit]):
                    log.warning("what commit %d changed has no paths any more and is not shown", commit["id"])
                    del commit["change"]
        return _document(content | {"commit": commits} if commits else content)

    def _fit(self, commits: Sequence[Json]) -> bool:
        """Whether the paths are ones today: the values of keys may have other types than when it was made."""
        try:
            Tree.parse(self._schema, _document({"commit": commits}), format=JSON)
        except RpcErrors:
            return False
        return True


def _parts(search: Search) -> Iterator[Search]:
    """Yield searches that together find what ``search`` does, none of them for many paths."""
    wide = next((test for test in search if isinstance(test.value, tuple)), None)
    if wide is None or not isinstance(wide.value, tuple):
        yield search
        return
    for some in batched(wide.value, SEARCHES_AT_ONCE):
        yield tuple(replace(test, value=tuple(some)) if test is wide else test for test in search)


def _document(content: Json) -> bytes:
    return json_document({AGENT: {"history": content}})
