"""A commit and its units, written many rows at a step.

SQLite would ask for the checksum of each row twice, and have to wait for Python's lock as often. The sums are
those that the triggers of agent.datastore.checksums keep, which leave a row alone that brings its own. The
caller holds a transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import islice
from operator import xor
from typing import TypeVar

from agent.datastore.records import UnitChange
from agent.datastore.row_sums import sum_of_change, sum_of_octets, sum_of_unit
from agent.datastore.tables import COLUMNS

AT_ONCE = 100
_ADD = "INSERT INTO changes (commit_id, position, path, before, after, checksum) VALUES "
_NOTE = "INSERT OR REPLACE INTO units (path, commit_id, time, checksum) VALUES "
_COMMIT = f"INSERT INTO commits ({', '.join(COLUMNS['commits'])}, checksum) VALUES "
# The exclusive or, by what SQLite has itself.
_SEAL = "UPDATE seal SET rows = rows + ?1, total = (total | ?2) & ~(total & ?2)"

Row = tuple[int | str | bytes | None, ...]
_Change = tuple[int, int, str, bytes, bytes]
_KINDS = {int: b"7:integer,", str: b"4:text,", bytes: b"4:blob,", type(None): b"4:null,"}
"""What stands in the checksum before a value of each kind."""


Written = tuple[int, int]
"""How many rows more there are, and their checksums together: ``seal`` has to follow."""


def seal(db: sqlite3.Connection, *written: Written) -> None:
    """Have what was ``written`` in the sum of all rows."""
    db.execute(_SEAL, (sum(rows for rows, _ in written), reduce(xor, (total for _, total in written))))


def add_commit(db: sqlite3.Connection, row: Row) -> Written:
    """Record a commit, of which ``row`` has all columns."""
    own = sum_of("commits", row)
    _write(db, _COMMIT, [row], [own])
    return 1, own


def add_changes(db: sqlite3.Connection, commit_id: int, changes: Sequence[UnitChange]) -> Written:
    """Record what a commit changes."""
    rows: Iterator[_Change] = ((commit_id, n, c.path, c.before, c.after) for n, c in enumerate(changes))
    total = 0
    for piece in _pieces(rows):
        sums = [sum_of_change(*row) for row in piece]
        _write(db, _ADD, piece, sums)
        total = reduce(xor, sums, total)
    return len(changes), total


def note_changed(db: sqlite3.Connection, commit_id: int, time: str, paths: Iterable[str]) -> Written:
    """Record that a commit, which is in force, was the last to change what is at ``paths``.

    Raises:
        sqlite3.IntegrityError: what was recorded of one is damaged.
    """
    count = total = 0
    for piece in _pieces((path, commit_id, time) for path in dict.fromkeys(paths)):
        before = [_checked(row) for row in _noted(db, [row[0] for row in piece])]
        sums = [sum_of_unit(*row) for row in piece]
        _write(db, _NOTE, piece, sums)
        count += len(piece) - len(before)
        total = reduce(xor, [*before, *sums], total)
    return count, total


def note_recorded(db: sqlite3.Connection, commit_id: int) -> Written:
    """Do what ``note_changed`` does of all units that a commit has recorded, at its time. Raises: as that."""
    row = db.execute("SELECT time FROM commits WHERE id = ?", (commit_id,)).fetchone()
    rows = db.execute("SELECT path FROM changes WHERE commit_id = ?", (commit_id,)).fetchall()
    return note_changed(db, commit_id, "" if row is None else row[0], [path for (path,) in rows])


def sum_of(table: str, row: Row) -> int:
    """Return the checksum of a row, as SQLite computes it of the same values."""
    parts = [b"%d:%b," % (len(table), table.encode())]
    for value in row:
        octets = value if isinstance(value, bytes) else b"" if value is None else str(value).encode()
        parts += (_KINDS[type(value)], b"%d:" % len(octets), octets, b",")
    return sum_of_octets(b"".join(parts))


_AnyRow = TypeVar("_AnyRow", bound=Row)


def _pieces(rows: Iterable[_AnyRow]) -> Iterator[list[_AnyRow]]:
    remaining = iter(rows)
    while piece := list(islice(remaining, AT_ONCE)):
        yield piece


def _write(db: sqlite3.Connection, statement: str, rows: Sequence[Row], sums: Sequence[int]) -> None:
    places = f"({', '.join('?' * (len(rows[0]) + 1))})"
    values = [value for row, own in zip(rows, sums, strict=True) for value in (*row, own)]
    db.execute(statement + ", ".join([places] * len(rows)), values)


def _noted(db: sqlite3.Connection, paths: Sequence[object]) -> list[Row]:
    places = ", ".join("?" * len(paths))
    statement = f"SELECT path, commit_id, time, checksum FROM units WHERE path IN ({places})"
    return db.execute(statement, paths).fetchall()


def _checked(row: Row) -> int:
    path, commit_id, time, checksum = row
    if type(path) is str and type(commit_id) is int and type(time) is str:
        own: int | None = sum_of_unit(path, commit_id, time)
    else:  # no agent has written that
        values = row[:-1]
        own = sum_of("units", values) if all(type(value) in _KINDS for value in values) else None
    if own is None or checksum != own:
        raise sqlite3.IntegrityError("a row of units is damaged")
    return own
