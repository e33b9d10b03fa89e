"""What stands in the SQLite file of the history. Pure.

``checksum`` of each row is kept by agent.datastore.checksums, and so is the row of ``seal``.
"""

from __future__ import annotations

# Of the tables, and of how units are written (agent.datastore.migration): who does not know it must not read.
SCHEMA_VERSION = 5
SEALED_SINCE = 4
"""The first version whose rows have checksums."""
TABLES = """
CREATE TABLE IF NOT EXISTS commits (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL,
    user TEXT NOT NULL,
    session INTEGER NOT NULL,
    source TEXT NOT NULL,
    comment TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('applying', 'committed', 'undone')),
    cause TEXT NOT NULL DEFAULT 'client',
    reason TEXT NOT NULL DEFAULT '',
    checksum INTEGER
);
CREATE TABLE IF NOT EXISTS changes (
    commit_id INTEGER NOT NULL REFERENCES commits (id),
    position INTEGER NOT NULL,
    path TEXT NOT NULL,
    before BLOB NOT NULL,
    after BLOB NOT NULL,
    checksum INTEGER,
    PRIMARY KEY (commit_id, position)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS changes_by_path ON changes (path);
CREATE TABLE IF NOT EXISTS snapshots (
    commit_id INTEGER PRIMARY KEY,
    content BLOB NOT NULL,
    checksum INTEGER
);
CREATE TABLE IF NOT EXISTS confirmed_commit (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    rollback_to INTEGER NOT NULL,
    timeout_s INTEGER NOT NULL,
    session INTEGER NOT NULL,
    user TEXT NOT NULL,
    source TEXT NOT NULL,
    persist TEXT,
    verify TEXT,
    checksum INTEGER
);
CREATE TABLE IF NOT EXISTS notes (
    name TEXT PRIMARY KEY,
    content TEXT NOT NULL,
    checksum INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS units (
    path TEXT PRIMARY KEY,
    commit_id INTEGER NOT NULL,
    time TEXT NOT NULL,
    checksum INTEGER
) WITHOUT ROWID;
"""
"""``units``: the last commit in force that changed a unit, and its time, also where that is kept no longer.
``reason``: why a commit was undone. Statements, of which none holds a semicolon of its own."""
ADDED = {
    "commits": {"cause": "TEXT NOT NULL DEFAULT 'client'", "reason": "TEXT NOT NULL DEFAULT ''"},
    "confirmed_commit": {"verify": "TEXT"},
}
"""Columns that version 5 brought; ``units`` is as new as they."""
SEAL = """
CREATE TABLE IF NOT EXISTS seal (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    rows INTEGER NOT NULL,
    total INTEGER NOT NULL,
    model INTEGER NOT NULL
)
"""
"""``rows``: how many there are. ``total``: all their checksums together. ``model``: that of the tables."""
COLUMNS = {
    "commits": ("id", "time", "user", "session", "source", "comment", "state", "cause", "reason"),
    "changes": ("commit_id", "position", "path", "before", "after"),
    "snapshots": ("commit_id", "content"),
    "confirmed_commit": ("one", "rollback_to", "timeout_s", "session", "user", "source", "persist", "verify"),
    "notes": ("name", "content"),
    "units": ("path", "commit_id", "time"),
}
"""The columns of each table that its checksums are of."""
KEYS = {
    "commits": ("id",),
    "changes": ("commit_id", "position"),
    "snapshots": ("commit_id",),
    "confirmed_commit": ("one",),
    "notes": ("name",),
    "units": ("path",),
}
SEALED = {
    "commits": "commit",
    "changes": "the units of commits",
    "snapshots": "the snapshot of commit",
    "confirmed_commit": "the pending confirmed commit",
    "notes": "the note",
    "units": "the last change of",
    "seal": "the sum of all checksums",
    "file": "its pages",
}
"""What a table holds, in words."""
