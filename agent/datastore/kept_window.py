"""The open window of a confirmed commit, as the history keeps it: one row, or none.

A start that finds one is too late for it: what was not confirmed is taken back.
"""

from __future__ import annotations

import sqlite3

from agent.datastore.confirmed import Verify, Window


def keep_window(db: sqlite3.Connection, window: Window | None) -> None:
    """Have ``window`` in the place of what was open; None: nothing is."""
    db.execute("DELETE FROM confirmed_commit")
    if window is not None:
        db.execute(
            "INSERT INTO confirmed_commit (one, rollback_to, timeout_s, session, user, source, "
            "persist, verify) VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
            (
                window.rollback_to,
                window.timeout_s,
                window.session_id,
                window.user,
                window.source,
                window.persist,
                window.verify and window.verify.written(),
            ),
        )


def kept_window(db: sqlite3.Connection) -> Window | None:
    """Return the window that was open when the program ended.

    Raises:
        sqlite3.DatabaseError: what is kept of it is damaged.
    """
    row = db.execute(
        "SELECT rollback_to, timeout_s, session, user, source, persist, verify FROM confirmed_commit"
    ).fetchone()
    if row is None:
        return None
    rollback_to, timeout_s, session_id, user, source, persist, verify = row
    if not isinstance(rollback_to, int):
        raise sqlite3.DatabaseError("what a pending confirmed commit goes back to is damaged")
    try:
        waits_for = None if verify is None else Verify.read(verify)
    except (ValueError, KeyError, TypeError) as problem:
        raise sqlite3.DatabaseError("what a pending confirmed commit waits for is damaged") from problem
    return Window(
        rollback_to=rollback_to,
        timeout_s=timeout_s,
        deadline_s=0.0,
        session_id=session_id,
        user=user,
        source=source,
        persist=persist,
        verify=waits_for,
    )
