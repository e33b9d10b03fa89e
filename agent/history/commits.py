"""A recorded commit as an entry of the list ``/yangswan-agent:agent/history/commit``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.datastore.confirmed import WHY_NOT
from agent.datastore.history import ChangedUnit, Commit
from agent.datastore.records import Cause
from agent.datastore.txids import transaction_id

MAX_LISTED = 100
"""Commits of one answer that were not asked for by their ids."""
MAX_BY_ID = 1000
MAX_CHANGES = 1000
"""Changes of one commit that is asked for by its id."""
MAX_CHANGES_LISTED = 20
MAX_CHANGES_IN_ALL = 2000
"""Of all commits of one answer together."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a reader may see of the changes of a commit: targets and operations.

    ``count``: how many there are; None if he may not read all of them. ``states``: whether he may read the
    state of all of them, too.
    """

    shown: Mapping[str, str]
    count: int | None
    states: bool = True


def operation(unit: ChangedUnit) -> str:
    """Return what became of a unit, in the words of our YANG module."""
    if not unit.was_there:
        return "create"
    return "modify" if unit.is_there else "delete"


def together(changes: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return operations by target; what has more than one was modified."""
    found: dict[str, str] = {}
    for target, what in changes:
        found[target] = what if found.get(target, what) == what else "modify"
    return found


def entry(
    commit: Commit, changes: Changes, *, origin: str, taken_back_by: int | None = None
) -> dict[str, Any]:
    """Return a commit as who may see ``changes`` of it is told; ``taken_back_by``: the rollback that did."""
    content: dict[str, Any] = {
        "id": commit.id,
        "time": commit.time,
        "user": commit.user,
        "cause": commit.cause,
        "outcome": commit.outcome,
    }
    if commit.session_id:
        content |= {"session-id": commit.session_id}
        content |= {"source-address": commit.source} if commit.source else {}
    if changes.count is not None:
        content["changed-count"] = changes.count
    # What was said of a change may name what was changed; why it was taken back tells of its state.
    if changes.count is not None and (changes.states or not tells_state(commit)):
        content |= {name: text for name, text in _said(commit) if text}
    if commit.outcome == "committed":
        content |= {} if taken_back_by is None else {"taken-back-by": taken_back_by}
        content["transaction-id"] = transaction_id(origin, commit.id, commit.time)
    if changes.shown:
        content["change"] = [{"target": path, "operation": what} for path, what in changes.shown.items()]
    return content


def tells_state(commit: Commit) -> bool:
    """Whether what is said of a commit tells of the state of what it changed."""
    return commit.cause == Cause.ROLLBACK and WHY_NOT in commit.comment


def _said(commit: Commit) -> Sequence[tuple[str, str]]:
    return ("comment", commit.comment), ("reason", commit.reason)
