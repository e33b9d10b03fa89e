"""What stands in the SQLite file of the history. Pure."""

from __future__ import annotations

# Of the tables, and of how units are written (agent.datastore.migration): who does not know it must not read.
SCHEMA_VERSION = 3
TABLES = """
CREATE TABLE IF NOT EXISTS commits (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL,
    user TEXT NOT NULL,
    session INTEGER NOT NULL,
    source TEXT NOT NULL,
    comment TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('applying', 'committed', 'undone'))
);
CREATE TABLE IF NOT EXISTS changes (
    commit_id INTEGER NOT NULL REFERENCES commits (id),
    position INTEGER NOT NULL,
    path TEXT NOT NULL,
    before BLOB NOT NULL,
    after BLOB NOT NULL,
    PRIMARY KEY (commit_id, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshots (
    commit_id INTEGER PRIMARY KEY,
    content BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS confirmed_commit (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    rollback_to INTEGER NOT NULL,
    timeout_s INTEGER NOT NULL,
    session INTEGER NOT NULL,
    user TEXT NOT NULL,
    source TEXT NOT NULL,
    persist TEXT
);
CREATE TABLE IF NOT EXISTS notes (
    name TEXT PRIMARY KEY,
    content TEXT NOT NULL
) WITHOUT ROWID;
"""
