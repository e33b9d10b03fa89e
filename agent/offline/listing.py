"""``yangswand history``: the commits of a stopped agent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

from agent.datastore.history import Commit, Comparison
from agent.datastore.memory_copy import MemoryCopy
from agent.datastore.records import whence
from agent.datastore.store_errors import usable
from agent.history.commits import MAX_CHANGES_LISTED, Changes, entry, operation, together
from agent.nacm.access import nameable
from agent.offline.folder import bring_here, left_alone
from agent.offline.told import printable
from agent.offline.words import Asked
from agent.translator import Translator
from agent.visible import escaped_json
from agent.yang.schema import Schema

PATHS_SHOWN = 3
AT_ONCE = 256


class NoCommit(Exception):
    """There is no commit of this number; the message says which there are."""


def history(asked: Asked, schema: Schema, translators: list[Translator]) -> Iterator[str]:
    """Yield the lines to print.

    Raises:
        NoCommit: the one that is asked for is not there.
        InUse, NoHistory, StoreError, OSError: as ``left_alone``.
    """
    folder = asked.settings.data_dir
    with left_alone(folder, "ask it: yangswan show history, or /yangswan-agent:agent/history over NETCONF"):
        store = MemoryCopy(folder / "history.db")
    with closing(store), usable(store.path):
        bring_here(store, schema, translators)
        if asked.commit is not None:
            yield from _one(store, schema, asked.commit, as_json=asked.json)
        else:
            yield from _all(store, schema, as_json=asked.json)


def _one(store: MemoryCopy, schema: Schema, number: int, *, as_json: bool) -> Iterator[str]:
    found = store.history.commit(number)
    if found is None:
        raise NoCommit(f"{store.path}: {store.history.absent(number)}")
    count = store.history.changed_count(number)
    if as_json:
        shown = json.dumps(_members(store, schema, found, limit=count), ensure_ascii=False, indent=2)
        yield escaped_json(shown)
    else:
        yield from _described(store, found, count)


def _all(store: MemoryCopy, schema: Schema, *, as_json: bool) -> Iterator[str]:
    if not as_json:
        for commit in _commits(store):
            yield from _described(store, commit, PATHS_SHOWN)
        return
    separator = "["
    for commit in _commits(store):
        members = _members(store, schema, commit, limit=MAX_CHANGES_LISTED)
        yield separator + escaped_json(json.dumps(members, ensure_ascii=False))
        separator = ","
    yield "]" if separator == "," else "[]"


def _commits(store: MemoryCopy) -> Iterator[Commit]:
    """Yield all commits, the newest first."""
    tests: list[Comparison] = []
    while found := store.history.newest([tests], AT_ONCE):
        yield from found
        tests = [Comparison("id", "<", found[-1].id)]


def _members(store: MemoryCopy, schema: Schema, commit: Commit, *, limit: int) -> dict[str, object]:
    """Return a commit as who may read everything is told it over NETCONF."""
    units = store.history.changed_units(commit.id, limit)
    shown = together((nameable(schema, unit.path) or unit.path, operation(unit)) for unit in units)
    return entry(
        commit,
        Changes(shown, store.history.changed_count(commit.id)),
        origin=store.history.origin(),
        taken_back_by=store.history.taken_back_by(commit),
    )


def _described(store: MemoryCopy, commit: Commit, limit: int) -> Iterator[str]:
    where = f" {printable(whence(commit.source))} (session {commit.session_id})" if commit.session_id else ""
    notes = ", ".join(_notes(store, commit))
    outcome = f"{commit.outcome} ({notes})" if notes else commit.outcome
    who = f"{printable(commit.user)}{where}"
    yield f"{commit.id}  {printable(commit.time)}  {who}  {printable(commit.cause)}  {outcome}"
    if commit.comment:
        yield f"    comment: {printable(commit.comment)}"
    for unit in store.history.changed_units(commit.id, limit):
        yield f"    {operation(unit)} {printable(unit.path)}"
    more = store.history.changed_count(commit.id) - limit
    if more > 0:
        yield f"    and {more} more"


def _notes(store: MemoryCopy, commit: Commit) -> Iterator[str]:
    """Yield what has to be known of the outcome: committed does not mean that it is in force now."""
    if commit.reason:
        yield printable(commit.reason)
    if commit.outcome == "applying":
        yield "interrupted: the next start marks it undone"
    elif commit.outcome == "committed":
        taken_back_by = store.history.taken_back_by(commit)
        if taken_back_by is not None:
            yield f"taken back by {taken_back_by}"
        window = store.window()
        if window is not None and commit.id > window.rollback_to:
            yield "pending: the next start takes it back"
