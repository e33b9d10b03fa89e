"""``yangswand history``: the commits of a stopped agent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

from agent.datastore.memory_copy import Commit, MemoryCopy
from agent.datastore.migration import bring_up_to_date
from agent.datastore.progress import endless
from agent.datastore.store import usable
from agent.offline.folder import left_alone, silent
from agent.offline.told import printable
from agent.offline.words import Asked
from agent.translator import Translator
from agent.yang.schema import Schema

PATHS_SHOWN = 3
OUTCOMES = {
    "committed": "in force",
    "undone": "undone",
    "applying": "interrupted; the next start marks it undone",
}


class NoCommit(Exception):
    """There is no commit of this number; the message says which there are."""


def history(asked: Asked, schema: Schema, translators: list[Translator]) -> Iterator[str]:
    """Yield the lines to print.

    Raises:
        NoCommit: the one that is asked for is not there.
        InUse, NoHistory, StoreError, OSError: as ``left_alone``.
    """
    folder = asked.settings.data_dir
    with left_alone(folder, "ask it over NETCONF (/yangswan-agent:agent/history)"):
        store = MemoryCopy(folder / "history.db")
    with closing(store), usable(store.path):
        with silent():
            store.verify(endless())
            bring_up_to_date(store, translators, schema, endless())
        if asked.commit is not None:
            yield from _one(store, asked.commit, asked.json)
        else:
            yield from _all(store, asked.json)


def _one(store: MemoryCopy, number: int, as_json: bool) -> Iterator[str]:
    found = next(store.commits(number), None)
    if found is None:
        newest = next(store.commits(), None)
        known = f"the newest is {newest.id}" if newest is not None else "there is none"
        raise NoCommit(f"there is no commit {number} in {store.path}: {known}")
    if as_json:
        yield json.dumps(_members(found), ensure_ascii=False, indent=2)
    else:
        yield from _described(found, len(found.paths))


def _all(store: MemoryCopy, as_json: bool) -> Iterator[str]:
    if not as_json:
        for commit in store.commits():
            yield from _described(commit, PATHS_SHOWN)
        return
    separator = "["
    for commit in store.commits():
        yield separator + json.dumps(_members(commit), ensure_ascii=False)
        separator = ","
    yield "]" if separator == "," else "[]"


def _members(commit: Commit) -> dict[str, object]:
    """Return a commit as JSON has it, with the names of ``/yangswan-agent:agent/history``."""
    info = commit.info
    return {
        "id": commit.id,
        "time": commit.time,
        "user": info.user,
        **({"session-id": info.session_id, "source-host": info.source} if info.session_id else {}),
        "comment": info.comment,
        "cause": str(info.cause),
        "outcome": commit.state,
        **({"reason": commit.reason} if commit.reason else {}),
        "changed": list(commit.paths),
    }


def _described(commit: Commit, paths_shown: int) -> Iterator[str]:
    info = commit.info
    where = f" from {printable(info.source)} (session {info.session_id})" if info.session_id else ""
    outcome = OUTCOMES.get(commit.state, commit.state)
    reason = f" ({printable(commit.reason)})" if commit.reason else ""
    who = f"{printable(info.user)}{where}"
    yield f"{commit.id}  {printable(commit.time)}  {who}  {info.cause}  {outcome}{reason}"
    if info.comment:
        yield f"    comment: {printable(info.comment)}"
    yield from (f"    {printable(path)}" for path in commit.paths[:paths_shown])
    if len(commit.paths) > paths_shown:
        yield f"    and {len(commit.paths) - paths_shown} more"
