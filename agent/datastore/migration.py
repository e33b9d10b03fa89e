"""A history that an older version wrote is brought to the form of this one: once, in place, all or nothing.

What a form is, the translators' tables of moves say. The notes of the history hold, for each translator, the
newest revision whose moves it has seen. So whatever reads the history later sees one form.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from agent.datastore.forms import CHANGED, MODEL
from agent.datastore.moved_units import concerned, moved_snapshot, moved_unit, refuse_strange
from agent.datastore.moves import CannotMove, Relocation, moved_path
from agent.datastore.progress import Progress
from agent.datastore.records import UnitChange, recorded
from agent.datastore.store import Store
from agent.datastore.store_errors import StoreError, StoreNewer
from agent.translator import Move, Translator
from agent.yang.schema import Schema

log = logging.getLogger(__name__)

PROGRESS_ROWS = 10_000
"""After so many units the log says how far it has got, however fast that was."""
PROGRESS_ELEMENTS = 1_000
"""So many elements of one record are rewritten between two looks at the clock."""

WHAT_TO_DO = (
    "Put a copy of the data folder in its place; or start the version that wrote it, save the configuration "
    "that it shows, and give that to this version in a new data folder"
)


def bring_up_to_date(
    store: Store, translators: Sequence[Translator], schema: Schema, progress: Progress
) -> None:
    """*worker* Rewrite all that ``store`` holds by the moves that it has not seen yet.

    Raises:
        StoreNewer: it was written by a newer version.
        StoreError: something in it is damaged, or it cannot be written.
        Ended: the agent was told to stop.
        In each case it is as it was before.
    """
    moves: list[Move] = []
    notes: dict[str, str] = {}
    for translator in translators:
        note, newest = next(iter(models_of([translator]).items()))
        seen = store.note(note) or ""
        if seen > newest:
            raise StoreNewer(
                f"{store.path} was written by a newer version of this program, with the model of {seen}"
            )
        if seen < newest:
            moves.extend(move for move in translator.moves if move.since > seen)
            notes[note] = newest
    if notes or not store.is_current:
        _Conversion(store, list(_relocations(moves, schema)), progress).run(notes)


def models_of(translators: Sequence[Translator]) -> dict[str, str]:
    """Return the notes of a history that has seen all moves."""
    return {
        f"{MODEL}{translator.name}": max((move.since for move in translator.moves), default="")
        for translator in translators
    }


def _relocations(moves: Sequence[Move], schema: Schema) -> Iterator[Relocation]:
    """Yield the moves of each revision, the oldest first."""
    namespaces = schema.namespaces()
    for _, of_one in groupby(sorted(moves, key=lambda move: move.since), lambda move: move.since):
        yield Relocation(of_one, namespaces)


def _every_change(database: sqlite3.Connection) -> Iterator[tuple[int, int, UnitChange]]:
    """Yield commit, position and unit of everything recorded; one row at a time, which may be changed."""
    commit_id, position = -1, -1
    while row := database.execute(
        "SELECT commit_id, position, path, before, after FROM changes "
        "WHERE (commit_id, position) > (?, ?) ORDER BY commit_id, position LIMIT 1",
        (commit_id, position),
    ).fetchone():
        commit_id, position, *unit = row
        yield commit_id, position, recorded(commit_id, *unit)


class _Conversion:
    def __init__(self, store: Store, relocations: Sequence[Relocation], progress: Progress) -> None:
        self._store = store
        self._relocations = relocations
        self._progress = progress
        self._what = ""
        self._seen = self._elements = self._rewritten = 0

    def run(self, notes: Mapping[str, str]) -> None:
        count = self._store.changes_count()
        if count:
            log.info("the history is brought to the form of this version: %d recorded changes", count)
        try:
            with self._store.rewriting(notes) as database:
                self._rewrite(database)
        except CannotMove as problem:
            raise self._refusal(f"{self._what} is damaged: {problem}. {WHAT_TO_DO}") from problem
        except sqlite3.OperationalError as problem:  # of the disk, or of the file's mode
            raise self._refusal(str(problem)) from problem
        except sqlite3.Error as problem:
            raise self._refusal(f"{problem}. {WHAT_TO_DO}") from problem
        if count:
            log.info("the history has the form of this version: %d rewritten", self._rewritten)

    def _rewrite(self, database: sqlite3.Connection) -> None:
        for commit_id, position, old in _every_change(database):
            new = self._unit(commit_id, old)
            if new != old:
                database.execute(
                    "UPDATE changes SET path = ?, before = ?, after = ? WHERE commit_id = ? AND position = ?",
                    (new.path, new.before, new.after, commit_id, position),
                )
        for commit_id, content in self._store.snapshots():
            database.execute(
                "UPDATE snapshots SET content = ? WHERE commit_id = ?",
                (self._snapshot(commit_id, content), commit_id),
            )
        self._rewrite_paths(database)

    def _rewrite_paths(self, database: sqlite3.Connection) -> None:
        """Rewrite what is known of units whose commits may be recorded no more."""
        for path, commit_id, time in database.execute("SELECT path, commit_id, time FROM units").fetchall():
            self._begin(f"{path}, changed last by commit {commit_id},")
            if not isinstance(path, str):
                raise sqlite3.DatabaseError(f"a unit that commit {commit_id} changed is damaged")
            new = path
            for relocation in self._relocations:
                new = moved_path(relocation, new) if concerned(relocation, new) else new
            if new != path:
                database.execute("DELETE FROM units WHERE path = ?", (path,))
                database.execute(CHANGED, (new, commit_id, time))

    def _refusal(self, why: str) -> StoreError:
        return StoreError(
            f"{self._store.path} could not be brought to the form of this version, and is as it was: {why}"
        )

    def _unit(self, commit_id: int, old: UnitChange) -> UnitChange:
        self._begin(f"{old.path} of commit {commit_id}")
        new = old
        for relocation in self._relocations:
            new = self._moved_change(relocation, new)
        self._seen += 1
        self._rewritten += new != old
        if self._seen % PROGRESS_ROWS == 0:
            log.info("%d recorded changes looked at", self._seen)
        return new

    def _snapshot(self, commit_id: int, old: bytes) -> bytes:
        self._begin(f"the snapshot of commit {commit_id}")
        new = old
        for relocation in self._relocations:
            new = moved_snapshot(relocation, new, self._element)
        self._rewritten += new != old
        return new

    def _moved_change(self, relocation: Relocation, change: UnitChange) -> UnitChange:
        if not concerned(relocation, change.path):
            for content in (change.before, change.after):
                refuse_strange(relocation, change.path, content)
            return change
        return UnitChange(
            moved_path(relocation, change.path),
            moved_unit(relocation, change.path, change.before, self._element),
            moved_unit(relocation, change.path, change.after, self._element),
        )

    def _begin(self, what: str) -> None:
        self._what, self._elements = what, 0
        self._progress.step("%d recorded changes looked at", self._seen)

    def _element(self) -> None:
        self._elements += 1
        if self._elements % PROGRESS_ELEMENTS == 0:
            self._progress.step("%d elements of %s rewritten", self._elements, self._what)
