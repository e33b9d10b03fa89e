"""Confirmed commit at work: the table of agent.datastore.confirmed with a clock, a timer and rollbacks.

The open window is on disk with the commit that opened it. A server that ends inside the window, or crashes,
rolls back when it starts again: that is agent.datastore.recovery. A rollback is a commit like any other: the
backends follow, and only the units that the sequence had changed are touched.

A commit with <verify> is confirmed here as soon as agent.datastore.verifying has seen everything work, and
rolled back when it has not in time. Nobody holds ``writing`` meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from agent.at_work import of_commit
from agent.datastore.candidate import Candidate
from agent.datastore.changes import base_event, session_parameters
from agent.datastore.configuration import Configuration
from agent.datastore.confirmed import (
    WHY_NOT,
    Request,
    Window,
    after_commit,
    cancel_refusal,
    ends_with,
    pending_of_another,
    refusal,
)
from agent.datastore.outcome import InForce
from agent.datastore.preparation import Check, Prepared
from agent.datastore.records import SERVER, Cause, CommitInfo
from agent.datastore.to_work import Entry, ToWork
from agent.datastore.transaction import Vet
from agent.datastore.verifying import ENDED_BY_S, Outcome, Verification, ended
from agent.errors import RpcErrors, shortened
from agent.translator import Json, Reader, reads_all

log = logging.getLogger(__name__)

RETRY_S = 5.0
"""How long to wait before a rollback that a backend refused is tried again."""


@dataclass(frozen=True, slots=True)
class End:
    """Why a window ends: ``event`` as RFC 6470 calls it, who ends it, and what is told of it, in words that
    name no data."""

    event: str
    info: CommitInfo
    reason: str


TIMEOUT = End("timeout", SERVER, "nobody confirmed it in time")


@dataclass(slots=True)
class Opening:
    """A commit under way: the window ``before`` it, what its sequence has ``touched``, by path, the
    ``entries`` that have to work, and the ``window`` after it."""

    before: Window | None
    touched: Mapping[str, Entry] = field(default_factory=dict)
    entries: Sequence[Entry] = ()
    window: Window | None = None


class ConfirmedCommits:
    """Commits with and without a window of confirmation. The caller of ``commit`` and ``cancel`` holds
    ``configuration.writing``. ``verification``: waits for what the open window confirms itself by."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._to_work = ToWork(configuration.datastores.schema, configuration.translators)
        self._timer: asyncio.Task[None] | None = None
        self._verifier: asyncio.Task[None] | None = None
        self._first_try: asyncio.Event = asyncio.Event()
        self._hurry = asyncio.Event()
        self._why = TIMEOUT
        self.window: Window | None = None
        self.verification: Verification | None = None

    @property
    def rollback_pending(self) -> bool:
        """Whether what was in force before may come back: a commit is under way or not confirmed."""
        return self.window is not None or self._configuration.committer is not None

    @property
    def owner(self) -> int | None:
        """The session that made the pending confirmed commit, which it may have survived; None without."""
        return None if self.window is None else self.window.session_id

    @property
    def told_to_others(self) -> str:
        """Whose the pending confirmed commit is and what others can do; "" without one."""
        return "" if self.window is None else pending_of_another(self.window, _clock())

    def remaining_s(self) -> float:
        """Seconds until the open window is rolled back."""
        return max(0.0, self.window.deadline_s - _clock()) if self.window is not None else 0.0

    async def commit(
        self,
        request: Request,
        info: CommitInfo,
        check: Check | None = None,
        may_read: Reader = reads_all,
        vet: Vet | None = None,
    ) -> int | None:
        """Carry out ``<commit>``; returns the commit's id, None if nothing differed. Whether one with
        <verify> stays is decided later, by ``verification``.

        Raises:
            RpcError, RpcErrors: it was refused; neither running nor the window has changed.
            InForce: both have changed, and may get lost.
        """
        before = self.window
        if problem := refusal(before, request, info.session_id, _clock()):
            raise problem
        if request.confirmed:
            info = replace(info, cause=Cause.CONFIRMED_COMMIT)
        opening = Opening(before)
        latest = 0  # where no window is opened nobody asks for it
        if request.confirmed:
            latest = await self._configuration.worker(self._configuration.store.latest)

        async def opens(prepared: Prepared) -> Window | None:
            if request.confirmed:
                await self._find_entries(opening, prepared, request, may_read)
            opening.window = after_commit(
                before,
                request,
                latest=latest,
                session_id=info.session_id,
                user=info.user,
                source=info.source,
                now_s=_clock(),
                touched=frozenset(opening.touched),
            )
            return opening.window

        doubt: InForce | None = None
        try:
            commit_id = await self._configuration.commit(
                info, opens=opens, check=check, may_read=may_read, vet=vet
            )
        except InForce as told:
            commit_id, doubt = told.commit_id, told
        self._follow(opening, request, commit_id, info)
        if doubt is not None:
            raise doubt
        return commit_id

    async def _find_entries(
        self, opening: Opening, prepared: Prepared, request: Request, may_read: Reader
    ) -> None:
        """Find what the sequence has touched and, with <verify>, what has to work.

        Raises:
            RpcErrors: somebody named what is not there, or nobody can tell whether something works.
        """
        worker, running = self._configuration.worker, self._configuration.running
        earlier = () if opening.before is None else sorted(opening.before.touched)
        places = await worker(self._to_work.look_up, earlier, prepared, running)
        touched = self._to_work.touched(prepared.changes, places)
        opening.touched = {entry.path: entry for entry in touched}
        if request.verify is None:
            return
        if request.verify.entries is not None:
            places = await worker(self._to_work.look_up, request.verify.entries, prepared, running)
            touched = self._to_work.named(places, may_read)
        self._to_work.refuse_untold(touched)
        opening.entries = touched

    def _follow(self, opening: Opening, request: Request, commit_id: int | None, info: CommitInfo) -> None:
        """Have what a commit has opened, and tell what became of the window that was open before."""
        before, window = opening.before, opening.window
        if window is None:
            self._decide(Outcome.CONFIRMED, f"confirmed by session {info.session_id}")
        else:  # the time that the commit itself took is not the client's
            window = replace(window, deadline_s=_clock() + window.timeout_s)
            self._decide(Outcome.SUPERSEDED, "another confirmed commit followed")
        self._set(window, commit_id)
        if window is not None:
            self._tell("start" if before is None else "extend", info, window.timeout_s)
        elif before is not None:
            self._tell("complete", info)
        if request.verify is not None:
            self.verification = Verification(opening.entries, request.verify.within_s, commit_id)
            if window is None:
                self._decide(Outcome.CONFIRMED, "there was nothing to wait for")
            else:
                work = self._verify(window, self.verification)
                self._verifier = asyncio.create_task(work, context=of_commit(commit_id))

    async def cancel(self, persist_id: str | None, info: CommitInfo, *, recovery: bool = False) -> None:
        """Carry out ``<cancel-commit>``, which may come from a ``recovery`` session.

        Raises:
            RpcError, RpcErrors: it was refused, or the rollback failed and is tried again.
        """
        window = self.window
        problem = cancel_refusal(window, persist_id, info.session_id, now_s=_clock(), recovery=recovery)
        if problem is not None:
            raise problem
        assert window is not None
        by = f"session {info.session_id}"
        if persist_id is None and not ends_with(window, info.session_id):
            by = f"recovery user {info.user} in {by}"
        end = End("cancel", info, f"cancelled by {by}")
        try:
            await self._roll_back(window, end)
        except Exception:
            self._why = end
            self._hurry.set()  # the timer goes on with it
            raise

    async def session_ended(self, session_id: int) -> None:
        """Roll back what that session has not confirmed; returns when it was tried."""
        window = self.window
        if window is not None and ends_with(window, session_id):
            log.warning("session %d ended with a confirmed commit pending: rolling back", session_id)
            author = CommitInfo(window.user, session_id, window.source)
            self._why = End("cancel", author, "its session ended")
            self._hurry.set()
            await self._first_try.wait()

    async def stop(self, within_s: float | None = None) -> None:
        """End the timer; a window that is still open is rolled back at the next start. A rollback that goes
        on is waited for, ``within_s`` at most."""
        tasks = [task for task in (self._verifier, self._timer) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=within_s)

    # -- the window ------------------------------------------------------------------------

    def _set(self, window: Window | None, commit_id: int | None = None) -> None:
        self.window = window
        for task in (self._timer, self._verifier):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
        self._timer = self._verifier = None
        if window is not None:
            self._hurry, self._first_try = asyncio.Event(), asyncio.Event()
            self._why = TIMEOUT
            work = self._wait(window, self._hurry, self._first_try)
            self._timer = asyncio.create_task(work, context=of_commit(commit_id))

    async def _wait(self, window: Window, hurry: asyncio.Event, tried: asyncio.Event) -> None:
        """Roll ``window`` back when its time has come, again and again until it is done."""
        # The last look at what has to work may begin at the end of the time.
        until_s = window.deadline_s + (0.0 if window.verify is None else ENDED_BY_S)
        try:
            while _clock() < until_s and not hurry.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(hurry.wait(), until_s - _clock())
            while self.window is window:
                async with self._configuration.writing:
                    if self.window is not window:
                        return
                    await self._try_rollback(window)
                tried.set()
                if self.window is window:
                    await asyncio.sleep(RETRY_S)
        finally:
            tried.set()

    async def _try_rollback(self, window: Window) -> None:
        try:
            await self._roll_back(window, self._why)
            return
        except RpcErrors as problem:
            log.error("the rollback failed and is tried again in %g s: %s", RETRY_S, problem)
            trouble = str(problem)
        except Exception:
            log.exception("the rollback failed and is tried again in %g s", RETRY_S)
            trouble = "the log says why"
        if self.verification is not None:
            self.verification.decide(Outcome.ROLLED_BACK, self._why.reason, trouble=trouble)

    async def _roll_back(self, window: Window, end: End) -> None:
        log.warning("confirmed commit of %s rolled back (%s)", window.user, end.reason)
        configuration = self._configuration
        if await configuration.worker(configuration.is_as_of, window.rollback_to):
            await configuration.worker(configuration.close_window)
        else:
            candidate = await configuration.worker(configuration.as_of, window.rollback_to)
            comment = await self._comment(window, end, candidate)
            author = replace(end.info, comment=comment, cause=Cause.ROLLBACK)
            await configuration.commit(author, candidate=candidate)
        self._decide(Outcome.ROLLED_BACK, end.reason)
        self._set(None)
        self._tell(end.event, end.info)

    async def _comment(self, window: Window, end: End, back: Candidate) -> str:
        """Return what the history says of the rollback to ``back``. It names of what did not work only what
        is changed: who may read that and its state, and nobody else, is shown it."""
        worker, verification = self._configuration.worker, self.verification
        undone = await worker(self._configuration.committed_after, window.rollback_to)
        if verification is None:
            return f"rollback of {undone}: {end.event}"
        changed = await worker(back.differing, self._configuration.running)
        why = verification.told(end.reason, {unit.path for unit in changed})
        return shortened(f"rollback of {undone}{WHY_NOT}{why}")

    # -- what confirms itself --------------------------------------------------------------

    def state_changed(self, paths: Sequence[str]) -> None:
        """Take that state below ``paths`` may be another; see agent.operational."""
        if self.verification is not None:
            self.verification.on_changed(paths)

    async def _verify(self, window: Window, verification: Verification) -> None:
        if not await verification.run():
            if not self._hurry.is_set():
                self._why = End("timeout", SERVER, verification.too_late)
                self._hurry.set()
            return
        async with self._configuration.writing:
            if self.window is window and not self._hurry.is_set():
                await self._confirm(window)

    async def _confirm(self, window: Window) -> None:
        configuration = self._configuration
        try:
            await configuration.worker(configuration.close_window)
        except InForce as doubt:
            log.error("%s", doubt)
        except Exception as problem:
            log.error("the confirmed commit of %s works, and is rolled back: %s", window.user, problem)
            self._why = End("timeout", SERVER, "it works, and that could not be recorded")
            self._hurry.set()
            return
        log.info("confirmed commit of %s confirmed: it works", window.user)
        self._decide(Outcome.CONFIRMED, "everything works")
        self._set(None)
        self._tell("complete", SERVER)

    def _decide(self, outcome: Outcome, reason: str) -> None:
        """End the verification, if there is one, and tell how."""
        verification, self.verification = self.verification, None
        if verification is not None:
            verdict = verification.decide(outcome, reason)
            self._configuration.announce(ended(verification.commit_id, verdict))

    def _tell(self, event: str, info: CommitInfo, timeout_s: int | None = None) -> None:
        content: Json = {"confirm-event": event}
        if event != "timeout":
            content.update(session_parameters(info))
        if timeout_s is not None:
            content["timeout"] = timeout_s
        self._configuration.announce(base_event("netconf-confirmed-commit", content))


def _clock() -> float:
    return asyncio.get_running_loop().time()
