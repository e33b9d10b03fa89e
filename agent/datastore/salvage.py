"""What is whole in a damaged history, and a new one made of it: for who has no copy of the data folder.

A row is whole if it fits its checksum. In a history of an older version, which has none, it is whole if it is
what a row has to be. If rules of access control may be lost, the new history ends with a commit that closes
access, so that it is never more open than it was.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.datastore.checksums import columns_in, fits, is_sealed, name_of
from agent.datastore.database import IN_MEMORY, has_any_table
from agent.datastore.fitting import NACM, RULE_LISTS
from agent.datastore.forms import CHANGED_LAST, HISTORY_ID, MODEL, name_causes
from agent.datastore.records import SERVER, Cause, UnitChange, timestamp
from agent.datastore.row_sums import row_sum
from agent.datastore.store import Store
from agent.datastore.store_errors import HIGHEST_VERSION, StoreNewer
from agent.datastore.tables import COLUMNS, KEYS, SCHEMA_VERSION
from agent.regular_file import ENDINGS, demand_regular
from agent.yang.schema_node import NACM_MODULE

PAGE_OCTETS = 4096
NEWER_VERSIONS = range(SCHEMA_VERSION + 1, HIGHEST_VERSION + 1)
PLAUSIBLE_IDS = range(1, 2**31)
"""A damaged row may give another number: what follows it has to be one that a commit can have."""
_UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
"""The second: SQLite quotes the file in what it says."""
_HEADER = (
    (0, b"SQLite format 3\0" + PAGE_OCTETS.to_bytes(2) + bytes((1, 1, 0, 64, 32, 32))),
    (28, bytes(12)),  # the size in pages, which is then taken from the file, and the list of free pages
    (44, (4).to_bytes(4)),
    (52, bytes(4) + (1).to_bytes(4)),
    (64, bytes(4)),
    (72, bytes(20)),
)
"""What is the same in every history, by its place: one octet of it hides all the rest."""


@dataclass(slots=True)
class Salvaged:
    """``rows`` of each table that are whole, of ``columns``; ``lost``: a sentence about each that is not.
    ``rules_lost``: rules of access control may be among them. ``has_sums``: there were checksums to compare
    with. ``highest``: the number of the newest commit of which there is a trace."""

    rows: dict[str, list[Sequence[object]]] = field(default_factory=lambda: {table: [] for table in COLUMNS})
    columns: Mapping[str, Sequence[str]] = field(default_factory=lambda: COLUMNS)
    lost: list[str] = field(default_factory=list)
    rules_lost: bool = False
    has_sums: bool = False
    highest: int = 0

    def trace(self, commit_id: object) -> None:
        if isinstance(commit_id, int) and commit_id in PLAUSIBLE_IDS:
            self.highest = max(self.highest, commit_id)

    def lose(self, sentence: str, *, rules: bool) -> None:
        self.lost.append(sentence)
        self.rules_lost = self.rules_lost or rules


def salvaged(path: Path) -> Salvaged:
    """Return what is whole in the history at ``path``, of which nothing is touched.

    Raises:
        StoreNewer: a newer version wrote it.
        OSError: it cannot be read, or is no file of its own.
    """
    demand_regular(path)
    found = Salvaged()
    if not path.exists() or path.stat().st_size == 0:
        found.lose(f"everything: {path} is {'empty' if path.exists() else 'missing'}", rules=True)
        return found
    place = next((folder for folder in IN_MEMORY if os.access(folder, os.W_OK)), None)
    with tempfile.TemporaryDirectory(prefix="yangswan-", dir=place) as folder:
        copy = _mended_copy(path, Path(folder))
        try:
            with closing(sqlite3.connect(copy)) as db:
                _read(db, found, path)
        except _UNREADABLE as problem:
            found.lose(f"everything that was not read before: {problem}", rules=True)
    return found


def _mended_copy(path: Path, folder: Path) -> Path:
    copy = folder / path.name
    for ending in ENDINGS:
        source = path.with_name(path.name + ending)
        if source.exists():
            shutil.copyfile(source, copy.with_name(source.name))
    if not path.with_name(path.name + "-wal").exists():
        with copy.open("r+b") as file:
            for place, octets in _HEADER:
                file.seek(place)
                file.write(octets)
    return copy


def _read(db: sqlite3.Connection, found: Salvaged, path: Path) -> None:
    db.text_factory = lambda octets: octets.decode(errors="replace")
    db.create_function("row_sum", -1, row_sum, deterministic=True)
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if not has_any_table(db):
        found.lose(f"everything: {path} is no history of this program: it has no table of one", rules=True)
        return
    if version in NEWER_VERSIONS:
        raise StoreNewer(f"{path} was written by a newer version of this program: let that repair it")
    found.has_sums = is_sealed(db)
    found.columns = columns_in(db)
    there = 0
    for table in COLUMNS:
        if table == "units" and table not in found.columns:
            continue  # an older version does not have it
        for key, (whole, row) in _rows(db, table, found).items():
            there += 1
            if whole or table in ("commits", "changes", "snapshots"):
                found.trace(row[1] if table in ("units", "confirmed_commit") else row[0])
            if whole:
                found.rows[table].append(row)
            else:
                found.lose(_name(table, key, db), rules=_may_hold_rules(table, key, row, db))
    _count(db, found, there)
    _without_commits(found)
    _without_way_back(found)


def _rows(
    db: sqlite3.Connection, table: str, found: Salvaged
) -> dict[Sequence[object], tuple[bool, Sequence[object]]]:
    """Return what can be read of a table, by its keys: from both ends, up to where it is damaged."""
    whole = fits(table, found.columns.get(table, ())) if found.has_sums else "1"
    keys, count = KEYS[table], len(KEYS[table])
    names = ", ".join((*keys, *found.columns.get(table, COLUMNS[table])))
    read: dict[Sequence[object], tuple[bool, Sequence[object]]] = {}
    for order in ("ASC", "DESC"):
        ordered = ", ".join(f"{key} {order}" for key in keys)
        wanted = f"SELECT {whole}, {names} FROM {table} ORDER BY {ordered}"
        seen: set[Sequence[object]] = set()
        try:
            for is_whole, *values in db.execute(wanted):
                key, row = tuple(values[:count]), values[count:]
                if key in seen:
                    raise sqlite3.DatabaseError("its pages lead in a circle")
                seen.add(key)
                read.setdefault(key, (bool(is_whole) and _is_row(table, row), row))
        except _UNREADABLE as problem:
            if order == "ASC":
                # With checksums it is known whether rows are missing in the end.
                what = f"a part of the table {table}, between what can be read of it: {problem}"
                found.lose(what, rules=not found.has_sums)
            continue
        break
    return read


def _is_row(table: str, row: Sequence[object]) -> bool:
    if table == "changes":
        return isinstance(row[2], str) and isinstance(row[3], bytes) and isinstance(row[4], bytes)
    if table == "units":
        return isinstance(row[0], str) and isinstance(row[1], int) and isinstance(row[2], str)
    return table != "snapshots" or isinstance(row[1], bytes)


def _name(table: str, key: Sequence[object], db: sqlite3.Connection) -> str:
    try:
        return name_of(table, key, db)
    except _UNREADABLE:
        return f"a row of the table {table}"


def _may_hold_rules(table: str, key: Sequence[object], row: Sequence[object], db: sqlite3.Connection) -> bool:
    """Return whether rules of access control may depend on a row that is damaged."""
    if table == "changes":
        # Its path, and what was before and after, would all have to be damaged not to tell.
        return any("nacm" in str(value).lower() for value in row)
    if table == "commits":
        of_one = db.execute("SELECT path, before, after FROM changes WHERE commit_id = ?", key)
        return any("nacm" in str(value).lower() for change in of_one for value in change)
    if table == "snapshots":
        # Without it all commits are read again, if there are still all of them.
        return db.execute("SELECT 1 FROM commits WHERE id = 1").fetchone() is None
    return table == "confirmed_commit"  # a note says nothing of rules, nor does when a unit was changed


def _count(db: sqlite3.Connection, found: Salvaged, there: int) -> None:
    if not found.has_sums:
        return
    row = db.execute("SELECT rows, total FROM seal").fetchone()
    if row is None or not all(isinstance(value, int) for value in row):
        found.lose("how many rows there were is not known any more", rules=True)
    elif row[0] != there:
        found.lose(f"{row[0] - there} rows of which nothing is left; nobody knows what they said", rules=True)
    elif not found.lost and row[1] != _total(db):
        found.lose("one row is an older one than was there, and nobody knows which", rules=True)


def _total(db: sqlite3.Connection) -> int:
    total = 0
    for table in columns_in(db):
        for (checksum,) in db.execute(f"SELECT checksum FROM {table}"):
            total ^= checksum
    return total


def _without_commits(found: Salvaged) -> None:
    """Leave out what was changed by commits of which is not known whether they came into force."""
    known = {row[0] for row in found.rows["commits"]}
    kept: list[Sequence[object]] = []
    for row in found.rows["changes"]:
        if row[0] in known:
            kept.append(row)
        else:
            what = f"{row[2]} of commit {row[0]}, as nobody knows whether it came into force"
            found.lose(what, rules="nacm" in str(row).lower())
    found.rows["changes"] = kept


def _without_way_back(found: Salvaged) -> None:
    """Leave a pending confirmed commit in force if what it goes back to cannot be had any more."""
    oldest = min((int(str(row[0])) for row in found.rows["commits"]), default=None)
    for row in found.rows["confirmed_commit"]:
        back = int(str(row[1]))
        if oldest is None or back < oldest != 1:
            changes = (change for change in found.rows["changes"] if int(str(change[0])) > back)
            found.lose(
                f"commit {back}, which the pending confirmed commit goes back to: it stays in force",
                rules=any("nacm" in str(change).lower() for change in changes),
            )
            found.rows["confirmed_commit"] = []


def rebuild(path: Path, found: Salvaged, notes: Mapping[str, str]) -> None:
    """Make a history of what is whole, with ``notes`` where it has none of these names.

    It has another ``history-id``: the number of a commit that is lost without a trace may be given again. Of
    its form (``model:``) only if it had checksums: without it the next start converts it.

    Raises:
        StoreError, sqlite3.Error, OSError: it cannot be written.
    """
    if found.rules_lost and found.rows["confirmed_commit"]:
        found.rows["confirmed_commit"] = []  # its rollback would take back what closes access
    with closing(Store(path)) as store:
        there = {row[0] for row in found.rows["notes"]}
        missing = {name: text for name, text in notes.items() if name not in there}
        if not found.has_sums:
            missing = {name: text for name, text in missing.items() if not name.startswith(MODEL)}
        with store.rewriting(missing) as db:
            for table, columns in found.columns.items():
                places = ", ".join("?" * len(columns))
                statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"
                db.executemany(statement, (row for row in found.rows[table] if row[0] != HISTORY_ID))
            if found.columns != COLUMNS:
                name_causes(db)
            db.execute(CHANGED_LAST)
            if found.highest > max((int(str(row[0])) for row in found.rows["commits"]), default=0):
                _go_on_after(found.highest, db)
        if found.rules_lost:
            store.finish(store.begin(_CLOSING, list(_closed()), timestamp()))


def _go_on_after(highest: int, db: sqlite3.Connection) -> None:
    """Record a commit after those that are lost, which changed nothing.

    A start reads what was committed after the snapshot, so later commits must not have lower numbers.
    """
    db.execute(
        "INSERT INTO commits (id, time, user, session, source, comment, state, cause) "
        "VALUES (?, ?, ?, ?, ?, ?, 'committed', ?)",
        (highest + 1, timestamp(), SERVER.user, 0, "", LATEST_LOST, str(Cause.REPAIR)),
    )


LATEST_LOST = "the newest commits were lost: repaired by --repair"
_CLOSING = replace(
    SERVER, comment="rules of access control were lost: closed by --repair", cause=Cause.REPAIR
)


def _closed() -> Iterator[UnitChange]:
    """Yield what permits nothing to anybody (RFC 8341): recovery users are not asked."""

    def nacm(content: str) -> bytes:
        return f'<nacm xmlns="{NACM}">{content}</nacm>'.encode()

    yield UnitChange(RULE_LISTS, nacm("<rule-list><name>lost</name></rule-list>"), b"")
    values = {"enable-nacm": "true", "read-default": "deny", "write-default": "deny", "exec-default": "deny"}
    for leaf, value in values.items():
        yield UnitChange(f"/{NACM_MODULE}:nacm/{leaf}", b"", nacm(f"<{leaf}>{value}</{leaf}>"))
