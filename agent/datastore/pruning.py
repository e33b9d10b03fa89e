"""Old commits are dropped, and the file of the history becomes smaller: in steps, each of which is bounded.

What is dropped is neither needed to read running, which the newest snapshot holds, nor to go back from a
confirmed commit that is pending.
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.datastore.database import Transaction

log = logging.getLogger(__name__)

STEP_COMMITS = 1000
STEP_CHANGES = 5000
"""Of a step; a commit is dropped as a whole, however large it is."""
STEP_PAGES = 1000
WORTHWHILE_PAGES = 16
"""With fewer free pages a file is not made smaller, nor if they are less than a quarter of it."""
REWRITTEN_PAGES = 16_384
"""A file of more is not written anew, for that takes as much memory."""
_INCREMENTAL = 2
SLACK = 100
"""So many commits more than are to be kept, and a tenth of those, are no reason yet for a snapshot."""
JUMP = timedelta(days=30)
SETTLED = timedelta(hours=12)
"""A clock that says JUMP more than at the commit before may be wrong: nothing is dropped for its age until a
commit has been made, and it says SETTLED more than at that."""


@dataclass(frozen=True, slots=True)
class Keep:
    """How much of the past is kept: the newest ``commits``, and of these what is at most ``days`` old."""

    commits: int = 10_000
    days: int | None = None

    @property
    def far_beyond(self) -> int:
        """How many commits are so many more that something has to be done."""
        return self.commits + max(SLACK, self.commits // 10)


@dataclass(frozen=True, slots=True)
class Oldest:
    """The oldest commit that is kept: its number, 0 if there is none, and when it was made."""

    number: int
    made: object

    def is_due(self, keep: Keep, newest: int, time: str) -> bool:
        """Return whether there is far more than is to be kept, if ``newest`` is the last commit."""
        if not self.number:
            return False
        if newest - self.number + 1 > keep.far_beyond:
            return True
        return keep.days is not None and _is_before(self.made, time, keep.days + 1)


def oldest_if_compact(db: sqlite3.Connection) -> Oldest | None:
    """Return the oldest commit, None if ``shrink`` finds something to do: at one look, as each look of SQLite
    at the file costs a dozen system calls, of which most are about the journal."""
    first, made, free, pages = db.execute(
        "SELECT (SELECT min(id) FROM commits), (SELECT time FROM commits ORDER BY id LIMIT 1), "
        "(SELECT freelist_count FROM pragma_freelist_count), (SELECT page_count FROM pragma_page_count)"
    ).fetchone()
    return None if _is_worthwhile(free, pages) else Oldest(int(first or 0), made)


def is_due(db: sqlite3.Connection, keep: Keep, time: str) -> bool:
    """Return whether there is far more than is to be kept."""
    first, count = _span(db)
    if count > keep.far_beyond:
        return True
    return keep.days is not None and bool(first) and _is_before(_time_of(db, first), time, keep.days + 1)


def needs_snapshot(db: sqlite3.Connection, keep: Keep, time: str) -> bool:
    """Return whether there is far more than is to be kept, and only a newer snapshot lets it go."""
    return is_due(db, keep, time) and _snapshot(db) < max(_span(db)[0], _last_beyond(db, keep))


def drop_old(db: sqlite3.Connection, keep: Keep, time: str) -> bool:
    """Drop commits that are not to be kept at ``time``, a step of them; return whether there are more."""
    last = _last_to_drop(db, keep, time)
    found = db.execute("SELECT id FROM commits WHERE id <= ? ORDER BY id LIMIT ?", (last, STEP_COMMITS + 1))
    ids = [int(row[0]) for row in found]
    until, more = _step(db, ids)
    if until is not None:
        with Transaction(db):
            db.execute("DELETE FROM changes WHERE commit_id <= ?", (until,))
            db.execute("DELETE FROM commits WHERE id <= ?", (until,))
    return more


def _last_to_drop(db: sqlite3.Connection, keep: Keep, time: str) -> int:
    """Return the newest commit that is not to be kept and may be dropped, 0 if there is none."""
    row = db.execute(
        "SELECT (SELECT rollback_to - 1 FROM confirmed_commit), "
        "(SELECT max(id) - 1 FROM commits WHERE state = 'committed')"
    ).fetchone()
    needed = min([_snapshot(db), *(int(number) for number in row if number is not None)])
    last = _last_beyond(db, keep)
    if keep.days is not None and last < needed:
        old = _last_before(db, time, last=last, until=needed, days=keep.days)
        if old > last and not _may_jump_to(db, time):
            log.warning(
                "the clock says %s, which is far later than at the last commits: it may be wrong, so nothing "
                "is dropped for its age until a commit in %g hours finds it so, too",
                time,
                SETTLED / timedelta(hours=1),
            )
            old = last
        last = old
    return min(last, needed)


def _may_jump_to(db: sqlite3.Connection, time: str) -> bool:
    """Return whether the commits before do not say that the clock, which says ``time``, is wrong."""
    now = datetime.fromisoformat(time)
    settled = (now - SETTLED).isoformat(timespec="milliseconds")
    (before,) = db.execute("SELECT max(time) FROM commits WHERE time <= ?", (settled,)).fetchone()
    return before is not None and not _is_before(before, time, JUMP.days)


def _snapshot(db: sqlite3.Connection) -> int:
    """Return the commit that running was as of when the newest snapshot was made; 0: there is none."""
    return int(db.execute("SELECT max(commit_id) FROM snapshots").fetchone()[0] or 0)


def _span(db: sqlite3.Connection) -> tuple[int, int]:
    """Return the number of the oldest commit, 0 if there is none, and how many there are at most."""
    first, last = db.execute("SELECT (SELECT min(id) FROM commits), (SELECT max(id) FROM commits)").fetchone()
    return (0, 0) if first is None else (int(first), int(last) - int(first) + 1)


def _last_beyond(db: sqlite3.Connection, keep: Keep) -> int:
    """Return the newest commit that is one more than are to be kept, 0 if there is none."""
    row = db.execute("SELECT id FROM commits ORDER BY id DESC LIMIT 1 OFFSET ?", (keep.commits,)).fetchone()
    return 0 if row is None else int(row[0])


def _time_of(db: sqlite3.Connection, commit_id: int) -> object:
    return db.execute("SELECT time FROM commits WHERE id = ?", (commit_id,)).fetchone()[0]


def _last_before(db: sqlite3.Connection, time: str, *, last: int, until: int, days: int) -> int:
    """Return the newest of the oldest commits that were made ``days`` before ``time``."""
    rows = db.execute(
        "SELECT id, time FROM commits WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
        (last, until, STEP_COMMITS + 1),
    )
    for commit_id, made in rows:
        if not _is_before(made, time, days):
            break
        last = int(commit_id)
    return last


def _is_before(made: object, time: str, days: int) -> bool:
    try:
        return datetime.fromisoformat(str(made)) < datetime.fromisoformat(time) - timedelta(days=days)
    except (ValueError, TypeError, OverflowError):  # one that no version has written
        return False


def _step(db: sqlite3.Connection, ids: list[int]) -> tuple[int | None, bool]:
    """Return up to which of ``ids`` a step goes, None if there are none; and whether there are more."""
    until, changes = None, 0
    for commit_id in ids[:STEP_COMMITS]:
        if changes >= STEP_CHANGES:
            return until, True
        row = db.execute("SELECT count(*) FROM changes WHERE commit_id = ?", (commit_id,)).fetchone()
        until, changes = commit_id, changes + int(row[0])
    return until, len(ids) > STEP_COMMITS


def make_able_to_shrink(db: sqlite3.Connection) -> None:
    """Let a file shrink that an older version made. What cannot be, is not: its free pages are used again."""
    (kind,), (pages,) = (db.execute(f"PRAGMA {name}").fetchone() for name in ("auto_vacuum", "page_count"))
    if kind == _INCREMENTAL or pages > REWRITTEN_PAGES:
        return
    try:
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("VACUUM")
    except sqlite3.OperationalError as problem:
        log.warning("the file of the history will not become smaller: %s", problem)


def shrink(db: sqlite3.Connection) -> None:
    """Give free pages back to the file system, a step of them, if there are many."""
    (free,), (pages,) = (db.execute(f"PRAGMA {name}").fetchone() for name in ("freelist_count", "page_count"))
    if _is_worthwhile(free, pages):
        # Not execute, which takes a statement without columns for done after its first step, of one page.
        db.executescript(f"PRAGMA incremental_vacuum({STEP_PAGES})")


def _is_worthwhile(free: int, pages: int) -> bool:
    return free >= WORTHWHILE_PAGES and free * 4 > pages
