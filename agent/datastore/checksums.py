"""Each row of the history carries a checksum, and one row the sum of them all.

So octets that a disk has changed, and rows that it has lost, are found before anything is believed.

SQLite keeps the sums itself, by triggers that live as long as a connection, so no statement can forget them;
agent.datastore.many_rows alone brings its own, and has them in the sum.
They are no protection from a person who may write the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agent.datastore.progress import Progress
from agent.datastore.row_sums import row_sum, sum_of_change, sum_of_unit
from agent.datastore.tables import ADDED, COLUMNS, KEYS, SEAL, SEALED

COLUMNS_4 = {
    table: tuple(name for name in names if name not in ADDED.get(table, ()))
    for table, names in COLUMNS.items()
    if table != "units"
}
"""The columns that a history of an older version has."""
_SUMS: Mapping[str, tuple[Callable[..., int], tuple[type, ...]]] = {
    "changes": (sum_of_change, (int, int, str, bytes, bytes)),
    "units": (sum_of_unit, (str, int, str)),
}
"""By table of which there are many rows: what computes the checksum of one of such kinds, without SQLite."""
MAX_FAULTS = 20
"""After so many nobody reads on."""


class Damaged(sqlite3.DatabaseError):
    """The sentences about what does not fit its checksum, most telling first."""

    def __init__(self, faults: Sequence[str]) -> None:
        shown = "; ".join(faults[:3])
        super().__init__(f"{shown}; and {len(faults) - 3} more" if len(faults) > 3 else shown)
        self.faults = tuple(faults)


def is_sealed(db: sqlite3.Connection) -> bool:
    """Return whether the rows of this history have checksums (since version 4 of the tables)."""
    return _is_there(db, "seal")


def is_current(db: sqlite3.Connection) -> bool:
    """Return whether the tables of this history are those of this version."""
    return is_sealed(db) and _is_there(db, "units")


def _is_there(db: sqlite3.Connection, table: str) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is not None


def columns_in(db: sqlite3.Connection) -> Mapping[str, Sequence[str]]:
    """Return the columns of each table that this history has of those that checksums are of."""
    return COLUMNS if is_current(db) else COLUMNS_4


def seal(db: sqlite3.Connection) -> None:
    """Give checksums to a history that an older version wrote; the caller holds a transaction."""
    db.execute("DROP TABLE IF EXISTS seal")
    for table in COLUMNS:
        if "checksum" not in {row[1] for row in db.execute(f"PRAGMA table_info({table})")}:
            db.execute(f"ALTER TABLE {table} ADD COLUMN checksum INTEGER")
    know_sums(db)
    rows = total = 0
    for table in COLUMNS:
        db.execute(f"UPDATE {table} SET checksum = {_sum_of(table, COLUMNS[table])}")
        for (checksum,) in db.execute(f"SELECT checksum FROM {table}"):
            rows, total = rows + 1, total ^ checksum
    db.execute(SEAL)
    db.execute("INSERT INTO seal VALUES (1, ?, ?, ?)", (rows, total, _schema_sum(db)))


def know_sums(db: sqlite3.Connection) -> None:
    """From now on what ``db`` reads can be compared with its checksums (``fits``)."""
    db.create_function("row_sum", -1, row_sum, deterministic=True)


def keep_sums(db: sqlite3.Connection) -> None:
    """From now on ``db`` gives each row that it writes its checksum, and refuses to change a damaged one."""
    db.execute("PRAGMA temp_store = MEMORY")
    know_sums(db)
    db.create_function("xor", 2, int.__xor__, deterministic=True)
    for table in COLUMNS:
        for statement in _triggers(table):
            db.execute(statement)


def verify(db: sqlite3.Connection, progress: Progress) -> None:
    """Compare every row with its checksum, and all of them with their sum.

    Raises:
        Damaged: something does not fit.
        Ended: the agent was told to stop.
    """
    faults: list[str] = []
    found = _Found()
    know_sums(db)
    for table, columns in columns_in(db).items():
        if table in _SUMS and (whole := _whole_rows(db, table, columns, seen=found.rows, progress=progress)):
            found.rows, found.total = found.rows + whole.rows, found.total ^ whole.total
            continue
        rows = _damaged_rows(db, table, _sum_of(table, columns), found=found, progress=progress)
        faults.extend(_readable(rows, table))
    faults.extend(_readable(_against_the_seal(db, found, certain=not faults), "seal"))
    if not faults:
        faults.extend(_readable(_integrity(db), "file"))
    if faults:
        raise Damaged(faults)


def _readable(faults: Iterator[str], what: str) -> Iterator[str]:
    try:
        yield from faults
    except (sqlite3.DatabaseError, UnicodeDecodeError) as problem:
        yield f"what it holds of {SEALED[what]} cannot be read: {problem}"


@dataclass(slots=True)
class _Found:
    """The sum of the rows that are there, as ``seal`` has that of those that were written."""

    rows: int = 0
    total: int = 0


def _whole_rows(
    db: sqlite3.Connection, table: str, columns: Sequence[str], *, seen: int, progress: Progress
) -> _Found | None:
    """Return what is found of a table of which all rows fit their checksums; None of any other, and of one
    that holds values of other kinds than are written."""
    sum_of, kinds = _SUMS[table]
    found = _Found()
    try:
        for checksum, *values in db.execute(f"SELECT checksum, {', '.join(columns)} FROM {table}"):
            progress.step("%d rows of the history compared with their checksums", seen + found.rows)
            if tuple(map(type, values)) != kinds or sum_of(*values) != checksum:
                return None
            found.rows += 1
            found.total ^= checksum
    except sqlite3.DatabaseError:  # of damaged pages, or text that is none
        return None
    return found


def _damaged_rows(
    db: sqlite3.Connection, table: str, sum_of: str, *, found: _Found, progress: Progress
) -> Iterator[str]:
    keys = ", ".join(KEYS[table])
    faults = 0
    for checksum, computed, *values in db.execute(f"SELECT checksum, {sum_of}, {keys} FROM {table}"):
        progress.step("%d rows of the history compared with their checksums", found.rows)
        found.rows += 1
        found.total ^= computed
        if checksum != computed and faults < MAX_FAULTS:
            faults += 1
            yield f"{name_of(table, values, db)} is damaged: it does not fit its checksum"


def name_of(table: str, key: Sequence[object], db: sqlite3.Connection) -> str:
    """Return words for a row, as far as its key can be trusted."""
    if table != "changes":
        return SEALED[table] + ("" if table == "confirmed_commit" else f" {key[0]}")
    row = db.execute(
        "SELECT CAST(path AS BLOB) FROM changes WHERE commit_id = ? AND position = ?", key
    ).fetchone()
    path = row[0].decode(errors="replace") if row and isinstance(row[0], bytes) else "a unit"
    return f"{path} of commit {key[0]}"


def _against_the_seal(db: sqlite3.Connection, found: _Found, *, certain: bool) -> Iterator[str]:
    row = db.execute("SELECT rows, total, model FROM seal").fetchone()
    if row is None:
        yield "the sum of all checksums is missing"
        return
    rows, total, model = row
    if rows != found.rows:
        yield f"{found.rows} rows are there, and {rows} were written"
    elif total != found.total and certain:
        yield "a row is missing, or is an older one: all checksums together do not give their sum"
    if model != _schema_sum(db):
        yield "the description of its tables is damaged"


def _integrity(db: sqlite3.Connection) -> Iterator[str]:
    for (sentence,) in db.execute(f"PRAGMA integrity_check({MAX_FAULTS})"):
        if sentence != "ok":
            yield str(sentence).replace("\n", " ")


def _schema_sum(db: sqlite3.Connection) -> int:
    rows = db.execute(
        "SELECT CAST(type AS BLOB), CAST(name AS BLOB), CAST(tbl_name AS BLOB), CAST(sql AS BLOB) "
        "FROM sqlite_master ORDER BY name"
    )
    return row_sum(*(part for row in rows for part in row))


def fits(table: str, columns: Sequence[str] = ()) -> str:
    """Return the SQL of whether a row of ``table`` is what was written; ``columns``: an older version's."""
    return f"({table}.checksum IS {_sum_of(table, columns or COLUMNS[table])})"


def _sum_of(table: str, columns: Sequence[str], row: str = "") -> str:
    """Return the SQL of a row's checksum; ``row``: "NEW." or "OLD." in a trigger."""
    # As octets, with their kind: SQLite keeps any kind of value in any column, and text need not be any.
    values = ", ".join(f"typeof({row}{name}), CAST({row}{name} AS BLOB)" for name in columns)
    return f"row_sum('{table}', {values})"


def _triggers(table: str) -> Iterator[str]:
    at = " AND ".join(f"{key} = NEW.{key}" for key in KEYS[table])
    new, old = (_sum_of(table, COLUMNS[table], row) for row in ("NEW.", "OLD."))
    kept = f"UPDATE {table} SET checksum = {new} WHERE {at};"
    refused = f"SELECT RAISE(ABORT, 'a row of {table} is damaged') WHERE OLD.checksum IS NOT {old};"
    yield (
        f"CREATE TEMP TRIGGER sum_inserted_{table} AFTER INSERT ON main.{table} "
        f"WHEN NEW.checksum IS NULL BEGIN {kept} "
        f"UPDATE seal SET rows = rows + 1, total = xor(total, {new}); END"
    )
    yield (
        f"CREATE TEMP TRIGGER sum_updated_{table} AFTER UPDATE OF {', '.join(COLUMNS[table])} "
        f"ON main.{table} BEGIN {refused} {kept} "
        f"UPDATE seal SET total = xor(xor(total, OLD.checksum), {new}); END"
    )
    yield (
        f"CREATE TEMP TRIGGER sum_deleted_{table} AFTER DELETE ON main.{table} BEGIN {refused} "
        "UPDATE seal SET rows = rows - 1, total = xor(total, OLD.checksum); END"
    )
