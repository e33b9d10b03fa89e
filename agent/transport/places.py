"""The places of sessions, of all transports together: how many, whose, and which one is kept back."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Collection

from agent.transport.doorway import source_of
from agent.transport.limits import Limits, Refused
from agent.transport.stream import ByteStream, Peer, Serve

log = logging.getLogger(__name__)

STOP_S = 10.0
"""How long a transport waits when it stops, if nobody says how long it may."""


class Places:
    """Says whether there may be one more session.

    Args:
        recovery_users: for whose sake one of all sessions is kept back.
        kept: it is kept back in any case, for who administers the agent, unless there is but one.
        refused: counts what a limit refused.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        recovery_users: Collection[str] = (),
        kept: bool = False,
        refused: Refused | None = None,
    ) -> None:
        self.limits = limits
        self.refused = refused or Refused()
        self.recovery_users = frozenset(recovery_users)
        self.sessions: Counter[str] = Counter()
        self.sources: Counter[str] = Counter()
        self._kept = kept

    def take_over(self, limits: Limits, recovery_users: Collection[str]) -> None:
        """Have other limits and recovery users, for sessions that come."""
        self.limits = limits
        self.recovery_users = frozenset(recovery_users)

    def may_open(self, peer: Peer) -> bool:
        """True if there may be one more session; the last of all is kept for a recovery session."""
        limits = self.limits
        recovers = peer.administers or peer.user in self.recovery_users
        # Of one place alone nobody asks to keep it who names no recovery user.
        keeps = bool(self.recovery_users) or (self._kept and limits.sessions > 1)
        kept = 1 if keeps and not recovers else 0
        source = _counted(peer)
        return (
            self.sessions.total() < limits.sessions - kept
            and self.sessions[peer.user] < limits.sessions_per_user
            and (not source or self.sources[source] < limits.sessions_per_source)
        )

    def take(self, peer: Peer) -> None:
        """Give a session of ``peer``, for which there is room, its place."""
        self.sessions[peer.user] += 1
        self.sources[_counted(peer)] += 1

    def give_back(self, peer: Peer) -> None:
        self.sessions[peer.user] -= 1
        self.sources[_counted(peer)] -= 1


def _counted(peer: Peer) -> str:
    """Return what the source of ``peer`` is counted as; "" where there is none."""
    return source_of(peer.source_host) if peer.source_host else ""


class Sessions:
    """The sessions of one transport: each has a place of those that all transports share.

    Args:
        serve: is given each, and owns it to its end.
    """

    def __init__(self, places: Places, serve: Serve) -> None:
        self._places = places
        self._serve = serve
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, channel: ByteStream, peer: Peer) -> None:
        """Have a channel served for which there is room."""
        self._places.take(peer)
        task = asyncio.get_running_loop().create_task(self._run(channel, peer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def are_open(self) -> bool:
        """True while there is one."""
        return bool(self._tasks)

    async def over(self, within_s: float) -> None:
        """Wait for all to be over, whose channels are closed, but not for longer."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)

    async def _run(self, channel: ByteStream, peer: Peer) -> None:
        try:
            await self._serve(channel, peer)
        except Exception:
            log.exception("a session of %s %s failed", peer.user, peer.whence)
        finally:
            self._places.give_back(peer)
            await channel.close()
