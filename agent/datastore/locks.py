"""Datastore locks (RFC 6241 section 7.5): refused at once, with the owner's session-id."""

from __future__ import annotations

from agent.errors import ErrorType, InUse, LockDenied, OperationFailed


class Locks:
    """Who holds which datastore. A session's locks go with it."""

    def __init__(self) -> None:
        self._owner: dict[str, tuple[int, str]] = {}

    def lock(self, datastore: str, session_id: int, time: str) -> None:
        """Take the lock; ``time`` is remembered for monitoring.

        Raises:
            LockDenied: somebody holds it, the caller included.
        """
        self.refuse_held(datastore)
        self._owner[datastore] = (session_id, time)

    def unlock(self, datastore: str, session_id: int) -> None:
        """Give the lock back.

        Raises:
            OperationFailed: the caller does not hold it.
        """
        self.refuse_unlock(datastore, session_id)
        del self._owner[datastore]

    def refuse_held(self, datastore: str) -> None:
        """Raise LockDenied if any session, the caller's own included, holds the lock."""
        if datastore in self._owner:
            raise LockDenied(datastore, self._owner[datastore][0])

    def refuse_unlock(self, datastore: str, session_id: int) -> None:
        """Raise OperationFailed unless the session holds the lock."""
        if self._owner.get(datastore, (0, ""))[0] != session_id:
            raise OperationFailed(
                f"session {session_id} does not hold the lock on {datastore}", type=ErrorType.PROTOCOL
            )

    def owner(self, datastore: str) -> tuple[int, str] | None:
        """Return (session-id, time of locking), or None."""
        return self._owner.get(datastore)

    def refuse_others(self, datastore: str, session_id: int) -> None:
        """Raise InUse if another session holds the lock."""
        held = self._owner.get(datastore)
        if held is not None and held[0] != session_id:
            raise InUse(f"the {datastore} datastore is locked by session {held[0]}", type=ErrorType.PROTOCOL)

    def release_all(self, session_id: int) -> list[str]:
        """Release every lock of a session that ends; returns their datastores."""
        mine = [name for name, (owner, _) in self._owner.items() if owner == session_id]
        for name in mine:
            del self._owner[name]
        return mine
