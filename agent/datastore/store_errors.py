"""What is said of a history that cannot be used."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.datastore.checksums import Damaged

WAY_ON = (
    "put a copy of the data folder in its place, or let yangswand --repair keep what is whole: it says first "
    "what is lost"
)
DAMAGED = f"If it is damaged, {WAY_ON}"


class StoreError(Exception):
    """The history file cannot be used; the message says why and what to do."""


class StoreDamaged(StoreError):
    """What the file holds is no history, or not one that was written."""


class StoreNewer(StoreError):
    """A newer version of this program wrote it, or so it says: the next try of this one finds the same."""


class NotRecorded(sqlite3.OperationalError):
    """The history is read-only since the start (``Store.read_only``), and still cannot be written."""


HIGHEST_VERSION = 255
"""What a later version of this program may call its form at most; what is above is damage."""


def newer(path: Path, version: int) -> StoreError:
    """Return why a history at ``path`` cannot be used that says that its form is ``version``, a later one."""
    if 0 < version <= HIGHEST_VERSION:
        return StoreNewer(
            f"{path} was written by a newer version of this program: start that one, or put a copy of the "
            "data folder in its place"
        )
    return StoreDamaged(
        f"{path} is damaged: it says that its form is {version}, which no version of this program has. "
        f"{WAY_ON.capitalize()}"
    )


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Raise StoreError where SQLite cannot go on with the history at ``path``.

    It is StoreDamaged if the next try finds the same.
    """
    try:
        yield
    except Damaged as problem:
        raise StoreDamaged(f"{path} is damaged: {problem}. {WAY_ON.capitalize()}") from problem
    except sqlite3.OperationalError as problem:  # the disk is full, the file may not be written, ...
        raise StoreError(f"{path} cannot be used as commit history: {problem}") from problem
    except sqlite3.DatabaseError as problem:
        raise StoreDamaged(f"{path} cannot be used as commit history: {problem}. {DAMAGED}") from problem
    except UnicodeDecodeError as problem:  # SQLite quotes the file in what it says
        raise StoreDamaged(
            f"{path} cannot be used as commit history: it holds no text. {DAMAGED}"
        ) from problem
