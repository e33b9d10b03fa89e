"""Running as the history tells it: as the last commit left it, or as it was after an earlier one.

The history is read and nothing is changed. What was recorded and does not fit the YANG modules of this
server any more is logged and left out, unless access might be open without it: that is refused. Everything
here runs on the thread that owns libyang (*worker*).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from agent.datastore.candidate import Candidate
from agent.datastore.fitting import RULE_LISTS, WHAT_TO_DO, DoesNotFit, Fitted, fitted
from agent.datastore.progress import Ended, Progress
from agent.datastore.records import UnitChange
from agent.datastore.store import Store
from agent.datastore.store_errors import StoreError
from agent.errors import RpcErrors
from agent.yang.completing import Keyed, Read, complete, nobody
from agent.yang.many import locate_all
from agent.yang.schema import Schema
from agent.yang.schema_node import NACM_MODULE, SchemaNode
from agent.yang.standing import put_last
from agent.yang.tree import Tree
from agent.yang.units import Unit, all_units
from agent.yang.validate import validate

log = logging.getLogger(__name__)

_LEFT_OUT = "does not fit the YANG modules any more and is left out: %s"


@dataclass(frozen=True, slots=True)
class Loaded:
    """``rule_lists``: those of running in which a rule was left out, by name, and a sentence about it.
    ``entries``: all of some lists, as translators see them, if these were read on the way. ``is_copy``: there
    was another tree as large beside running."""

    running: Tree
    rule_lists: Mapping[str, str]
    entries: Mapping[SchemaNode, Keyed] = field(default_factory=dict, repr=False)
    is_copy: bool = True


def load(store: Store, schema: Schema, progress: Progress) -> Loaded:
    """*worker* Return running as the last acknowledged commit left it.

    What has to be done to a whole history before its content can be read has its place at the top.

    Raises:
        StoreError: the snapshot, or what is recorded of access control, does not fit the YANG modules.
        Ended: the agent was told to stop.
    """
    reading = _read(store, schema, progress)
    reading.tell()
    return Loaded(_validated(reading.running), reading.rule_lists)


def load_beforehand(
    store: Store,
    schema: Schema,
    progress: Progress,
    *,
    lists: Collection[SchemaNode] = (),
    read: Read = nobody,
) -> Loaded | None:
    """*worker* Return what ``load`` will if that has nothing to say, before it is known whether the history
    is whole. So this says nothing, and what it returns is of no use if the history is not, or is written to.

    ``lists``: those whose entries are wanted, if there are many; ``read`` is told of these meanwhile.

    Raises:
        Ended: the agent was told to stop.
    """
    try:
        reading = _read(store, schema, progress)
        if reading.left_out or reading.refused or reading.rule_lists:
            return None
        entries = complete(reading.running, lists, read)
    except Ended:
        raise
    except Exception:  # who knows what damage leads to: when that has been looked for, ``load`` is called
        return None
    return None if entries is None else Loaded(reading.running, reading.rule_lists, entries, is_copy=False)


def _read(store: Store, schema: Schema, progress: Progress) -> _Reading:
    content, changes = store.load()
    reading = _Reading(schema, content)
    for count, change in enumerate(changes):
        progress.step("%d recorded changes read", count)
        reading.put(change)
    return reading


def as_of(commit_id: int, *, store: Store, running: Tree) -> Candidate:
    """*worker* Return ``running`` as it was when ``commit_id`` was the newest commit, as a candidate; what
    has been touched since counts as changed, whether it is or not. Entries that come back do so in the order
    in which they went, which is how they stood where they went together.

    Raises:
        StoreError: that is not kept any more; or what is recorded of access control does not fit the YANG
            modules of this server.
    """
    if commit_id < store.history.oldest():
        raise StoreError(store.history.absent(commit_id))
    candidate = Candidate(running)
    changes = list(store.changes_after(commit_id))
    for change in reversed(changes):
        try:
            unit, found = _replayed(change, candidate.tree, back=True)
        except DoesNotFit as problem:
            if problem.opens:
                raise StoreError(f"access control cannot be put back as it was: {problem}") from None
            log.error("%s as it was %s", change.path, _LEFT_OUT % problem)
            continue
        if found.rule_lists:
            raise StoreError(f"access control cannot be put back as it was: {_sentences(found.rule_lists)}")
        for sentence in found.left_out:
            log.error("of %s, as it was, %s", change.path, sentence)
        if unit is not None:
            candidate.changed[unit.path] = unit
            # Else whether there is something to roll back would tell who has written a secret that he may
            # not read whether it was the same before.
            candidate.blind.add(unit.path)
    # Going backwards has turned them round, and this is the order in which running takes them in.
    paths = dict.fromkeys(change.path for change in changes if change.path in candidate.changed)
    candidate.changed = {path: candidate.changed[path] for path in paths}
    units = list(candidate.changed.values())
    put_last([u for u, was in zip(units, locate_all(units, running), strict=True) if not was], candidate.tree)
    candidate.tree.add_defaults()  # only what was configured is on record
    return candidate


def replay(change: UnitChange, tree: Tree, *, back: bool = False) -> Unit | None:
    """*worker* Put a recorded unit into ``tree``, as it was after the commit or, with ``back``, before it.

    Returns:
        The unit, None if there is nothing of it in the record.

    Raises:
        DoesNotFit: it does not fit the YANG modules; what ``tree`` holds of it is as it was.
    """
    return _replayed(change, tree, back=back)[0]


def _replayed(change: UnitChange, tree: Tree, *, back: bool) -> tuple[Unit | None, Fitted]:
    """Return what ``replay`` does, and what of the record was used."""
    unit, found = recorded_unit(tree.schema, change, tree, back=back)
    if unit is not None:
        unit.replace_in(tree, unit.locate(found.tree))
    return unit, found


def recorded_unit(
    schema: Schema, change: UnitChange, tree: Tree, *, back: bool
) -> tuple[Unit | None, Fitted]:
    """*worker* Return a recorded unit, and a tree with all that there was of it; nothing if it was not there.

    Args:
        tree: where a unit is looked for whose record cannot be read.

    Raises:
        DoesNotFit: as ``replay``.
    """
    wanted, other = (change.before, change.after) if back else (change.after, change.before)
    found = fitted(schema, wanted)
    unit = _unit_in(found.tree, change.path)
    if unit is None and not wanted and other:
        try:
            unit = _unit_in(fitted(schema, other).tree, change.path)
        except DoesNotFit:
            unit = _unit_in(tree, change.path)
    elif unit is None and wanted and not found.left_out:
        opens = any(NACM_MODULE in text for text in (change.path, found.tree.to_xml().decode()))
        raise DoesNotFit("its record holds something else", opens=opens)
    return unit, found


def _unit_in(tree: Tree, path: str) -> Unit | None:
    return next((u for u in all_units(tree) if u.path == path and u.is_explicit(tree)), None)


@dataclass(slots=True)
class _Reading:
    """Running while the history is read. What does not fit counts only if nothing later replaces it."""

    schema: Schema
    snapshot: bytes
    running: Tree = field(init=False)
    rule_lists: Mapping[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            found = fitted(self.schema, self.snapshot)
        except DoesNotFit as problem:
            raise StoreError(f"the stored snapshot cannot be used: {problem}. {WHAT_TO_DO}") from None
        self.running, self.rule_lists = found.tree, found.rule_lists
        if found.left_out:
            self.left_out["the stored snapshot"] = "; ".join(dict.fromkeys(found.left_out))

    def put(self, change: UnitChange) -> None:
        path = change.path
        self.left_out.pop(path, None)
        self.refused.pop(path, None)
        try:
            _, found = _replayed(change, self.running, back=False)
        except DoesNotFit as problem:
            if problem.opens:
                self.refused[path] = f"{path} cannot be used: {problem}"
            else:
                self.left_out[path] = f"it {_LEFT_OUT % problem}"
            self._remove(path)
            return
        if path == RULE_LISTS:
            self.rule_lists = found.rule_lists
        if found.left_out:
            self.left_out[path] = "; ".join(dict.fromkeys(found.left_out))

    def _remove(self, path: str) -> None:
        """Take out what was before what does not fit: it is not what was configured last."""
        unit = _unit_in(self.running, path)
        if unit is not None:
            unit.replace_in(self.running, [])

    def tell(self) -> None:
        """Log what is left out.

        Raises:
            StoreError: access might be open without it.
        """
        places: dict[str, list[str]] = {}
        for path, sentence in self.left_out.items():
            places.setdefault(sentence, []).append(path)
        for sentence, (path, *more) in places.items():
            log.error("%s%s: %s", path, f" and {len(more)} more" if more else "", sentence)
        for sentence in self.rule_lists.values():
            log.error("%s", sentence)
        if self.refused:
            raise StoreError(f"{_sentences(self.refused)}. {WHAT_TO_DO}")


def _sentences(told: Mapping[str, str]) -> str:
    return "; ".join(told.values())


def _validated(running: Tree) -> Tree:
    """Return ``running`` as validation leaves it, which completes it with the defaults in use; if it is not
    valid, with all defaults, so that a start succeeds.

    Raises:
        StoreError: access control is not valid, so nobody knows what it means.
    """
    checked = running.duplicate()
    try:
        validate(checked, everything=True, again=running.duplicate)
    except RpcErrors as problem:
        for error in problem.errors:
            if (error.path or "").startswith(f"/{NACM_MODULE}:"):
                raise StoreError(f"the stored access control is not valid: {error.message}") from None
        log.error("the stored configuration does not satisfy the YANG modules: %s", problem)
        running.add_defaults()
        return running
    return checked
