"""Confirmed commit at work: the table of agent.datastore.confirmed with a clock, a timer and rollbacks.

The open window is on disk with the commit that opened it. A server that ends inside the window, or crashes,
rolls back when it starts again: that is agent.datastore.recovery. A rollback is a commit like any other: the
backends follow, and only the units that the sequence had changed are touched.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace

from agent.datastore.changes import base_event, session_parameters
from agent.datastore.configuration import Configuration
from agent.datastore.confirmed import (
    Request,
    Window,
    after_commit,
    cancel_refusal,
    ends_with,
    refusal,
    too_late,
)
from agent.datastore.outcome import InForce
from agent.datastore.preparation import Check
from agent.datastore.store import SERVER, CommitInfo
from agent.datastore.transaction import Vet
from agent.errors import RpcErrors
from agent.translator import Json, Reader, reads_all

log = logging.getLogger(__name__)

RETRY_S = 5.0
"""How long to wait before a rollback that a backend refused is tried again."""


class ConfirmedCommits:
    """Commits with and without a window of confirmation. The caller of ``commit`` and ``cancel`` holds
    ``configuration.writing``."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._timer: asyncio.Task[None] | None = None
        self._first_try: asyncio.Event = asyncio.Event()
        self._hurry = asyncio.Event()
        self._why: tuple[str, CommitInfo] = ("timeout", SERVER)
        self.window: Window | None = None

    @property
    def rollback_pending(self) -> bool:
        """Whether what was in force before may come back: a commit is under way or not confirmed."""
        return self.window is not None or self._configuration.committer is not None

    @property
    def owner(self) -> int | None:
        """The session that made the pending confirmed commit, which it may have survived; None without."""
        return None if self.window is None else self.window.session_id

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
        """Carry out ``<commit>``; returns the commit's id, None if nothing differed.

        Raises:
            RpcError, RpcErrors: it was refused; neither running nor the window has changed.
            InForce: both have changed, and may get lost.
        """
        before = self.window
        if problem := refusal(before, request, info.session_id, _clock()):
            raise problem
        window = after_commit(
            before,
            request,
            latest=self._configuration.store.latest(),
            session_id=info.session_id,
            user=info.user,
            source=info.source,
            now_s=_clock(),
        )
        doubt: InForce | None = None
        try:
            commit_id = await self._configuration.commit(
                info, window=window, check=check, may_read=may_read, vet=vet
            )
        except InForce as told:
            commit_id, doubt = told.commit_id, told
        if window is not None:  # the time that the commit itself took is not the client's
            window = replace(window, deadline_s=_clock() + window.timeout_s)
        self._set(window)
        if window is not None:
            self._tell("start" if before is None else "extend", info, window.timeout_s)
        elif before is not None:
            self._tell("complete", info)
        if doubt is not None:
            raise doubt
        return commit_id

    async def cancel(self, persist_id: str | None, info: CommitInfo) -> None:
        """Carry out ``<cancel-commit>``.

        Raises:
            RpcError, RpcErrors: it was refused, or the rollback failed and is tried again.
        """
        window = self.window
        if problem := cancel_refusal(window, persist_id, info.session_id):
            raise problem
        assert window is not None
        try:
            await self._roll_back(window, "cancel", info)
        except Exception:
            self._why = ("cancel", info)
            self._hurry.set()  # the timer goes on with it
            raise

    async def session_ended(self, session_id: int) -> None:
        """Roll back what that session has not confirmed; returns when it was tried."""
        window = self.window
        if window is not None and ends_with(window, session_id):
            log.warning("session %d ended with a confirmed commit pending: rolling back", session_id)
            self._why = ("cancel", CommitInfo(window.user, session_id, window.source))
            self._hurry.set()
            await self._first_try.wait()

    async def stop(self) -> None:
        """End the timer; a window that is still open is rolled back at the next start."""
        if self._timer is not None:
            self._timer.cancel()
            await asyncio.wait([self._timer])

    # -- the window ------------------------------------------------------------------------

    def _set(self, window: Window | None) -> None:
        self.window = window
        if self._timer is not None and self._timer is not asyncio.current_task():
            self._timer.cancel()
        self._timer = None
        if window is not None:
            self._hurry, self._first_try = asyncio.Event(), asyncio.Event()
            self._why = ("timeout", SERVER)
            self._timer = asyncio.create_task(self._wait(window, self._hurry, self._first_try))

    async def _wait(self, window: Window, hurry: asyncio.Event, tried: asyncio.Event) -> None:
        """Roll ``window`` back when its time has come, again and again until it is done."""
        try:
            while not too_late(window, _clock()) and not hurry.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(hurry.wait(), window.deadline_s - _clock())
            while self.window is window:
                async with self._configuration.writing:
                    if self.window is not window:
                        return
                    try:
                        await self._roll_back(window, *self._why)
                    except RpcErrors as problem:
                        log.error("the rollback failed and is tried again in %g s: %s", RETRY_S, problem)
                    except Exception:
                        log.exception("the rollback failed and is tried again in %g s", RETRY_S)
                tried.set()
                if self.window is window:
                    await asyncio.sleep(RETRY_S)
        finally:
            tried.set()

    async def _roll_back(self, window: Window, event: str, info: CommitInfo) -> None:
        log.warning("confirmed commit of %s rolled back (%s)", window.user, event)
        configuration = self._configuration
        if await configuration.worker(configuration.is_as_of, window.rollback_to):
            await configuration.worker(configuration.close_window)
        else:
            candidate = await configuration.worker(configuration.as_of, window.rollback_to)
            author = replace(info, comment=f"rollback of a confirmed commit: {event}")
            await configuration.commit(author, candidate=candidate)
        self._set(None)
        self._tell(event, info)

    def _tell(self, event: str, info: CommitInfo, timeout_s: int | None = None) -> None:
        content: Json = {"confirm-event": event}
        if event != "timeout":
            content.update(session_parameters(info))
        if timeout_s is not None:
            content["timeout"] = timeout_s
        self._configuration.announce(base_event("netconf-confirmed-commit", content))


def _clock() -> float:
    return asyncio.get_running_loop().time()
