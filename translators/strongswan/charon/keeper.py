"""Keeps one session with a charon: starts ours or waits for theirs, has it agree, begins again when lost."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from agent.at_work import unbound
from translators.strongswan.backoff import delay_s
from translators.strongswan.charon.daemon import DaemonError, ManagedCharon
from translators.strongswan.charon.session import CharonSession
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import Section, ViciError
from translators.strongswan.options import Options
from translators.strongswan.status.events import Notice
from translators.strongswan.tasks import is_set_within

log = logging.getLogger(__name__)

RETRY_FIRST_S = 0.1
RETRY_MAX_S = 10.0
CLOSE_LIMIT_S = 5.0
GONE_LIMIT_S = 5.0
"""A process that has ended has closed its sockets; who does not hear of it by now talks to another."""
LOG_LOOK_S = 60.0
"""With a thousand tunnels charon writes ten MB of log in some minutes."""
AWAITED_MAX = 200
"""So many tunnels charon is told of in a second; with more nobody is kept waiting at the start."""
ANSWER_LIMIT_S = 5.0
"""However long the restart itself took, charon gets so long to answer."""


class Unavailable(Exception):
    """There is no charon at the moment; the text says why, as far as known."""


class NotRestarted(Exception):
    """The charon that was to be restarted goes on."""


class Follower(Protocol):
    """Who follows each charon from when it answers until it is lost."""

    async def agree(self, session: CharonSession) -> None:
        """Make the charon of a new session hold what is desired, and hear its log; it is in use only after
        this returned.

        Raises:
            ViciError: charon refused, or was lost on the way.
        """

    def is_log_watched(self) -> bool:
        """Return whether somebody wants each line of charon's log, also of what it is told at its start."""

    def on_event(self, session: CharonSession, event: str, message: Section) -> None:
        """Take one VICI event of ``session``."""

    def on_notice(self, notice: Notice) -> None:
        """Take one record of error-notify."""

    def found(self, session: CharonSession) -> None:
        """Hear that ``session`` is in use."""

    def hindered(self) -> None:
        """Hear that no tunnel can come up, ``Shared.trouble`` says why: there is no charon."""

    def lost(self, detail: str) -> None:
        """Hear that the session in use has ended; ``detail`` is what is known about it."""


class Keeper:
    """Sets ``shared.session``. ``daemon`` is None for an external charon."""

    def __init__(
        self, options: Options, shared: Shared, *, daemon: ManagedCharon | None, follower: Follower
    ) -> None:
        self._options = options
        self._daemon = daemon
        self._shared = shared
        self._follower = follower
        self._task: asyncio.Task[None] | None = None
        self._first_outcome = asyncio.Event()
        self._ready = asyncio.Event()
        self._not_started = asyncio.Event()
        self._stopping = self._keeping = False
        self._restarting = ""
        self._trouble = "it was not reached yet"

    async def start(self) -> None:
        """Begin to keep a session; return when there is one, or the first try has failed, or it is known to
        take long."""
        self._task = asyncio.create_task(self._keep(), context=unbound())
        # A defect must not leave the agent waiting at start.
        self._task.add_done_callback(lambda _task: self._first_outcome.set())
        await self._first_outcome.wait()
        if self._task.done():
            self._task.result()

    async def stop(self, *, keep: bool = False) -> None:
        """End the session, and the daemon if it is ours and not to be kept."""
        self._stopping, self._keeping = True, keep
        if self._daemon is not None and self._shared.session is not None and not keep:
            # Before the connections are closed: charon 5.9 may hang when it shuts down while it still
            # has events for a client that has gone.
            await self._daemon.stop()
        if self._task is not None:
            if self._shared.session is not None:
                self._shared.session.lost.set()
                await asyncio.wait([self._task], timeout=CLOSE_LIMIT_S)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._daemon is not None:
            await (self._daemon.leave() if keep else self._daemon.stop())

    async def available(self, limit_s: float) -> CharonSession:
        """Return the session, waiting up to ``limit_s`` seconds for one.

        Raises:
            Unavailable: there is none.
        """
        await is_set_within(self._ready, limit_s)
        if self._shared.session is None:
            raise Unavailable(f"charon is not available: {self._trouble}")
        return self._shared.session

    async def restart(self, restart_unit: Callable[[], Awaitable[None]], limit_s: float) -> CharonSession:
        """Have charon end and start anew; return the session with the new one, which agrees with what is
        wanted. Ours is ended, and so started again at once; ``restart_unit`` does it with another's.

        Raises:
            Unavailable: no new charon agrees within ``limit_s`` seconds, or ours cannot be started.
            NotRestarted: ``restart_unit`` did not end the charon that we talk to.
            What ``restart_unit`` raises; the session goes on then, if charon does.
        """
        began, session = asyncio.get_running_loop().time(), self._shared.session
        self._restarting = "it was restarted on request"
        self._not_started.clear()
        try:
            if self._daemon is not None:
                await self._daemon.stop()
            else:
                await restart_unit()
                await _end_of(session)
        except BaseException:
            self._restarting = ""
            raise
        if session is not None and self._shared.session is session:
            self._ready.clear()
            session.lost.set()
        spent_s = asyncio.get_running_loop().time() - began
        await _first_of(self._ready, self._not_started, max(limit_s - spent_s, ANSWER_LIMIT_S))
        return await self.available(0)

    async def _keep(self) -> None:
        failures = 0
        while not self._stopping:
            try:
                session = await self._connect()
            except (DaemonError, ViciError, OSError) as error:
                self._hindered(str(error))
                self._first_outcome.set()
                if isinstance(error, DaemonError):
                    self._not_started.set()
                await asyncio.sleep(delay_s(failures, RETRY_FIRST_S, RETRY_MAX_S, random.random()))
                failures += 1
                continue
            failures = 0
            self._trouble = self._shared.trouble = ""
            self._shared.session = session
            self._ready.set()
            self._first_outcome.set()
            self._follower.found(session)
            try:
                await self._until_lost(session)
                self._trouble = "the connection to it was lost"
                if not self._stopping:
                    log.warning("the connection to charon was lost")
            finally:
                self._ready.clear()
                self._shared.session = None
                self._end_told()
                await session.close()

    def _hindered(self, detail: str) -> None:
        if detail != self._trouble:
            log.error("%s", detail)
            self._trouble = self._shared.trouble = detail
            self._shared.trouble_since = time.time()
            self._follower.hindered()

    async def _until_lost(self, session: CharonSession) -> None:
        while not session.lost.is_set():
            if not await is_set_within(session.lost, LOG_LOOK_S) and self._daemon is not None:
                await self._begin_large_log_anew(self._daemon, session)

    async def _begin_large_log_anew(self, daemon: ManagedCharon, session: CharonSession) -> None:
        try:
            if daemon.set_log_aside():
                await session.request("reload-settings")
        except (OSError, ViciError) as error:
            log.error("charon's log cannot be begun anew: %s", error)

    def _end_told(self) -> None:
        if not self._stopping:
            self._follower.lost(self._restarting or "the connection to it was lost")
        elif self._daemon is not None and not self._keeping:
            self._follower.lost("the agent stops, and its daemon with it")
        self._restarting = ""

    async def _connect(self) -> CharonSession:
        vici_socket, notify_socket = self._options.vici_socket, self._options.error_notify_socket
        is_new = False
        if self._daemon is not None:
            is_new = not await self._daemon.start()
            vici_socket, notify_socket = self._daemon.vici_socket, self._daemon.notify_socket
        follower, many = self._follower, len(self._shared.desired.messages) > AWAITED_MAX
        session = await CharonSession.open(
            vici_socket,
            notify_socket,
            on_event=follower.on_event,
            on_notice=follower.on_notice,
            # A line for each that is loaded costs charon half as much again. What it does is in its file
            # all the same, and nobody else has told it anything yet.
            log_later=is_new and many and not follower.is_log_watched(),
        )
        self._trouble = "it is being told what is configured"
        if many:
            self._first_outcome.set()
        try:
            await follower.agree(session)
        except BaseException:
            await session.close()
            raise
        return session


async def _end_of(session: CharonSession | None) -> None:
    if session is not None and not await is_set_within(session.lost, GONE_LIMIT_S):
        raise NotRestarted("the charon that this agent talks to was not restarted")


async def _first_of(one: asyncio.Event, other: asyncio.Event, limit_s: float) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in (one, other)]
    try:
        await asyncio.wait(waiting, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waiting:
            wait.cancel()
