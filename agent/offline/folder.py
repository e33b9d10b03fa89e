"""A data folder that is looked at: what a start would find in it, with nothing written."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from agent.data_folder import DataDirInUse, at_rest
from agent.datastore import replay
from agent.datastore.memory_copy import MemoryCopy
from agent.datastore.migration import bring_up_to_date
from agent.datastore.progress import endless
from agent.datastore.store import usable
from agent.translator import Translator
from agent.yang.schema import Schema


def examine(path: Path, schema: Schema, translators: Sequence[Translator]) -> None:
    """Look whether a start could read the history of the folder ``path``; an agent that runs does not matter.

    Raises:
        StoreError: it could not; StoreDamaged if the next try finds the same.
        OSError: it cannot be read.
    """
    if not (path / "history.db").exists():
        return
    try:
        with at_rest(path):
            _read(MemoryCopy(path / "history.db"), schema, translators)
    except DataDirInUse:
        _read(MemoryCopy(path / "history.db", used=True), schema, translators)


def _read(store: MemoryCopy, schema: Schema, translators: Sequence[Translator]) -> None:
    with closing(store), usable(store.path), _silent():
        store.verify(endless())
        bring_up_to_date(store, translators, schema, endless())
        replay.load(store, schema, endless())


@contextmanager
def _silent() -> Iterator[None]:
    """Say nothing of a conversion: it is one of a copy, and the history stays as it is."""
    converting = logging.getLogger("agent.datastore.migration")
    level = converting.level
    converting.setLevel(logging.WARNING)
    try:
        yield
    finally:
        converting.setLevel(level)
