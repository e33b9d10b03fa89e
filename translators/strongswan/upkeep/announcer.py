"""Sees what became of tunnels that something happened to, and tells it.

Told is what a client would have read: the status from list-sas and facts. Events only say of whom to look,
some of them at once, so that a burst costs one look; how often a tunnel went up and down meanwhile the facts
have counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping

from agent.at_work import unbound
from agent.translator import Notification
from translators.strongswan.model import entry_path
from translators.strongswan.status import announcements
from translators.strongswan.status.announcements import Happening, Told
from translators.strongswan.status.dampening import Dampener, Release
from translators.strongswan.status.facts import Facts
from translators.strongswan.status.state import Status
from translators.strongswan.tasks import Background

log = logging.getLogger(__name__)

LOOK_AFTER_S = 0.1
"""Long enough for the reason, which comes over another socket, and for what follows at once."""
AGAIN_AFTER_S = 1.0
"""The pause after a look that came to nothing."""
REST = 4.0
"""Looks take at most one part in so many of the time, however many tunnels change."""


class Announcer:
    """``look`` returns the status of each tunnel that exists, None if charon gives no answer (it is looked
    again then), ``facts`` what else is known of one,
    ``without_sas`` the status that one has while it has no SA; ``clock`` is in seconds since the epoch."""

    def __init__(
        self,
        notify: Callable[[Notification], None],
        look: Callable[[Collection[str]], Awaitable[Mapping[str, Status] | None]],
        facts: Callable[[str], Facts],
        clock: Callable[[], float],
        without_sas: Callable[[str], Status] = lambda _tunnel: Status.DOWN,
    ) -> None:
        self._notify = notify
        self._look = look
        self._facts = facts
        self._clock = clock
        self._without_sas = without_sas
        self._told: dict[str, Told] = {}
        self._touched: set[str] = set()
        self._wake = asyncio.Event()
        self._dampener: Dampener[Happening] = Dampener(announcements.merge)
        self._timer: asyncio.TimerHandle | None = None
        self._task = Background()

    def start(self) -> None:
        """Begin to look and to tell."""
        self._task.start(self._run())

    async def stop(self) -> None:
        """Tell what is held and stop. Safe to call twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._task.stop()
        for release in self._dampener.flush():
            self._send(release)

    def touch(self, tunnel: str) -> None:
        """Have the tunnel looked at soon: something happened to it."""
        self._touched.add(tunnel)
        self._wake.set()

    def know(self, tunnel: str, status: Status) -> None:
        """Take the tunnel as it was found, as nothing new."""
        self._told[tunnel] = Told.of(status, self._facts(tunnel).counters)

    def forget(self, tunnel: str) -> None:
        """Tell that a tunnel is down that is configured no more, and forget it."""
        told = self._told.pop(tunnel, Told())
        self._touched.discard(tunnel)
        if told.status is not Status.DOWN:
            why = announcements.not_configured(self._clock())
            self.tell(announcements.status_changed(tunnel, told.status, Status.DOWN, why))

    def tell(self, happening: Happening) -> None:
        """Send a notification, or hold it while there are too many of its kind."""
        if (release := self._dampener.offer(happening.subject, happening, self._clock())) is not None:
            self._send(release)
        self._arm()

    def tell_at_once(self, content: announcements.Json, names: Mapping[str, str] | None = None) -> None:
        """Send a notification, as a rule one that is about no tunnel."""
        try:
            self._notify(Notification(content, names or {}))
        except Exception:
            # Told from the midst of handling charon's events, which must go on.
            log.exception("defect while sending a notification")

    def _send(self, release: Release[Happening]) -> None:
        content = announcements.content(release.item, release.suppressed)
        self.tell_at_once(content, {"id": entry_path("{}")})

    def _arm(self) -> None:
        due = self._dampener.next_due()
        if due is not None and self._timer is None:
            loop = asyncio.get_running_loop()
            pause_s = max(0.0, due - self._clock()) + 0.01
            self._timer = loop.call_later(pause_s, self._release, context=unbound())

    def _release(self) -> None:
        self._timer = None
        for release in self._dampener.due(self._clock()):
            self._send(release)
        self._arm()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            await asyncio.sleep(LOOK_AFTER_S)
            self._wake.clear()
            touched, self._touched = self._touched, set()
            began = loop.time()
            try:
                if not await self._catch_up(touched):
                    await self._look_again(touched)
            except Exception:
                # Nobody waits for this task: a defect here must be seen, and must not end the telling.
                log.exception("defect while looking at tunnels")
            await asyncio.sleep((loop.time() - began) * (REST - 1))

    async def _look_again(self, touched: Collection[str]) -> None:
        await asyncio.sleep(AGAIN_AFTER_S)
        for tunnel in touched:
            self.touch(tunnel)

    async def _catch_up(self, touched: Collection[str]) -> bool:
        # Counted before the look: what happens during it touches the tunnel again.
        counters = {tunnel: self._facts(tunnel).counters for tunnel in touched}
        statuses = await self._look(touched)
        if statuses is None:
            return False
        now = self._clock()
        for tunnel, status in statuses.items():
            found = Told.of(status, counters[tunnel])
            told = self._told.get(tunnel, Told())
            facts, between = self._facts(tunnel), self._without_sas(tunnel)
            for happening in announcements.news(tunnel, told, found, facts, now, without_sas=between):
                self.tell(happening)
            self._told[tunnel] = found
        return True
