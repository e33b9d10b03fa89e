"""The history of a file system that takes nothing more: full, or mounted read-only. It is read all the same."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

ROOM_OCTETS = 256 * 1024
"""With less a start may get stuck half way: SQLite makes two files of its own beside the history."""
_IN_MEMORY = ("/dev/shm", "/run")
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
    # SQLite reads a write-ahead log only where it can write. So both files are taken where it can.
    place = next((folder for folder in _IN_MEMORY if os.access(folder, os.W_OK)), None)
    with tempfile.TemporaryDirectory(prefix="yangswan-", dir=place) as folder:
        copy = Path(folder, path.name)
        for ending in ("", "-wal"):
            source = path.with_name(path.name + ending)
            if source.exists():
                shutil.copyfile(source, copy.with_name(source.name))
        found = sqlite3.connect(copy)
        try:
            memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            found.backup(memory)
        finally:
            found.close()
    return memory
