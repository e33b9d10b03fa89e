"""The transaction: the only place where running changes.

prepare (may fail, changes nothing) -> write-ahead record on disk -> translators apply -> record committed
on disk -> running swaps its units. A commit that returns is on disk and in the backends; one that raises has
changed neither. All functions marked *worker* run on the thread that owns libyang.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from agent.datastore.backends import ApplyFailed, Backends
from agent.datastore.candidate import Candidate
from agent.datastore.changes import config_change, edits
from agent.datastore.confirmed import Window
from agent.datastore.store import CommitInfo, Store, StoreError, UnitChange
from agent.errors import (
    BackendError,
    OperationFailed,
    ResourceDenied,
    RollbackFailed,
    RpcError,
    RpcErrors,
)
from agent.translator import EntryChange, Json, Keys, Notification, Translator
from agent.yang.locality import local_modules
from agent.yang.merging import merge
from agent.yang.schema import Schema
from agent.yang.tree import JSON, Node, Tree, json_document, keys_of, path_of, to_json
from agent.yang.units import Unit, all_units
from agent.yang.validate import validate

log = logging.getLogger(__name__)

Worker = Callable[..., Awaitable[Any]]
"""Runs a function with its arguments on the libyang thread and returns its result."""

SERVER = CommitInfo("yangswan", 0, "")
"""Who commits when the server does it by itself."""


@dataclass(slots=True)
class Prepared:
    """A validated change of running: its units, their new content, and what translators see.

    ``refreshed``: units of which only the defaults in use change. ``complete``: scratch is a whole
    configuration, with exactly the defaults that are in use.
    """

    units: list[Unit]
    scratch: Tree
    records: list[UnitChange] = field(default_factory=list)
    refreshed: list[Unit] = field(default_factory=list)
    complete: bool = False
    changes: dict[str, list[EntryChange]] = field(default_factory=dict)


Check = Callable[[Prepared, Tree], None]
"""*worker* Looks at what a commit would change of running (the Tree); raises RpcErrors to refuse it."""


class Configuration:
    """Running and candidate, their history, and the translators that make running real.

    ``announce`` is told of every change. ``when_swapped``: *worker* functions called with the units that
    running has just changed.
    """

    def __init__(
        self, schema: Schema, store: Store, translators: Sequence[Translator], worker: Worker
    ) -> None:
        self.schema = schema
        self.store = store
        self.translators = tuple(translators)
        self._backends = Backends(translators, lambda path: worker(self.entries, path))
        self.announce: Callable[[Notification], None] = lambda _notification: None
        self.when_swapped: list[Callable[[Sequence[Unit]], None]] = []
        self.running = Tree(schema)
        self.candidate = Candidate(self.running)
        self.writing = asyncio.Lock()
        self.committer: int | None = None
        self.worker = worker
        self._local = local_modules(schema)
        self._lists = {path: t for t in translators for path in (t.config_list, *t.further_lists)}

    # -- worker ----------------------------------------------------------------------------

    def load(self) -> None:
        """*worker* Read running from the history, as the last acknowledged commit left it.

        A commit that a crash interrupted is marked undone; the translators' start makes the backends agree.
        """
        interrupted = self.store.interrupted()
        if interrupted:
            log.warning("commit %s was interrupted and is undone", ", ".join(map(str, interrupted)))
        content, changes = self.store.load()
        try:
            running = Tree.parse(self.schema, content, strict=False)
        except RpcErrors as problem:
            where = problem.errors[0].path
            raise StoreError(
                f"what is stored at {where} does not fit the YANG modules of this server"
            ) from None
        for change in changes:
            try:
                _replay(self.schema, running, change)
            except RpcErrors as problem:
                where = problem.errors[0].path or change.path
                log.error("%s does not fit the YANG modules any more and is left out", where)
        running.add_defaults()
        try:
            checked = running.duplicate()
            validate(checked, everything=True)
            running = checked
        except RpcErrors as problem:
            log.error("the stored configuration does not satisfy the YANG modules: %s", problem)
        self.running = running
        self.candidate = Candidate(running)
        self._close_window()

    def _close_window(self) -> None:
        """Roll a confirmed commit back that was pending when the server ended (RFC 6241 section 8.4.1)."""
        window = self.store.window()
        if window is None:
            return
        log.warning("a confirmed commit of %s was not confirmed before the restart: rolled back", window.user)
        candidate = self.as_of(window.rollback_to)
        try:
            prepared = self.prepare(candidate)
        except (
            RpcErrors
        ) as problem:  # the YANG modules are others now; what was stored is loaded all the same
            log.error("what it goes back to does not satisfy the YANG modules: %s", problem)
            prepared = Prepared(candidate.differing(self.running), candidate.tree)
            prepared.records = [self._record(unit, candidate.tree) for unit in prepared.units]
        commit_id = None
        if prepared.units:
            commit_id = self.store.begin(
                replace(SERVER, comment="rollback at start"), prepared.records, _now()
            )
        self.store.finish(commit_id)
        self._replace_units(prepared)
        self.candidate = Candidate(self.running)

    def as_of(self, commit_id: int) -> Candidate:
        """*worker* Return running as it was when ``commit_id`` was the newest commit, as a candidate."""
        candidate = Candidate(self.running)
        for change in reversed(list(self.store.changes_after(commit_id))):
            try:
                unit = _replay(self.schema, candidate.tree, change, back=True)
            except RpcErrors as problem:
                where = problem.errors[0].path or change.path
                log.error("%s as it was does not fit the YANG modules any more and is left out", where)
                continue
            if unit is not None:
                candidate.changed[unit.path] = unit
        candidate.tree.add_defaults()  # only what was configured is on record
        return candidate

    def with_content(self, document: Json) -> Candidate:
        """*worker* Return running with ``document`` (RFC 7951) merged into it, as a candidate."""
        content = Tree.parse(self.schema, json_document(document), format=JSON, state=False)
        candidate = Candidate(self.running)
        candidate.changed = {unit.path: unit for unit in all_units(content)}
        merge(candidate.tree, content)
        candidate.tree.add_defaults()
        return candidate

    def explicit_units(self) -> Iterator[Unit]:
        """*worker* Yield the units of running that somebody configured."""
        for unit in all_units(self.running):
            if unit.is_explicit(self.running):
                yield unit

    def entries(self, list_path: str) -> dict[Keys, Json]:
        """*worker* Return all entries of a list in running."""
        found: dict[Keys, Json] = {}
        for unit in all_units(self.running):
            if unit.schema_node.path == list_path:
                for node in unit.locate(self.running):
                    found[keys_of(node, unit.schema_node)] = to_json(node)
        return found

    def prepare(self, candidate: Candidate) -> Prepared:
        """*worker* Validate what ``candidate`` changes.

        Raises:
            RpcErrors: all that is wrong with it.
        """
        units = candidate.differing(self.running)
        if all(self._is_local(unit) for unit in units):
            scratch = Tree(self.schema)
            for unit in units:
                unit.replace_in(scratch, unit.locate(candidate.tree))
            validate(scratch, everything=False)
            prepared = Prepared(units, scratch)
        else:
            scratch = candidate.tree.duplicate()
            validate(scratch, everything=True)
            prepared = self._compared(scratch)
        prepared.records = [self._record(unit, scratch) for unit in prepared.units]
        for unit in prepared.units:
            translator = self._lists.get(unit.schema_node.path)
            if translator is not None:
                prepared.changes.setdefault(translator.name, []).append(self._change(unit, scratch))
        return prepared

    def _compared(self, scratch: Tree) -> Prepared:
        """Return what a whole configuration, just validated, changes of running."""
        both = {u.path: u for tree in (scratch, self.running) for u in all_units(tree)}
        differing = [u for u in both.values() if not u.is_same(scratch, self.running, defaults=True)]
        units = [unit for unit in differing if not unit.is_same(scratch, self.running)]
        named = {unit.path for unit in units}
        refreshed = [unit for unit in differing if unit.path not in named]
        return Prepared(units, scratch, refreshed=refreshed, complete=True)

    def swap(self, prepared: Prepared, candidate: Candidate) -> list[Json]:
        """*worker* Make running hold the prepared units; returns them as edits for subscribers.

        The shared candidate then agrees with running if it was what was committed. If not, it follows in
        all that nobody was editing.
        """
        told = edits(prepared.units, self.running, prepared.scratch)
        shared = candidate is self.candidate
        being_edited = set() if shared else {u.path for u in self.candidate.differing(self.running)}
        self._replace_units(prepared)
        # Validation may have removed nodes of other units whose "when" became false.
        touched = (*prepared.units, *prepared.refreshed)
        self.candidate.changed.update({unit.path: unit for unit in touched})
        if shared:
            self.candidate.discard(self.running)
        else:
            for unit in touched:
                if unit.path not in being_edited:
                    unit.replace_in(self.candidate.tree, unit.locate(self.running))
        self._snapshot()
        return told

    def _replace_units(self, prepared: Prepared) -> None:
        for unit in (*prepared.units, *prepared.refreshed):
            nodes = unit.locate(prepared.scratch)
            unit.replace_in(self.running, nodes, restore_default=not prepared.complete)
        for changed in self.when_swapped:
            changed(prepared.units)

    def _snapshot(self) -> None:
        try:
            self.store.snapshot_if_due(self.running.to_xml)
        except sqlite3.Error:
            # The commit itself is on disk; only the next start reads more changes without a snapshot.
            log.exception("no snapshot of running could be written")

    def _is_local(self, unit: Unit) -> bool:
        root = unit.probe.first
        return self.schema.node_of(root.schema).module in self._local

    def _record(self, unit: Unit, scratch: Tree) -> UnitChange:
        return UnitChange(unit.path, self._printed(unit, self.running), self._printed(unit, scratch))

    def _printed(self, unit: Unit, source: Tree) -> bytes:
        """Return what was configured of a unit, b"" if nothing was."""
        if not unit.is_explicit(source):
            return b""
        copy = Tree(self.schema)
        unit.replace_in(copy, unit.locate(source))
        return copy.to_xml(keep_empty=True)

    def _change(self, unit: Unit, scratch: Tree) -> EntryChange:
        before, after = unit.locate(self.running), unit.locate(scratch)
        some: Node = (before or after)[0]
        return EntryChange(
            keys_of(some, unit.schema_node),
            path_of(some),
            to_json(before[0]) if before else None,
            to_json(after[0]) if after else None,
            unit.schema_node.path,
        )

    # -- event loop ------------------------------------------------------------------------

    async def start(self) -> None:
        """Load running and start the translators with it."""
        await self.worker(self.load)
        await self._backends.start()

    async def validate(self, candidate: Candidate) -> None:
        """Validate as a commit would, without effects (RFC 6241 section 8.6).

        Raises:
            RpcErrors: all that is wrong.
        """
        prepared = await self.worker(self.prepare, candidate)
        if errors := self._backends.check(prepared.changes):
            raise RpcErrors(errors)

    async def commit(
        self,
        info: CommitInfo,
        *,
        candidate: Candidate | None = None,
        window: Window | None = None,
        check: Check | None = None,
    ) -> int | None:
        """Make the candidate (the shared one if none is given) running.

        The caller holds ``writing``. A client that goes away does not stop a commit half way.

        Args:
            window: the window of a confirmed commit that is open once this commit is in force.
            check: may refuse what would be changed.

        Returns:
            The commit's id, None if nothing differed.

        Raises:
            RpcErrors: it was refused; neither running, disk nor a backend has changed.
        """
        self.committer = info.session_id
        task = asyncio.ensure_future(self._commit(info, candidate or self.candidate, window, check))
        task.add_done_callback(self._committed)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise

    def _committed(self, _task: asyncio.Task[int | None]) -> None:
        self.committer = None

    async def _commit(
        self, info: CommitInfo, candidate: Candidate, window: Window | None, check: Check | None
    ) -> int | None:
        prepared: Prepared = await self.worker(self.prepare, candidate)
        if check is not None:
            await self.worker(check, prepared, self.running)
        if not prepared.units:
            await self.worker(self._nothing_changed, candidate, window)
            return None
        planned = await self._backends.plan(prepared.changes)
        try:
            commit_id: int = await self.worker(self.store.begin, info, prepared.records, _now())
        except sqlite3.Error as problem:
            raise RpcErrors([_undone(problem)]) from problem
        try:
            await self._backends.apply(planned, commit_id)
        except ApplyFailed as failure:
            await self._mark_undone(commit_id)
            raise RpcErrors([_undone(failure.problem, restored=failure.restored)]) from failure
        try:
            await self.worker(self.store.finish, commit_id, window)
        except Exception as problem:
            restored = await self._backends.take_back(planned, commit_id)
            await self._mark_undone(commit_id)
            raise RpcErrors([_undone(problem, restored=restored)]) from problem
        told = await self.worker(self.swap, prepared, candidate)
        self.announce(config_change(info, told))
        log.info(
            "commit %d by %s (session %d, %s): %d changed",
            commit_id,
            info.user,
            info.session_id,
            info.source,
            len(prepared.units),
        )
        return commit_id

    def _nothing_changed(self, candidate: Candidate, window: Window | None) -> None:
        """*worker* Only the window of a confirmed commit may still have to be opened or closed."""
        candidate.discard(self.running)
        if window is not None or self.store.window() is not None:
            self.store.finish(None, window)

    async def _mark_undone(self, commit_id: int) -> None:
        try:
            await self.worker(self.store.undo, commit_id)
        except Exception:
            # Start-up treats a commit that is not finished as undone, so nothing is lost.
            log.exception("commit %d could not be marked undone", commit_id)


def _undone(problem: Exception, *, restored: bool = True) -> RpcError:
    """Return what to tell of a commit that failed after it was begun (RFC 6241 appendix A)."""
    backend = isinstance(problem, BackendError)
    if not backend:
        log.error("a commit failed by a fault of this server and was undone", exc_info=problem)
    if not restored:
        return RollbackFailed(
            f"the commit failed ({problem if backend else 'the log says why'}), and the backend could not be "
            "brought back to what running holds: it is out of step until it can be reached again",
            app_tag="backend-refused" if backend else "internal-error",
        )
    if backend:
        return OperationFailed(f"the commit was undone: {problem}", app_tag="backend-refused")
    if isinstance(problem, sqlite3.OperationalError) and "full" in str(problem):
        return ResourceDenied("the commit was undone: it could not be recorded on disk, which is full")
    reason = "it could not be recorded on disk" if isinstance(problem, sqlite3.Error) else "the log says why"
    return OperationFailed(f"the commit was undone: {reason}", app_tag="internal-error")


def _replay(schema: Schema, running: Tree, change: UnitChange, *, back: bool = False) -> Unit | None:
    """Put a recorded unit into ``running``, as it was after the commit or, with ``back``, before it."""
    wanted, other = (change.before, change.after) if back else (change.after, change.before)
    for source, holds in ((wanted, True), (other, False)):
        tree = Tree.parse(schema, source, strict=False)
        for unit in all_units(tree):
            if unit.path == change.path and unit.is_explicit(tree):
                unit.replace_in(running, unit.locate(tree) if holds else [])
                return unit
    return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
