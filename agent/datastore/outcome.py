"""What became of a commit whose record failed: the answer must be what the next start will find.

A disk that fails while the second record is written leaves both possible for a moment. The journal of SQLite
decides: as long as it holds what was before, any start takes the record back. Only if the end of the journal
itself fails the record may stay. So a start is made on a copy, and what it finds is told.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from agent.datastore.confirmed import Window
from agent.datastore.database import copy_in_memory
from agent.errors import OperationFailed, RpcError, RpcErrors


class InForce(RpcErrors):
    """The commit is in force and recorded, but a power failure may lose it.

    ``commit_id``: None if only the window of a confirmed commit was recorded.
    """

    def __init__(self, commit_id: int | None, problem: Exception) -> None:
        super().__init__(
            [
                OperationFailed(
                    f"the commit is in force and recorded, but the disk failed at the end ({problem}): a "
                    "power failure may lose it. Look after the disk, and commit again when it is in order",
                    app_tag="not-durable",
                )
            ]
        )
        self.commit_id = commit_id


def unknown(problem: Exception) -> RpcError:
    """Return the answer where nobody can tell what the next start will find."""
    return OperationFailed(
        f"the disk failed ({problem}) and cannot be read: whether the next start finds the commit recorded "
        "is not known. The server goes on without it; look at running after a start",
        app_tag="not-known",
    )


def found_by_a_start(path: Path, commit_id: int | None, window: Window | None) -> bool | None:
    """Return whether a start would find the commit in force.

    ``path``: of the history. ``commit_id`` None: whether it would find ``window``, or none. None is returned
    where that cannot be read.
    """
    try:
        with closing(copy_in_memory(path)) as found:
            if commit_id is None:
                row = found.execute("SELECT rollback_to, persist, user FROM confirmed_commit").fetchone()
                return bool(row == (window and (window.rollback_to, window.persist, window.user)))
            row = found.execute("SELECT state FROM commits WHERE id = ?", (commit_id,)).fetchone()
            return row is not None and row[0] == "committed"
    except (OSError, sqlite3.Error):
        return None
