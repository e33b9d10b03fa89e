"""The transaction: the only place where running changes.

prepare (may fail, changes nothing) -> write-ahead record on disk -> translators apply -> record committed
on disk -> running swaps its units. A commit that returns is on disk and in the backends; one that raises has
changed neither, unless it says so (agent.datastore.outcome). All functions marked *worker* run on the thread
that owns libyang.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from agent.at_work import bind_commit
from agent.datastore.backends import ApplyFailed, Backends, Changes, Planned
from agent.datastore.candidate import Candidate
from agent.datastore.changes import config_change, edits
from agent.datastore.confirmed import Window
from agent.datastore.datastores import Datastores, WhenSwapped
from agent.datastore.outcome import InForce, found_by_a_start, unknown
from agent.datastore.preparation import Check, Preparation, Prepared
from agent.datastore.records import CommitInfo, timestamp
from agent.datastore.store import Store
from agent.datastore.store_errors import NotRecorded
from agent.datastore.tidying import Tidying
from agent.datastore.undone import undone
from agent.errors import RpcErrors
from agent.memory import FREED_AT_ONCE, forget_spare, give_back_with_end, let_go
from agent.translator import Json, Notification, Reader, reads_all
from agent.yang.beside import BESIDE
from agent.yang.many import are_many, locate_all, rebuilt
from agent.yang.tree import Tree
from agent.yang.worker import Worker

log = logging.getLogger(__name__)

Announce = Callable[[Notification], None]
"""Is told of every change; never blocks."""
Opens = Callable[[Prepared], Awaitable[Window | None]]
"""Returns the window of a confirmed commit that is open once a change is in force. Raises RpcErrors to refuse
the change."""

Vet = Callable[[Changes], Awaitable[None]]
"""Looks at what the backends are about to be changed by; raises RpcErrors to refuse it."""


class Transactions:
    """Carries changes of running out, one at a time."""

    def __init__(
        self,
        datastores: Datastores,
        *,
        preparation: Preparation,
        store: Store,
        backends: Backends,
        worker: Worker,
        announce: Announce,
    ) -> None:
        self._datastores = datastores
        self._preparation = preparation
        self._store = store
        self._backends = backends
        self._worker = worker
        self._announce = announce
        self._tidy = Tidying(store, datastores)
        self._makes_real = False
        self._later: set[asyncio.Future[None]] = set()

    async def commit(
        self,
        info: CommitInfo,
        candidate: Candidate,
        *,
        opens: Opens | None,
        check: Check | None,
        may_read: Reader = reads_all,
        vet: Vet | None = None,
    ) -> int | None:
        """Make ``candidate`` running; see ``Configuration.commit``."""
        self._datastores.committer = info.session_id
        task = asyncio.ensure_future(
            self._commit(info, candidate, opens=opens, check=check, may_read=may_read, vet=vet)
        )
        task.add_done_callback(self._committed)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise
        finally:
            # It holds what refused the commit, which holds this frame, and with it all that was changed.
            del task

    def _committed(self, _task: asyncio.Task[int | None]) -> None:
        self._datastores.committer = None

    async def _commit(
        self,
        info: CommitInfo,
        candidate: Candidate,
        *,
        opens: Opens | None,
        check: Check | None,
        may_read: Reader = reads_all,
        vet: Vet | None = None,
    ) -> int | None:
        prepared, upcoming = await self._worker(self._examined, candidate, check)
        if may_read is not reads_all and (errors := await self._backends.check(prepared.changes, may_read)):
            raise RpcErrors(errors, all_known=True)
        if not prepared.units:
            window = None if opens is None else await opens(prepared)
            await self._worker(self._nothing_changed, candidate, window)
            if info.comment:
                log.info("a commit by %s (%s) changed nothing: %s", info.user, info.occasion, info.said)
            return None
        change = _Change(info, candidate, prepared, time=timestamp(), upcoming=upcoming)
        self._makes_real = True
        try:
            with self._datastores.removing(prepared.changes):
                commit_id, told, doubt = await self._make_real(change, opens, vet=vet)
        finally:
            self._makes_real = False
        self._announce(config_change(info, told))
        count, held = len(prepared.units), [change]
        del prepared, change
        if is_much(count):
            self._put_off(held)
            await asyncio.sleep(0)  # it is given to the thread then, before whatever the client asks next
        log.info(
            "commit %d by %s (%s): %d changed%s",
            commit_id,
            info.user,
            info.occasion,
            count,
            f": {info.said}" if info.comment and info.session_id else "",
        )
        if doubt is not None:
            raise doubt
        return commit_id

    def _put_off(self, held: list[Any]) -> None:
        """Have done what nobody waits for, once a large commit is in force: it frees what that ``held``,
        gives memory back, and drops and prints what is due."""
        work = asyncio.ensure_future(self._worker(self._clear_up, held))
        self._later.add(work)
        work.add_done_callback(self._cleared_up)

    def _cleared_up(self, work: asyncio.Future[None]) -> None:
        self._later.discard(work)
        if not work.cancelled() and (problem := work.exception()) is not None:
            log.error("what a large commit left behind could not be cleared up", exc_info=problem)

    def _clear_up(self, held: list[Any]) -> None:
        """*worker*"""
        let_go(held)
        # Another commit may be on disk already while running does not hold it yet; it does this itself.
        if not self._makes_real:
            self._tidy()
        forget_spare()
        BESIDE.pool.submit(give_back_with_end)

    def _examined(self, candidate: Candidate, check: Check | None) -> tuple[Prepared, int]:
        """*worker* Return what a commit would change, and the id that it would get, 0 if it changes nothing.

        Raises:
            RpcErrors: it is refused, or the history cannot be asked.
        """
        running = self._datastores.running
        prepared = self._preparation.prepare(candidate, running)
        if check is not None:
            check(prepared, running)
        try:
            return prepared, self._store.upcoming() if prepared.units else 0
        except sqlite3.Error as problem:
            raise RpcErrors([undone(problem)]) from problem

    async def _make_real(
        self, change: _Change, opens: Opens | None, *, vet: Vet | None
    ) -> tuple[int, list[Json], InForce | None]:
        """Bring a change to disk, to the backends and to running; returns the id of its commit, the edits for
        subscribers, and whether it may get lost.

        What changes nothing beside this program, and so leaves nothing behind, needs no record before it.

        Raises:
            RpcErrors: it was refused; neither disk nor a backend has changed.
        """
        prepared, planned = change.prepared, change.planned
        planned += await self._backends.plan(prepared.changes)
        window = None if opens is None else await opens(prepared)
        if vet is not None:
            await vet(prepared.changes)
        held: list[Any] = [prepared.changes]
        prepared.changes = {}
        if is_much(len(prepared.units)):
            await self._worker(let_go, held)
        inside = all(each.plan.stays_inside for each in planned)
        commit_id = change.upcoming
        try:
            if not inside:
                commit_id = await self._worker(self._begin, change)
        except sqlite3.Error as problem:
            raise RpcErrors([undone(problem)]) from problem
        bind_commit(commit_id)  # in the task of this commit, which ends with it
        try:
            await self._backends.apply(planned, commit_id)
        except ApplyFailed as failure:
            refused = undone(failure.problem, restored=failure.restored)
            await self._mark_undone(commit_id, str(refused), unrecorded=change if inside else None)
            raise RpcErrors([refused]) from failure
        try:
            told = await self._worker(self._finish, change, commit_id, window, inside)
        except _NotFinished as unfinished:
            why = unfinished.problem
            marked = await self._mark_undone(commit_id, f"it could not be recorded: {why}")
            found = False if marked else await self._worker(self._found, commit_id, window)
            if found:
                log.error("commit %d is in force, but the disk failed at the end of its record", commit_id)
                told = await self._worker(self._swap, change, commit_id)
                return commit_id, told, InForce(commit_id, why)
            restored = await self._backends.take_back(planned, commit_id)
            answer = unknown(why) if found is None else undone(why, restored=restored)
            raise RpcErrors([answer]) from why
        return commit_id, told, None

    def _begin(self, change: _Change) -> int:
        """*worker*"""
        commit_id = self._store.begin(change.info, change.prepared.records, change.time)
        change.prepared.records = ()
        return commit_id

    def _finish(self, change: _Change, commit_id: int, window: Window | None, at_once: bool) -> list[Json]:
        """*worker* Record that a change is in force, and make running hold it; ``at_once``: nothing is
        recorded of it yet. Returns what ``swap`` does.

        Raises:
            _NotFinished: it could not be recorded.
        """
        try:
            if at_once:
                commit_id = self._store.record(
                    change.info, change.prepared.records, change.time, window=window
                )
            else:
                self._store.finish(commit_id, window)
        except Exception as problem:
            raise _NotFinished(problem) from problem
        return self._swap(change, commit_id)

    def _swap(self, change: _Change, commit_id: int) -> list[Json]:
        """*worker*"""
        much, candidate = is_much(len(change.prepared.units)), change.candidate
        if much and not candidate.is_running:
            change.spent.append(candidate.tree)  # if it is given up, it is freed when nobody waits
        told = self.swap(change.prepared, candidate, Recorded(commit_id, change.time))
        if not much:
            self._tidy()
        return told

    def _found(self, commit_id: int | None, window: Window | None) -> bool | None:
        """*worker* Return what a start would find of a commit whose record failed."""
        return found_by_a_start(self._store.path, commit_id, window)

    def record(self, info: CommitInfo, candidate: Candidate) -> int | None:
        """*worker* Record ``candidate`` as committed, for the next start to carry out: none has begun yet.

        Returns:
            The commit's id, None if nothing differed.

        Raises:
            RpcErrors: it is not valid.
            sqlite3.Error: it could not be recorded, and the next start does not find it.
        """
        prepared = self._preparation.prepare(candidate, self._datastores.running)
        self._datastores.refuse_losing_rules(prepared.units, prepared.scratch)
        if not prepared.units:
            return None
        time = timestamp()
        recorded = Recorded(self._store.record(info, prepared.records, time), time)
        self.swap(prepared, candidate, recorded)
        self._tidy()
        return recorded.commit_id

    def _nothing_changed(self, candidate: Candidate, window: Window | None) -> None:
        """*worker* Only the window of a confirmed commit may still have to be opened or closed.

        Raises:
            RpcErrors: it could not be recorded.
        """
        candidate.discard(self._datastores.running)
        self.record_window(window)

    def record_window(self, window: Window | None) -> None:
        """*worker* Record which window of a confirmed commit is open, with no change of running.

        Raises:
            RpcErrors: it could not be recorded.
        """
        try:
            if window is not None or self._store.window() is not None:
                self._store.finish(None, window)
        except sqlite3.Error as problem:
            found = False if isinstance(problem, NotRecorded) else self._found(None, window)
            if found:
                raise InForce(None, problem) from problem
            raise RpcErrors([unknown(problem) if found is None else undone(problem)]) from problem

    async def _mark_undone(self, commit_id: int, reason: str, *, unrecorded: _Change | None = None) -> bool:
        """Record that a change was undone, one that is ``unrecorded`` with what it was."""
        try:
            if unrecorded is not None:
                commit_id = await self._worker(self._begin, unrecorded)
            await self._worker(self._store.undo, commit_id, reason)
        except Exception:
            # Start-up treats a commit that is not finished as undone, so nothing is lost.
            log.exception("commit %d could not be marked undone", commit_id)
            return False
        return True

    def swap(self, prepared: Prepared, candidate: Candidate, recorded: Recorded) -> list[Json]:
        """*worker* Make running hold the prepared units; returns them as edits for subscribers.

        The shared candidate then agrees with running if it was what was committed. If not, it follows in
        all that nobody was editing.
        """
        datastores, shared = self._datastores, self._datastores.candidate
        told = edits(prepared.units, datastores.running, prepared.scratch, prepared.found)
        being_edited: set[str] = set()
        if candidate is not shared:
            being_edited.update(unit.path for unit in shared.differing(datastores.running))
        replace_units(datastores, prepared, recorded)
        # Validation may have removed nodes of other units whose "when" became false.
        shared.changed.update({unit.path: unit for unit in (*prepared.units, *prepared.refreshed)})
        if being_edited:
            shared.follow(datastores.running, (*prepared.units, *prepared.refreshed), but=being_edited)
        elif candidate is shared:
            shared.discard(datastores.running)
        else:
            shared.agree(datastores.running)
        return told


@dataclass(frozen=True, slots=True)
class _Change:
    """A commit that is not refused so far. ``time``: its own; ``upcoming``: the id that it gets; ``planned``:
    what the backends do for it, once they have said; ``spent``: a tree that nobody may need any more."""

    info: CommitInfo
    candidate: Candidate
    prepared: Prepared
    time: str
    upcoming: int
    planned: list[Planned] = field(default_factory=list)
    spent: list[Tree] = field(default_factory=list)


class _NotFinished(Exception):
    """A commit that was applied could not be recorded: ``problem``."""

    def __init__(self, problem: Exception) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Recorded:
    """The commit that a change is on record as."""

    commit_id: int
    time: str


def is_much(count: int) -> bool:
    """Return whether a commit of so many units is cleared up after while nobody waits."""
    return count > FREED_AT_ONCE


def replace_units(datastores: Datastores, prepared: Prepared, recorded: Recorded | None) -> None:
    """*worker* Make running hold the prepared units, and tell who wants to know. It spends the scratch.

    ``recorded`` None: nothing was changed. Who reads running waits for few units, and goes on with what it
    was where there are many.
    """
    units, in_use = (*prepared.units, *prepared.refreshed), not prepared.complete
    datastores.changes += 1
    after = [*prepared.found, *locate_all(prepared.refreshed, prepared.scratch)]
    if are_many(len(units), datastores.running):
        now = rebuilt(datastores.running, units, prepared.scratch, after, restore_default=in_use)
        datastores.published.publish(now, lambda: _tell(datastores.with_swap, now, prepared))
    else:
        with datastores.published.changing() as now:
            for unit, nodes in zip(units, after, strict=True):
                unit.replace_in(now, nodes, restore_default=in_use)
            _tell(datastores.with_swap, now, prepared)
    if recorded is not None:
        txids, pairs = datastores.txids, zip(prepared.units, prepared.found, strict=True)
        gone = [unit for unit, own in pairs if not own]  # but for those that have got their default back
        txids.changed(recorded.commit_id, recorded.time, [unit.path for unit in prepared.units])
        txids.forget([u.path for u, own in zip(gone, locate_all(gone, now), strict=True) if not own])
    _tell(datastores.when_swapped, now, prepared)


def _tell(whom: Iterable[WhenSwapped], running: Tree, prepared: Prepared) -> None:
    for tell in whom:
        tell(running, prepared.units)
