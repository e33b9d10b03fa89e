"""The SQLite file of the history: opened, written in transactions, read even where nothing can be written."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import get_ident
from typing import Any

from agent.datastore.tables import ADDED, COLUMNS, SCHEMA_VERSION
from agent.regular_file import ENDINGS, demand_regular
from agent.yang.gate import PAUSES

ROOM_OCTETS = 256 * 1024
"""With less a start may get stuck half way: SQLite makes two files of its own beside the history."""
JOURNAL_OCTETS = 1024 * 1024
"""What of a journal stays beside the history."""
IN_MEMORY = ("/dev/shm", "/run")
_WHEN_UNWRITABLE = frozenset({
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
})  # fmt: skip
_ALWAYS_THERE = ("commits", "changes")
"""The tables that the histories of all versions have."""


class Foreign(sqlite3.DatabaseError):
    """A database that is no history; the message says why."""


class OtherThread(RuntimeError):
    """A defect of this program: a history was used on a thread that is not its own."""


class Confined(sqlite3.Connection):
    """A connection that one thread alone uses, from ``confine`` on.

    Where SQLite calls Python, as for the checksum of a row, a thread has SQLite's lock and waits for that of
    Python. Another one that has Python's, and asks SQLite for something, waits for the first: both for ever.
    """

    _thread: int | None = None

    def confine(self) -> None:
        """From now on the thread that calls this is the only one."""
        self._thread = get_ident()

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        self._demand_own_thread()
        return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:
        self._demand_own_thread()
        return super().executemany(sql, parameters)

    def executescript(self, sql_script: str, /) -> sqlite3.Cursor:
        self._demand_own_thread()
        return super().executescript(sql_script)

    def _demand_own_thread(self) -> None:
        if self._thread not in (None, get_ident()):
            raise OtherThread("the history is used outside of the thread that owns it")


def demand_ours(db: sqlite3.Connection, path: Path, *, new: bool) -> None:
    """Refuse a database that has not our tables; nothing is written.

    ``new``: whether a file without an octet is one, as a first start leaves that was interrupted.

    Raises:
        Foreign: it is so.
        sqlite3.Error: it is no database.
    """
    # First: reading takes back what a journal says was begun, and then there may be nothing.
    version = db.execute("PRAGMA user_version").fetchone()[0]
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    if pages == 0 and path.stat().st_size == 0:
        if not new:
            raise Foreign("it is empty")
        return
    if version > SCHEMA_VERSION and has_any_table(db):
        return  # what its tables are is not known here
    for table in _ALWAYS_THERE:
        if not set(COLUMNS[table]) - ADDED.get(table, {}).keys() <= {
            row[1] for row in db.execute(f"PRAGMA table_info({table})")
        }:
            raise Foreign(f"it is no history of this program, which has a table {table}")


def has_any_table(db: sqlite3.Connection) -> bool:
    """Return whether there is a table that a history has."""
    return any(db.execute(f"PRAGMA table_info({table})").fetchone() for table in COLUMNS)


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


def copy_in_memory(path: Path, *, new: bool = True) -> Confined:
    """Return the database at ``path``, with what its write-ahead log holds; the file is not touched.

    Raises:
        OSError: it cannot be read, or there is no other place to copy it to.
        sqlite3.Error: it is no database, or no history (``demand_ours``).
    """
    demand_regular(path)
    # Where SQLite cannot write it reads no write-ahead log (of an older version), and cannot take back what a
    # journal says was begun. So the files are taken where it can.
    place = next((folder for folder in IN_MEMORY if os.access(folder, os.W_OK)), None)
    with tempfile.TemporaryDirectory(prefix="yangswan-", dir=place) as folder:
        copy = Path(folder, path.name)
        for ending in ENDINGS:
            source = path.with_name(path.name + ending)
            if source.exists():  # a copy ends SQLite's own locks, and the data folder has one that stays
                shutil.copyfile(source, copy.with_name(source.name))
        found = sqlite3.connect(copy)
        try:
            demand_ours(found, copy, new=new)
            return _in_memory(found)
        finally:
            found.close()


def copy_while_used(path: Path) -> Confined:
    """Return the database at ``path`` as the last commit left it, though another process has it open.

    Raises:
        OSError: it cannot be read.
        sqlite3.Error: it is no database, or no history (``demand_ours``).
    """
    demand_regular(path)
    # Never a look beside SQLite: a file that is being written would be half of this and half of that.
    found = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        demand_ours(found, path, new=False)
        return _in_memory(found)
    finally:
        found.close()


def _in_memory(found: sqlite3.Connection) -> Confined:
    memory = _connected(":memory:")
    try:
        found.backup(memory)
    except BaseException:
        memory.close()
        raise
    return memory


def _connected(path: Path | str) -> Confined:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Confined)


def on_disk(path: Path, *, new: bool = True) -> Confined:
    """Return the database at ``path``; ``new``: it is made if there is none, readable by its owner only.

    Raises:
        OSError: it cannot be opened, or is no file of its own.
        sqlite3.Error: it is no database, or no history (``demand_ours``).
    """
    demand_regular(path)
    os.close(_opened(path, new=new))
    db = _connected(path)
    try:
        demand_ours(db, path, new=new)
        if path.stat().st_size == 0:  # before it has a table: so that it can become smaller
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        # No write-ahead log: a damaged octet in one silently ends it, and with it what was acknowledged. And
        # what a failing disk has half written is taken back by the journal, in the next process too.
        # That keeps its length, for a change of it costs a file system a journal of its own: zeros over the
        # header, on disk before COMMIT returns, end it as surely as its last octet gone.
        db.execute("PRAGMA journal_mode=PERSIST")
        db.execute(f"PRAGMA journal_size_limit={JOURNAL_OCTETS}")
        db.execute("PRAGMA synchronous=FULL")
    except BaseException:
        db.close()
        raise
    return db


def _opened(path: Path, *, new: bool) -> int:
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    if new:
        with suppress(FileExistsError):
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
            os.fchmod(descriptor, 0o600)  # whatever the umask is
            return descriptor
    return os.open(path, flags)


class Transaction:
    """BEGIN IMMEDIATE ... COMMIT, or ROLLBACK when the block raises.

    Others have their turn while the thread waits for the disk, so it need not pause for them right after.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                PAUSES.rest()
                self._db.execute("COMMIT")
                PAUSES.resume()
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
