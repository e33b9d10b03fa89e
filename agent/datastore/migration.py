"""A history that an older version wrote is brought to the form of this one: once, in place, all or nothing.

What a form is, the translators' tables of moves say. The notes of the history hold, for each translator, the
newest revision whose moves it has seen. So whatever reads the history later sees one form.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TypeVar

from agent.datastore.moved_units import concerned, moved_snapshot, moved_unit
from agent.datastore.moves import CannotMove, Relocation, moved_path
from agent.datastore.store import Store, StoreError, UnitChange
from agent.translator import Move, Translator
from agent.yang.schema import Schema

log = logging.getLogger(__name__)

T = TypeVar("T", UnitChange, bytes)

PROGRESS_ROWS = 10_000
"""After so many units the log says how far it has got."""


def bring_up_to_date(store: Store, translators: Sequence[Translator], schema: Schema) -> None:
    """*worker* Rewrite all that ``store`` holds by the moves that it has not seen yet.

    Raises:
        StoreError: it was written by a newer version, or cannot be written; it is then as it was before.
    """
    moves: list[Move] = []
    notes: dict[str, str] = {}
    for translator in translators:
        note, newest = f"model:{translator.name}", max((m.since for m in translator.moves), default="")
        seen = store.note(note) or ""
        if seen > newest:
            raise StoreError(
                f"{store.path} was written by a newer version of this program, with the model of {seen}"
            )
        if seen < newest:
            moves.extend(move for move in translator.moves if move.since > seen)
            notes[note] = newest
    if notes:
        _Conversion(store, list(_relocations(moves, schema))).run(notes)


def _relocations(moves: Sequence[Move], schema: Schema) -> Iterator[Relocation]:
    """Yield the moves of each revision, the oldest first."""
    namespaces = schema.namespaces()
    for _, of_one in groupby(sorted(moves, key=lambda move: move.since), lambda move: move.since):
        yield Relocation(of_one, namespaces)


class _Conversion:
    def __init__(self, store: Store, relocations: Sequence[Relocation]) -> None:
        self._store = store
        self._relocations = relocations
        self._seen = self._rewritten = self._left = 0

    def run(self, notes: Mapping[str, str]) -> None:
        count = self._store.changes_count()
        if count:
            log.info("the history is brought to the form of this version: %d recorded changes", count)
        try:
            self._store.rewrite(self._unit, self._snapshot, notes)
        except sqlite3.Error as problem:
            raise StoreError(
                f"{self._store.path} could not be brought to the form of this version, and is as it was: "
                f"{problem}"
            ) from problem
        if count:
            log.info(
                "the history has the form of this version: %d rewritten, %d could not be",
                self._rewritten,
                self._left,
            )

    def _unit(self, commit_id: int, old: UnitChange) -> UnitChange:
        self._seen += 1
        if self._seen % PROGRESS_ROWS == 0:
            log.info("%d recorded changes looked at", self._seen)
        return self._moved(f"{old.path} of commit {commit_id}", old, _moved_change)

    def _snapshot(self, commit_id: int, old: bytes) -> bytes:
        return self._moved(f"the snapshot of commit {commit_id}", old, moved_snapshot)

    def _moved(self, what: str, old: T, rewrite: Callable[[Relocation, T], T]) -> T:
        new = old
        try:
            for relocation in self._relocations:
                new = rewrite(relocation, new)
        except CannotMove as problem:
            log.error("%s is left as an older version wrote it: %s", what, problem)
            self._left += 1
            return old
        self._rewritten += new != old
        return new


def _moved_change(relocation: Relocation, change: UnitChange) -> UnitChange:
    if not concerned(relocation, change.path):
        return change
    return UnitChange(
        moved_path(relocation, change.path),
        moved_unit(relocation, change.path, change.before),
        moved_unit(relocation, change.path, change.after),
    )
