"""A data folder that is looked at: what a start would find in it, with nothing written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from agent.data_folder import (
    DataDirInUse,
    at_rest,
    refuse_lost,
    refuse_read,
    refuse_read_history,
    refuse_writable,
)
from agent.datastore import replay
from agent.datastore.configuration import Configuration
from agent.datastore.memory_copy import MemoryCopy
from agent.datastore.migration import bring_up_to_date
from agent.datastore.progress import endless
from agent.datastore.store import Store
from agent.datastore.store_errors import usable
from agent.translator import Translator
from agent.yang.schema import Schema


class NoHistory(OSError):
    """No agent has used the folder; the message says what to say."""


class InUse(Exception):
    """An agent uses the folder; the message says what to do."""


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
    with closing(store), usable(store.path):
        bring_here(store, schema, translators)
        replay.load(store, schema, endless())


def bring_here(store: MemoryCopy, schema: Schema, translators: Sequence[Translator]) -> None:
    """Give a copy the form of this version. Raises: StoreError, Damaged."""
    with _silent():
        store.verify(endless())
        bring_up_to_date(store, translators, schema, endless())


def has_history(path: Path) -> bool:
    """Return whether an agent has left a history in ``path``; refuse what no start would take.

    Raises:
        Exposed, Lost: as a start.
        OSError: it cannot be looked at.
    """
    refuse_writable(path)
    refuse_read(path)
    refuse_lost(path)
    refuse_read_history(path)
    return (path / "history.db").exists()


@contextmanager
def left_alone(path: Path, instead: str) -> Iterator[None]:
    """While it is entered, no agent begins to use ``path``, which stays as it is.

    Raises:
        InUse: an agent uses it; the message has ``instead``.
        NoHistory: there is nothing of an agent in it.
        Exposed, Lost, OSError: as ``has_history``.
    """
    try:
        with at_rest(path):
            if not has_history(path):
                raise NoHistory(
                    f"no agent has used {path}: there is no history.db in it. Say --data-dir, or --config "
                    "with the settings of the agent"
                )
            yield
    except DataDirInUse as problem:
        raise InUse(f"{problem}: stop it first, or {instead}") from None


def pending(store: MemoryCopy, schema: Schema, translators: Sequence[Translator]) -> str | None:
    """Return whose confirmed commit the next start rolls back, None if there is none. Raises: StoreError."""
    with usable(store.path):
        bring_here(store, schema, translators)
        window = store.window()
    return None if window is None else window.user


def loaded(store: Store, schema: Schema, translators: Sequence[Translator]) -> Configuration:
    """Return the configuration that a start finds in ``store``.

    Raises:
        StoreError: the history cannot be used; StoreDamaged if the next try finds the same.
    """
    configuration = Configuration(schema, store, translators=translators, worker=_direct)
    if isinstance(store, MemoryCopy):
        with _silent():
            configuration.load()
    else:
        configuration.load()
    return configuration


async def _direct(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


_OF_A_COPY = {"agent.datastore.migration": logging.WARNING, "agent.datastore.recovery": logging.ERROR}


@contextmanager
def _silent() -> Iterator[None]:
    """Say nothing of a conversion, nor of a rollback: they are of a copy, and the history stays as it is."""
    logs = {logging.getLogger(name): level for name, level in _OF_A_COPY.items()}
    before = {log: log.level for log in logs}
    for log, level in logs.items():
        log.setLevel(level)
    try:
        yield
    finally:
        for log, level in before.items():
            log.setLevel(level)
