"""What the history holds of commits that were made: one, the newest of some, and what they changed.

All of it is bounded, and nothing of it is shown here: who may see what is decided by those who ask.
"""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from agent.datastore.checksums import Damaged, fits, is_sealed
from agent.datastore.forms import HISTORY_ID, MODEL
from agent.datastore.records import Cause, UnitChange, recorded
from agent.datastore.tables import COLUMNS

log = logging.getLogger(__name__)

COMPARED = {
    "id": "id",
    "user": "user",
    "session-id": "session",
    "source-address": "source",
    "cause": "cause",
    "outcome": "state",
}
"""What commits can be searched by: leafs of our YANG module and the columns that hold them."""
CHANGED = "change/target"
TAKEN_BACK_MAX = 1000
"""Commits of one sequence of confirmed commits among which its rollback is looked for."""
_TAKEN_BACK = re.compile(r"rollback of commits? (\d{1,18})(?: to (\d{1,18}))?(?!\d)")
"""How the comment of a rollback begins, which the server writes."""
_OPERATORS = frozenset({"=", "<", "<=", ">", ">="})


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit. ``outcome``: applying, committed or undone; ``reason``: why it is undone."""

    id: int
    time: str
    user: str
    session_id: int
    source: str
    comment: str
    outcome: str
    cause: str
    reason: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of one of COMPARED with a value; or, named CHANGED, with the paths of units of which the
    commit has to have changed one."""

    name: str
    operator: str
    value: int | str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangedUnit:
    """A unit that a commit changed, without what it holds."""

    path: str
    was_there: bool
    is_there: bool


class History:
    """*worker* The commits in ``db``, which has the tables of this version. A method raises sqlite3.Error
    where it cannot be read."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def commit(self, commit_id: int) -> Commit | None:
        """Return one commit, None if it is not there (``absent`` says why)."""
        return next(iter(self.newest([[Comparison("id", "=", commit_id)]], 1)), None)

    def origin(self) -> str:
        """Return what tells the transaction ids of this history from those of others, and from those that it
        gave before nodes of the model were moved: what is configured is printed otherwise since then."""
        notes = dict(self._db.execute("SELECT name, content FROM notes ORDER BY name"))
        model = repr([(name, text) for name, text in notes.items() if name.startswith(MODEL)])
        mark = "" if model == "[]" else f".{blake2b(model.encode(), digest_size=2).hexdigest()}"
        return f"{notes.get(HISTORY_ID, '')}{mark}"

    def units(self) -> Iterator[tuple[str, int, str]]:
        """Yield the path of each unit that a commit changed, and id and time of the last one that did."""
        yield from self._db.execute("SELECT path, commit_id, time FROM units")

    def units_count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM units").fetchone()[0])

    def times_of_newest(self, count: int) -> Iterator[tuple[int, str]]:
        """Yield id and time of each of the newest ``count`` commits that are in force, the newest first."""
        yield from self._db.execute(
            "SELECT id, time FROM commits WHERE state = 'committed' ORDER BY id DESC LIMIT ?", (count,)
        )

    def absent(self, commit_id: int) -> str:
        """Return why there is no commit of that number, in a sentence."""
        first, last = self.ends()
        if not first:
            return "nothing has been committed yet"
        if commit_id < first:
            return f"commit {commit_id} is not kept any more: the oldest one that is kept is {first}"
        if commit_id > last:
            return f"there is no commit {commit_id}: the newest one is {last}"
        return f"commit {commit_id} is not recorded"

    def newest(self, any_of: Sequence[Sequence[Comparison]], limit: int) -> list[Commit]:
        """Return the newest commits that pass all tests of one of ``any_of``; the newest first."""
        either: list[str] = []
        values: list[int | str] = []
        for tests in any_of:
            either.append(" AND ".join([_sql(test) for test in tests]) or "1")
            for test in tests:
                values += test.value if isinstance(test.value, tuple) else [test.value]
        rows = self._db.execute(
            f"SELECT {fits('commits')}, {', '.join(COLUMNS['commits'])} FROM commits "
            f"WHERE {' OR '.join(f'({one})' for one in either) or '0'} ORDER BY id DESC LIMIT ?",
            (*values, limit),
        )
        return list(_whole(rows))

    def count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM commits").fetchone()[0])

    def ends(self) -> tuple[int, int]:
        """Return the numbers of the oldest and of the newest commit, whatever became of them; 0 without."""
        row = self._db.execute("SELECT (SELECT min(id) FROM commits), (SELECT max(id) FROM commits)")
        first, last = row.fetchone()
        return int(first or 0), int(last or 0)

    def oldest(self) -> int:
        """Return the number of the oldest commit after which running can still be had; 0: from the beginning,
        when nothing was configured."""
        first, _ = self.ends()
        return first if first > 1 else 0

    def changed_units(self, commit_id: int, limit: int, start: int = 0) -> list[ChangedUnit]:
        """Return what a commit changed, at most ``limit`` units of it from the position ``start`` on."""
        which = "AND position >= ? ORDER BY position LIMIT ?"
        return list(self._changed(which, (commit_id, start, limit)))

    def changed_among(self, commit_id: int, paths: Sequence[str]) -> list[ChangedUnit]:
        """Return what a commit changed of the units with ``paths``."""
        places = ", ".join("?" * len(paths))
        return list(self._changed(f"AND path IN ({places})", (commit_id, *paths)))

    def _changed(self, which: str, values: Sequence[int | str]) -> Iterator[ChangedUnit]:
        rows = self._db.execute(
            f"SELECT path, length(before), length(after) FROM changes WHERE commit_id = ? {which}", values
        )
        return (ChangedUnit(path, bool(b), bool(a)) for path, b, a in rows if isinstance(path, str))

    def changed_count(self, commit_id: int) -> int:
        """Return how many units a commit changed."""
        row = self._db.execute(
            "SELECT max(position) FROM changes WHERE commit_id = ?", (commit_id,)
        ).fetchone()
        return 0 if row[0] is None else int(row[0]) + 1

    def taken_back_by(self, commit: Commit) -> int | None:
        """Return which commit was the rollback that took ``commit`` back, None if none did.

        From a confirmed commit to its rollback there are only confirmed commits, of which TAKEN_BACK_MAX are
        looked at.
        """
        if (commit.cause, commit.outcome) != (Cause.CONFIRMED_COMMIT, "committed"):
            return None
        row = self._db.execute(
            "SELECT id, cause, comment FROM "
            "(SELECT * FROM commits WHERE id > ? AND state = 'committed' ORDER BY id LIMIT ?) "
            "WHERE cause != ? ORDER BY id LIMIT 1",
            (commit.id, TAKEN_BACK_MAX, Cause.CONFIRMED_COMMIT),
        ).fetchone()
        if row is None or row[1] not in (Cause.ROLLBACK, Cause.START):
            return None
        named = _TAKEN_BACK.match(str(row[2]))
        is_named = named and int(named[1]) <= commit.id <= int(named[2] or named[1])
        return int(row[0]) if is_named else None

    def after(self, commit_id: int) -> str:
        """Return which commits came into force after ``commit_id``, in words (_TAKEN_BACK reads them)."""
        row = self._db.execute(
            "SELECT min(id), max(id) FROM commits WHERE id > ? AND state = 'committed'", (commit_id,)
        )
        first, last = row.fetchone()
        return f"commit {first}" if first == last else f"commits {first} to {last}"

    def size(self, after: int, until: int) -> tuple[int, int]:
        """Return how many units ``changes`` yields, and how many octets they hold."""
        row = self._db.execute(
            "SELECT count(*), coalesce(sum(length(before) + length(changes.after)), 0) FROM changes "
            "JOIN commits ON commits.id = commit_id "
            "WHERE state = 'committed' AND commit_id > ? AND commit_id <= ?",
            (after, until),
        ).fetchone()
        return int(row[0]), int(row[1])

    def changes(self, after: int, until: int | None = None) -> Iterator[UnitChange]:
        """Yield what the commits in force after ``after``, and up to ``until``, changed; the oldest first.

        Raises:
            Damaged: a row does not fit its checksum.
        """
        return self._units(
            "JOIN commits ON commits.id = commit_id "
            "WHERE commits.state = 'committed' AND commit_id > ? AND commit_id <= ? "
            "ORDER BY commit_id, position",
            after,
            _NEVER if until is None else until,
        )

    def change(self, commit_id: int, position: int) -> UnitChange | None:
        """Return one unit of a commit, None if it is not there.

        Raises:
            Damaged: it does not fit its checksum.
        """
        return next(self._units("WHERE commit_id = ? AND position = ?", commit_id, position), None)

    def _units(self, which: str, *values: int) -> Iterator[UnitChange]:
        whole = fits("changes") if is_sealed(self._db) else "1"
        rows: Iterable[tuple[int, int, object, object, object]] = self._db.execute(
            f"SELECT {whole}, commit_id, path, before, after FROM changes {which}", values
        )
        for is_whole, commit_id, path, before, after in rows:
            if not is_whole:
                raise Damaged([f"{path} of commit {commit_id} does not fit its checksum"])
            yield recorded(commit_id, path, before, after)


_NEVER = 2**63 - 1


def _sql(test: Comparison) -> str:
    if test.operator not in _OPERATORS:
        raise ValueError(test.operator)
    if isinstance(test.value, tuple):
        places = ", ".join("?" * len(test.value))
        return f"id IN (SELECT commit_id FROM changes WHERE path IN ({places}))"
    return f"{COMPARED[test.name]} {test.operator} ?"


def _whole(rows: Iterable[tuple[object, ...]]) -> Iterator[Commit]:
    for is_whole, *values in rows:
        commit_id, time, user, session_id, source, comment, outcome, cause, reason = values
        if is_whole:
            yield Commit(
                id=int(str(commit_id)),
                time=str(time),
                user=str(user),
                session_id=int(str(session_id)),
                source=str(source),
                comment=str(comment),
                outcome=str(outcome),
                cause=str(cause),
                reason=str(reason),
            )
        else:
            log.error("commit %s is damaged: it does not fit its checksum, and is not shown", commit_id)
