"""What tests of datastores share: a configuration on a history in a folder, and one-line commits."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from agent.datastore.checksums import COLUMNS_4, columns_in
from agent.datastore.configuration import Configuration
from agent.datastore.edit import edit
from agent.datastore.records import CommitInfo
from agent.datastore.row_sums import row_sum
from agent.datastore.store import Store
from agent.datastore.tables import ADDED, KEYS, SEAL
from agent.yang.schema import Schema
from tests.agent.lab import config, direct, entry
from tests.agent.recording_translator import RecordingTranslator

INFO = CommitInfo("tester", 7, "127.0.0.1")
ONE = entry("<number>2</number>")


async def started(
    schema: Schema, folder: Path, translator: RecordingTranslator | None = None
) -> Configuration:
    store = Store(folder / "history.db")
    translators = [translator or RecordingTranslator()]
    configuration = Configuration(schema, store, translators=translators, worker=direct)
    await configuration.start()
    return configuration


def without_sums(file: Path, version: int) -> None:
    """Make a history that of a version before its rows had checksums."""
    as_version_4(file)
    with closing(sqlite3.connect(file)) as database:
        for table in COLUMNS_4:
            database.execute(f"ALTER TABLE {table} DROP COLUMN checksum")
        database.execute("DROP TABLE seal")
        database.execute(f"PRAGMA user_version = {version}")
        database.commit()
        database.execute("VACUUM")


def as_version_4(file: Path) -> None:
    """Make a history that of the version before commits said why they were made and undone."""
    with closing(sqlite3.connect(file)) as database:
        for table, columns in ADDED.items():
            for name in columns:
                database.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
        for statement in (
            "DROP TABLE units",
            "DROP INDEX changes_by_path",
            "DELETE FROM notes WHERE name = 'history-id'",
            "DROP TABLE seal",
            SEAL,
        ):
            database.execute(statement)
        rows = total = 0
        for table, names in COLUMNS_4.items():
            keys = ", ".join(KEYS[table])
            for row in database.execute(f"SELECT {', '.join(names)}, {keys} FROM {table}").fetchall():
                parts: list[str | bytes | None] = [table]
                for value in row[: len(names)]:
                    parts += [_KINDS[type(value)], None if value is None else _octets(value)]
                rows, total = rows + 1, total ^ row_sum(*parts)
                at = " AND ".join(f"{key} = ?" for key in KEYS[table])
                database.execute(
                    f"UPDATE {table} SET checksum = ? WHERE {at}", (row_sum(*parts), *row[len(names) :])
                )
        schema = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name")
        model = row_sum(*(part for row in schema.fetchall() for part in row))
        database.execute("INSERT INTO seal VALUES (1, ?, ?, ?)", (rows, total, model))
        database.execute("PRAGMA user_version = 4")
        database.commit()
        database.execute("VACUUM")


_KINDS = {str: "text", int: "integer", bytes: "blob", type(None): "null"}


def _octets(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def everything(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return all that is in a history, of whatever version."""
    with closing(sqlite3.connect(file)) as database:
        found = {
            table: database.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
            for table, columns in columns_in(database).items()
        }
        return found | {"version": database.execute("PRAGMA user_version").fetchall()}


async def commit(configuration: Configuration, body: str) -> int | None:
    edit(configuration.candidate, config(body))
    return await configuration.commit(INFO)
