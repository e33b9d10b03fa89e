"""A history that is only looked at: a copy in memory, in which a start may put right what it has to.

So what an agent would find is found with nothing written, whatever form the history has. The copy of a
history that an agent uses is as its last commit left it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.datastore.database import copy_in_memory, copy_while_used
from agent.datastore.records import Cause, CommitInfo
from agent.datastore.store import Store


@dataclass(frozen=True, slots=True)
class Commit:
    """A recorded commit. ``state``: applying, committed or undone, with the ``reason``. ``paths``: of the
    units that it changed."""

    id: int
    time: str
    info: CommitInfo
    state: str
    reason: str
    paths: Sequence[str]


class MemoryCopy(Store):
    """The history at ``path``; what is recorded in it never reaches the disk. ``used``: by an agent, now.

    Raises:
        OSError: it cannot be read, or there is no place to copy it to.
        StoreError: it is not a history of this program.
    """

    def __init__(self, path: Path, *, used: bool = False) -> None:
        self._used = used
        super().__init__(path, new=False)

    def _opened(self) -> sqlite3.Connection:
        self.read_only = "it is only looked at"
        return copy_while_used(self.path) if self._used else copy_in_memory(self.path, new=False)

    def seal(self) -> None:
        """Go on to record in memory alone, for good."""

    def commits(self, only: int | None = None) -> Iterator[Commit]:
        """Yield all commits, the newest first, or the one with the id ``only``."""
        rows = self._db.execute(
            "SELECT id, time, user, session, source, comment, cause, state, reason FROM commits "
            "WHERE ?1 IS NULL OR id = ?1 ORDER BY id DESC",
            (only,),
        )
        for commit_id, time, user, session_id, source, comment, cause, state, reason in rows:
            paths = self._db.execute(
                "SELECT path FROM changes WHERE commit_id = ? ORDER BY position", (commit_id,)
            )
            yield Commit(
                id=int(commit_id),
                time=str(time),
                info=CommitInfo(
                    str(user),
                    int(session_id),
                    source=str(source),
                    comment=str(comment),
                    cause=Cause(cause),
                ),
                state=str(state),
                reason=str(reason),
                paths=tuple(str(path) for (path,) in paths),
            )
