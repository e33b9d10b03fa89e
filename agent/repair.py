"""``yangswand --repair``: a damaged history is kept, and a new one made of what is whole in it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from agent.datastore.progress import endless
from agent.datastore.salvage import Salvaged, rebuild, salvaged
from agent.datastore.store import Store
from agent.datastore.store_errors import StoreError, usable

QUESTION = "Make a new history of the rest? The old one is kept. Type yes: "
MAX_SHOWN = 200


class Declined(Exception):
    """Nobody said yes; nothing has changed."""


def ask(sentence: str) -> bool:
    """Ask who sits at the terminal; there is nobody without one."""
    if not sys.stdin.isatty():
        raise Declined("nothing is changed: there is nobody to ask; say --repair --yes")
    return input(sentence).strip().lower() == "yes"


def repair(history: Path, notes: Mapping[str, str], agree: Callable[[str], bool]) -> None:
    """Say what is lost of ``history``, and go on without it if ``agree`` does.

    ``notes``: what the new one says of its form where the old one does not.

    Raises:
        Declined: it does not.
        StoreError: a newer version wrote it, or the new one cannot be written; nothing has changed.
    """
    if _is_whole(history):
        print(f"{history} is whole: there is nothing to repair")
        return
    found = salvaged(history)
    _tell(history, found)
    if not agree(QUESTION):
        raise Declined("nothing is changed")
    kept = _replace(history, found, notes)
    print(f"{history} is new." + (f" The damaged one is {kept}" if kept else ""))


def _is_whole(history: Path) -> bool:
    if not history.exists() or history.stat().st_size == 0:
        return False
    try:
        with usable(history), closing(Store(history, new=False)) as store:
            store.verify(endless())
            list(store.changes_after(0))
            return store.has_sums
    except StoreError:
        return False


def _tell(history: Path, found: Salvaged) -> None:
    print(f"{history}: {sum(map(len, found.rows.values()))} rows are whole. Lost is:")
    for sentence in found.lost[:MAX_SHOWN] or ["nothing but order in its pages"]:
        print(f"  {sentence}")
    if len(found.lost) > MAX_SHOWN:
        print(f"  and {len(found.lost) - MAX_SHOWN} more")
    if not found.has_sums and found.rows["commits"]:
        print("It is of a version without checksums, so what is whole may be wrong all the same.")
    print("What an earlier commit says of a unit holds again where a later one is lost.")
    if found.rules_lost:
        print(
            "Rules of access control may be lost: nobody may do anything then but recovery users, until one "
            "of them has made rules (settings: recovery-users; or --recovery-user NAME)."
        )
        if found.rows["confirmed_commit"]:
            print("A confirmed commit is pending; it stays in force.")


def _replace(history: Path, found: Salvaged, notes: Mapping[str, str]) -> Path | None:
    """Put the new history in the place of the old one; returns where that is now.

    At no time there is none: a folder without keys would be begun anew, with access for all its users.
    """
    new = history.with_name(f"{history.name}.new")
    kept = history.with_name(f"{history.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}")
    _remove(new)
    try:
        rebuild(new, found, notes)
        _sync(new)
        if there := history.exists():
            _keep(history, kept)
    except (sqlite3.Error, OSError) as problem:
        _remove(new)
        raise StoreError(f"{history} is as it was: {new} cannot be written: {problem}") from problem
    # SQLite would take them for those of the new one.
    for ending in ("-journal", "-wal"):
        old = history.with_name(history.name + ending)
        if old.exists():
            old.rename(kept.with_name(kept.name + ending))
    (new.with_name(f"{new.name}-journal")).unlink(missing_ok=True)
    _sync(history.parent)
    os.replace(new, history)
    _sync(history.parent)
    return kept if there else None


def _remove(file: Path) -> None:
    for ending in ("", "-journal"):
        file.with_name(file.name + ending).unlink(missing_ok=True)


def _keep(file: Path, name: Path) -> None:
    """Give ``file`` another name beside its own; a copy has it where there are no links.

    Raises:
        OSError: it cannot be had.
    """
    try:
        os.link(file, name)
        return
    except OSError:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as target, file.open("rb") as source:
            shutil.copyfileobj(source, target)
        _sync(name)
    except OSError:
        name.unlink()
        raise


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
