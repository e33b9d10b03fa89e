"""Which units the commits of a part of the history changed, and what these were before and after it.

Only rows of these commits are read, and some at a time, for there may be many. Everything here runs on the
thread that owns the history (*worker*).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from operator import length_hint

from agent.datastore.records import UnitChange
from agent.datastore.store import Store

ROWS_AT_ONCE = 1000
ROWS_MAX = 100_000
"""Of changed units in all commits that are looked at together: a second or two."""
UNITS_AT_ONCE = 100
OCTETS_AT_ONCE = 1024 * 1024
UNITS_MAX = 20_000
"""Whether they differ or not: so nobody can tell from it whether what he may not read does."""
OCTETS_MAX = 64 * 1024 * 1024
"""Of what is on record about them."""

Row = tuple[int, int]
"""Commit, and position in it."""


class TooLong(Exception):
    """So many commits changed so much that it is not looked at."""


class Dropped(Exception):
    """A commit that is looked at has been dropped meanwhile, because it is old."""


def every_unit(_path: str) -> bool:
    return True


@dataclass(slots=True)
class Span:
    """The commits after ``after`` up to ``upto``: first ``read_on`` to the end, then ``look_on``.

    ``wanted``: True for the path of a unit that matters. ``units``: by path of each of these that the commits
    changed, the first row about it and the last one. ``found``: what is not the same again, as it was before
    the first of the commits and after the last one; ``same``: the paths of what is.
    """

    store: Store
    after: int
    upto: int
    wanted: Callable[[str], bool] = every_unit
    units: dict[str, tuple[Row, Row]] = field(default_factory=dict)
    found: list[UnitChange] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    _rows_read: int = 0
    _octets_read: int = 0
    _at: Row = (0, 0)
    _waiting: Iterator[str] | None = None

    def __post_init__(self) -> None:
        self._at = self.after, sys.maxsize

    def read_on(self) -> bool:
        """*worker* Read some rows; return whether there are more.

        Raises:
            TooLong: there are too many.
            Dropped: a commit is gone.
        """
        rows = self.store.rows(
            "SELECT commit_id, position, path FROM changes JOIN commits ON commits.id = commit_id "
            "WHERE commits.state = 'committed' AND (commit_id, position) > (?, ?) AND commit_id <= ? "
            f"ORDER BY commit_id, position LIMIT {ROWS_AT_ONCE}",
            *self._at,
            self.upto,
        )
        for commit_id, position, path in rows:
            row = self._at = commit_id, position
            if path in self.units:
                self.units[path] = self.units[path][0], row
            elif self.wanted(path):
                self.units[path] = row, row
        self._rows_read += len(rows)
        if self._rows_read > ROWS_MAX or len(self.units) > UNITS_MAX:
            raise TooLong
        if len(rows) == ROWS_AT_ONCE:
            return True
        self._refuse_gap()
        return False

    def _refuse_gap(self) -> None:
        # What has been dropped is the oldest, so if one is there that is no younger, all are.
        if self.after < self.upto and not 0 < kept(self.store).oldest <= self.after + 1:
            raise Dropped

    def look_on(self) -> bool:
        """*worker* Look at some of the units; return whether there are more.

        Raises:
            TooLong: there is too much on record about them.
            Dropped: a commit is gone.
            Damaged: a row does not fit its checksum.
        """
        if self._waiting is None:
            self._waiting = iter(self.units)
        until_octets = self._octets_read + OCTETS_AT_ONCE
        for path in islice(self._waiting, UNITS_AT_ONCE):
            self._look_at(path)
            if self._octets_read > OCTETS_MAX:
                raise TooLong
            if self._octets_read > until_octets:
                return True
        return length_hint(self._waiting) > 0

    def _look_at(self, path: str) -> None:
        first, last = self.units[path]
        earliest = self._row(first)
        latest = earliest if last == first else self._row(last)
        if earliest.before != latest.after:
            self.found.append(UnitChange(path, before=earliest.before, after=latest.after))
        else:
            self.same.append(path)

    def _row(self, row: Row) -> UnitChange:
        found = self.store.history.change(*row)
        if found is None:
            raise Dropped
        self._octets_read += len(found.before) + len(found.after)
        return found


@dataclass(frozen=True, slots=True)
class Kept:
    """Commits in force that the history holds: ids of the oldest and the newest, 0 if there are none."""

    oldest: int
    newest: int

    def __str__(self) -> str:
        if not self.newest:
            return "the history holds no commit in force"
        if self.oldest == self.newest:
            return f"the history holds commit {self.oldest} alone in force"
        return f"the history holds commits {self.oldest} to {self.newest} in force"


def kept(store: Store) -> Kept:
    """*worker* Return which commits there are."""
    ((oldest, newest),) = store.rows("SELECT min(id), max(id) FROM commits WHERE state = 'committed'")
    return Kept(oldest or 0, newest or 0)


def state_of(store: Store, commit_id: int) -> str | None:
    """*worker* Return applying, committed or undone; None if it is not in the history."""
    found = store.rows("SELECT state FROM commits WHERE id = ?", commit_id)
    return str(found[0][0]) if found else None


def ever_given(store: Store, commit_id: int) -> bool:
    """*worker* Return whether there has been a commit of this id."""
    found = store.rows("SELECT seq FROM sqlite_sequence WHERE name = 'commits'")
    return bool(found) and commit_id <= int(found[0][0])


def newest_before(store: Store, count: int) -> int | None:
    """*worker* Return the newest commit in force but ``count``; None if there are no more than that."""
    found = store.rows(
        f"SELECT id FROM commits WHERE state = 'committed' ORDER BY id DESC LIMIT 1 OFFSET {count}"
    )
    return int(found[0][0]) if found else None


def count_in_force(store: Store) -> int:
    """*worker* Return how many commits in force the history holds."""
    return int(store.rows("SELECT count(*) FROM commits WHERE state = 'committed'")[0][0])
