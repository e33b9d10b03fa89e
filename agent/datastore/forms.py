"""The tables of a history that an older version wrote become those of this one.

Up to version 3 rows have no checksums; version 4 knows neither why a commit was made or undone, nor which
commit changed a unit last. What units hold is agent.datastore.migration's part; both are done in one step.
"""

from __future__ import annotations

import secrets
import sqlite3

from agent.datastore.checksums import Damaged, is_current, is_sealed, seal
from agent.datastore.database import Transaction
from agent.datastore.records import Cause
from agent.datastore.tables import ADDED, SCHEMA_VERSION, SEALED_SINCE, TABLES

HISTORY_ID = "history-id"
"""The note that tells two histories apart: commits of both may have the same numbers."""
MODEL = "model:"
"""Begins the notes that tell which moves of a translator's model a history has seen."""
KEEP_NOTE = (
    "INSERT INTO notes (name, content) VALUES (?, ?) "
    "ON CONFLICT (name) DO UPDATE SET content = excluded.content"
)
_LATER = (
    "ON CONFLICT (path) DO UPDATE SET commit_id = excluded.commit_id, time = excluded.time "
    "WHERE excluded.commit_id > units.commit_id"
)
CHANGED = f"INSERT INTO units (path, commit_id, time) VALUES (?, ?, ?) {_LATER}"
CHANGED_LAST = (
    "INSERT INTO units (path, commit_id, time) "
    "SELECT path, max(commit_id), time FROM changes JOIN commits ON commits.id = commit_id "
    f"WHERE state = 'committed' GROUP BY path {_LATER}"
)
"""Fills ``units`` from what is recorded."""
# Until version 4 no client could give a comment, so what there is the agent wrote.
_CAUSES = {
    "rollback of a confirmed commit: %": Cause.ROLLBACK,
    "rollback at start": Cause.START,
    "first rules of access control": Cause.START,
    "%closed by --repair": Cause.REPAIR,
}


def look(db: sqlite3.Connection) -> None:
    """Make what is missing of the tables of a history without checksums; one that has them is only looked at.

    Raises:
        Damaged: its tables are not those of the version that it names. It is no later one.
    """
    version = db.execute("PRAGMA user_version").fetchone()[0]
    named = (version >= SEALED_SINCE, version == SCHEMA_VERSION)
    if named != (is_sealed(db), is_current(db)):
        raise Damaged([f"it says that its form is {version}, and holds another"])
    if version < SEALED_SINCE:
        with Transaction(db):
            _make_tables(db, but="units")  # who has it is taken for one of this version


def _make_tables(db: sqlite3.Connection, *, but: str = "none") -> None:
    for statement in TABLES.split(";"):
        if f" {but} " not in statement:
            db.execute(statement)


def begin_conversion(db: sqlite3.Connection) -> None:
    """Bring the tables to the form of this version; the caller holds a transaction, and seals it."""
    _make_tables(db)
    for table, columns in ADDED.items():
        there = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
        for name in columns.keys() - there:
            db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {columns[name]}")
    name_causes(db)
    db.execute(CHANGED_LAST)
    db.execute(KEEP_NOTE, (HISTORY_ID, new_history_id()))


def name_causes(db: sqlite3.Connection) -> None:
    """Say what caused the commits that an older version recorded."""
    causes = [(str(cause), comment) for comment, cause in _CAUSES.items()]
    db.executemany("UPDATE commits SET cause = ? WHERE comment LIKE ?", causes)


def seal_form(db: sqlite3.Connection) -> None:
    seal(db)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def new_history_id() -> str:
    """Return 64 random bits, as hexadecimal digits."""
    return secrets.token_hex(8)
