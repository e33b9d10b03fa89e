"""Snapshots of running in the history, and how much was changed since the newest one.

One is written when the changes since the last one outweigh it, so its cost stays in proportion to what was
changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from agent.datastore.checksums import fits, is_sealed
from agent.datastore.records import UnitChange

SNAPSHOT_MIN_OCTETS = 4 * 1024 * 1024
"""Fewer octets of changes are no reason for one, however short it would be."""


def read(db: sqlite3.Connection) -> Iterator[tuple[int, bytes]]:
    """Yield commit and content of each, newest first. There is one at most: older ones are deleted.

    Raises:
        sqlite3.DatabaseError: one does not fit its checksum; nobody gets to see it.
    """
    whole = fits("snapshots") if is_sealed(db) else "1"
    newest_first = f"SELECT {whole}, commit_id, content FROM snapshots ORDER BY commit_id DESC"
    rows = db.execute(newest_first).fetchall()
    for is_whole, commit_id, content in rows:
        if not (is_whole and isinstance(commit_id, int) and isinstance(content, bytes)):
            raise sqlite3.DatabaseError(f"the snapshot of commit {commit_id} is damaged")
        yield commit_id, content


def replace(db: sqlite3.Connection, commit_id: int, content: bytes) -> None:
    """Put a snapshot of running after ``commit_id`` in the place of all others, in a transaction of the
    caller's."""
    db.execute("DELETE FROM snapshots")
    db.execute("INSERT INTO snapshots (commit_id, content) VALUES (?, ?)", (commit_id, content))


class Pending:
    """What was changed since the newest snapshot: ``octets``, before and after."""

    def __init__(self) -> None:
        self.octets = self._printed_octets = 0

    def count(self, db: sqlite3.Connection) -> None:
        """Begin with what is recorded."""
        row = db.execute(
            "SELECT (SELECT coalesce(sum(length(before) + length(after)), 0) FROM changes "
            "WHERE commit_id > (SELECT coalesce(max(commit_id), 0) FROM snapshots)), "
            "(SELECT coalesce(max(length(content)), 0) FROM snapshots)"
        ).fetchone()
        self.octets, self._printed_octets = int(row[0]), int(row[1])

    def add(self, changes: Sequence[UnitChange]) -> None:
        """Note that ``changes`` are recorded, too."""
        self.octets += sum(len(change.before) + len(change.after) for change in changes)

    @property
    def is_much(self) -> bool:
        """Whether it is worth while to print running, and to compare what it takes."""
        return self.octets >= max(SNAPSHOT_MIN_OCTETS, self._printed_octets)

    def outweighs(self, printed: bytes) -> bool:
        """Return whether it is at least as much as running takes as it is ``printed`` now."""
        self._printed_octets = len(printed)
        return self.octets >= self._printed_octets
