"""The newest and the oldest commit of a history, known for as long as nothing but commits is added to it.

Each look of SQLite at the file costs a dozen system calls, of which most are about the journal, and each
commit has to know both.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from agent.datastore.pruning import Keep, Oldest, oldest_if_compact


class Ends:
    """Asks ``db`` once, and again when rows were written outside of ``growing``, or when it is another."""

    def __init__(self) -> None:
        self._db: sqlite3.Connection | None = None
        self._written = 0
        self._newest: int | None = None
        self._oldest: Oldest | None = None

    def newest(self, db: sqlite3.Connection) -> int:
        """Return the number of the last commit that was recorded, 0 if none ever was."""
        self._follow(db)
        if self._newest is None:
            row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'commits'").fetchone()
            self._newest = 0 if row is None else int(row[0])
        return self._newest

    def are_near(self, db: sqlite3.Connection, keep: Keep, time: str) -> bool:
        """Return whether there is not far more between both than is to be kept at ``time``, and the file has
        no more free pages than it should."""
        self._follow(db)
        if self._oldest is None:
            self._oldest = oldest_if_compact(db)
        return self._oldest is not None and not self._oldest.is_due(keep, self.newest(db), time)

    @contextmanager
    def growing(self, db: sqlite3.Connection) -> Iterator[None]:
        """What is written within adds to what is there; a new commit is told by ``added``."""
        self._follow(db)
        try:
            yield
        except BaseException:
            self._forget()
            raise
        self._written = db.total_changes

    def added(self, commit_id: int) -> None:
        """Take ``commit_id`` for the newest; of the first it is not known yet when it was made."""
        self._newest = commit_id
        if self._oldest is not None and not self._oldest.number:
            self._oldest = None

    def _follow(self, db: sqlite3.Connection) -> None:
        if db is not self._db or db.total_changes != self._written:
            self._forget()
            self._db, self._written = db, db.total_changes

    def _forget(self) -> None:
        self._db = self._newest = self._oldest = None
