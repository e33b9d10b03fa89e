"""What a client is told of a commit that failed after it was begun, and the log of the reason."""

from __future__ import annotations

import logging
import sqlite3

from agent.datastore.database import about_writing
from agent.datastore.store_errors import NotRecorded
from agent.errors import BackendError, OperationFailed, ResourceDenied, RollbackFailed, RpcError

log = logging.getLogger(__name__)


def undone(problem: Exception, *, restored: bool = True) -> RpcError:
    """Return what to tell of a commit that failed after it was begun (RFC 6241 appendix A)."""
    backend = isinstance(problem, BackendError)
    if unwritten := _takes_nothing(problem):
        log.error("a commit was undone, as it could not be recorded: %s", problem)
    elif not backend:
        log.error("a commit failed by a fault of this server and was undone", exc_info=problem)
    if not restored:
        return RollbackFailed(
            f"the commit failed ({problem if backend else 'the log says why'}), and the backend could not be "
            "brought back to what running holds: it is out of step until it can be reached again",
            app_tag="backend-refused" if backend else "internal-error",
        )
    if backend:
        return OperationFailed(f"the commit was undone: {problem}", app_tag="backend-refused")
    if isinstance(problem, NotRecorded):
        return ResourceDenied(f"the commit was undone: {problem}", app_tag="history-read-only")
    if isinstance(problem, sqlite3.OperationalError) and "full" in str(problem):
        return ResourceDenied("the commit was undone: it could not be recorded on disk, which is full")
    if unwritten:
        return ResourceDenied(f"the commit was undone: it could not be recorded on disk: {problem}")
    reason = "it could not be recorded on disk" if isinstance(problem, sqlite3.Error) else "the log says why"
    return OperationFailed(f"the commit was undone: {reason}", app_tag="internal-error")


def _takes_nothing(problem: Exception) -> bool:
    """Return whether the disk is full or read-only; then nothing is wrong with it, nor with this server."""
    if isinstance(problem, NotRecorded) or "full" in str(problem):
        return isinstance(problem, sqlite3.OperationalError)
    return about_writing(problem) and "I/O" not in str(problem)
