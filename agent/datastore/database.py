"""The SQLite file of the history: opened, written in transactions, read even where nothing can be written."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

ROOM_OCTETS = 256 * 1024
"""With less a start may get stuck half way: SQLite makes two files of its own beside the history."""
IN_MEMORY = ("/dev/shm", "/run")
_WHEN_UNWRITABLE = frozenset({
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
})  # fmt: skip


def unwritable(folder: Path) -> OSError | None:
    """Return why nothing can be written in ``folder``; None if something can."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(ROOM_OCTETS))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as problem:
        return problem
    return None


def about_writing(problem: BaseException | None) -> bool:
    """Return whether SQLite failed because it could not write."""
    return (
        isinstance(problem, sqlite3.OperationalError)
        and (getattr(problem, "sqlite_errorcode", 0) & 0xFF) in _WHEN_UNWRITABLE
    )


def copy_in_memory(path: Path) -> sqlite3.Connection:
    """Return the database at ``path``, with what its write-ahead log holds; the file is not touched.

    Raises:
        OSError: it cannot be read, or there is no other place to copy it to.
        sqlite3.Error: it is no database.
    """
    # Where SQLite cannot write it reads no write-ahead log (of an older version), and cannot take back what a
    # journal says was begun. So the files are taken where it can.
    place = next((folder for folder in IN_MEMORY if os.access(folder, os.W_OK)), None)
    with tempfile.TemporaryDirectory(prefix="yangswan-", dir=place) as folder:
        copy = Path(folder, path.name)
        for ending in ("", "-journal", "-wal"):
            source = path.with_name(path.name + ending)
            if source.exists():  # a copy ends SQLite's own locks, and the data folder has one that stays
                shutil.copyfile(source, copy.with_name(source.name))
        found = sqlite3.connect(copy)
        try:
            memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            try:
                found.backup(memory)
            except BaseException:
                memory.close()
                raise
        finally:
            found.close()
    return memory


def on_disk(path: Path) -> sqlite3.Connection:
    """Return the database at ``path``, made if it does not exist. Raises: OSError, sqlite3.Error."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    os.chmod(path, 0o600)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        # No write-ahead log: a damaged octet in one silently ends it, and with it what was acknowledged. And
        # what a failing disk has half written is taken back by the journal, in the next process too.
        db.execute("PRAGMA journal_mode=TRUNCATE")
        db.execute("PRAGMA synchronous=FULL")
    except BaseException:
        db.close()
        raise
    return db


class Transaction:
    """BEGIN IMMEDIATE ... COMMIT, or ROLLBACK when the block raises."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
