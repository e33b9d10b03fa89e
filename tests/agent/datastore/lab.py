"""What tests of datastores share: a configuration on a history in a folder, and one-line commits."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from agent.datastore.configuration import Configuration
from agent.datastore.edit import edit
from agent.datastore.records import CommitInfo
from agent.datastore.store import Store
from agent.datastore.tables import COLUMNS
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
    database = sqlite3.connect(file)
    for table in COLUMNS:
        database.execute(f"ALTER TABLE {table} DROP COLUMN checksum")
    database.execute("DROP TABLE seal")
    database.execute(f"PRAGMA user_version = {version}")
    database.commit()
    database.execute("VACUUM")
    database.close()


async def commit(configuration: Configuration, body: str) -> int | None:
    edit(configuration.candidate, config(body))
    return await configuration.commit(INFO)
