"""One dynamic subscription while it lasts (RFC 8639): what drives it, and what happens to it meanwhile.

A source is asked for an update, the session takes it, the source is asked again. While the session takes
nothing, it is looked now and then how much waits: a subscription with more than its bound is suspended.
Nothing is sent then, for nothing can be; what a client reads first afterwards is that it was suspended, that
it is resumed, and how much it has missed. Nothing here waits for a commit, and no commit waits for anything
here.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from agent.breakable import Breakable
from agent.notifications import message, missed, time_text
from agent.push.bodies import Described, changed, identity_leaf, terms
from agent.push.refusal import (
    NO_SUCH_SUBSCRIPTION,
    SUSPENSION_TIMEOUT,
    UNSUPPORTABLE_VOLUME,
    Suspend,
    Terminate,
)
from agent.push.source import Counters, Source, Update
from agent.push.subscription import Happening, State, next_state

log = logging.getLogger(__name__)

STALLED_S = 1.0
"""Who has taken nothing for so long does not read."""


class Subscriber(Protocol):
    """The session that a subscription belongs to."""

    @property
    def session_id(self) -> int: ...
    @property
    def user(self) -> str: ...
    @property
    def send(self) -> Callable[[bytes], Awaitable[None]]: ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many subscriptions there may be, how much may wait for one of them, and how long it may be
    suspended."""

    all: int
    per_user: int
    per_session: int
    events: int
    octets: int
    suspended_s: float


@dataclass(eq=False, slots=True)
class Subscribed:
    """One subscription. ``target``: the kind of what it is to, which alone knows its sources. ``source``
    None: it is being established.

    ``left_out``: of the state, for it could not be told of.
    ``_before``: the source that was asked last, until the one that follows on it is asked first.
    ``_offered``: what it is to go on with when the reply that says so is written, and until when.
    ``when_over``: called once when it has ended. ``namespaces``: of the modules of reasons, by name.
    """

    id: int
    subscriber: Subscriber
    bounds: Bounds
    now: Callable[[], datetime]
    clock: Callable[[], float]
    namespaces: Mapping[str, str]
    when_over: Callable[[Subscribed], None]
    target: object = None
    source: Source | None = None
    stop: datetime | None = None
    state: State = State.ACTIVE
    counters: Counters = field(default_factory=Counters)
    left_out: bool = False
    _before: Source | None = None
    _offered: tuple[Source, datetime | None] | None = None
    _notices: deque[bytes] = field(default_factory=deque)
    _waits: Breakable | None = None
    _sending_since_s: float | None = None
    _suspended_since_s: float | None = None

    @property
    def over(self) -> bool:
        return self.state is State.ENDED

    def described(self) -> Described:
        assert self.source is not None
        return Described(
            self.id,
            members=self.source.described(),
            stop_time=None if self.stop is None else time_text(self.stop),
            receiver=f"session {self.subscriber.session_id} of {self.subscriber.user}",
            state=self.state,
            counters=self.counters,
        )

    @property
    def octets(self) -> int:
        """What it takes to say what it is to, and to what it is being modified."""
        sources = (self.source, None if self._offered is None else self._offered[0])
        return sum(len(source.described()) for source in sources if source is not None)

    # -- what happens to it ------------------------------------------------------------------

    def offer(self, source: Source, stop: datetime | None) -> None:
        """Take what it is modified to once ``accept`` is called; is it over before, that is let go."""
        self._withdraw()
        if self.over:  # while the source was made
            source.close()
        else:
            self._offered = source, stop

    def accept(self) -> None:
        """Go on with what was offered, if it is not over."""
        offered, self._offered = self._offered, None
        if offered is not None:
            self.modify(*offered)

    def _withdraw(self) -> None:
        offered, self._offered = self._offered, None
        if offered is not None:
            offered[0].close()

    def modify(self, source: Source, stop: datetime | None) -> None:
        """Go on with ``source``, which follows on the one before, until ``stop``."""
        if self.over or self.source is None:
            source.close()
            return
        if self._before is None:
            self._before = self.source
        else:  # the one between was never asked
            source.follow(self.source)
            self.source.close()
        self.source, self.stop = source, stop
        self._happens(Happening.MODIFIED)
        self._notices.append(changed("subscription-modified", self.id, terms(self.described())))

    def delete(self) -> None:
        """End it without a word: its subscriber has asked for that."""
        if not self.over:
            self._happens(Happening.DELETED)
            self._notices.clear()

    def terminate(self, reason: str) -> None:
        """End it; its subscriber is told the reason when it reads."""
        if not self.over:
            self._happens(Happening.TERMINATED)
            self._notices.append(self._with_reason("subscription-terminated", reason))

    def look(self, now_s: float) -> None:
        """Suspend it if its subscriber does not read and too much waits; end it if that lasts too long."""
        if self.source is None or self.over:
            return
        if self.state is State.SUSPENDED and self._suspended_since_s is not None:
            if now_s - self._suspended_since_s >= self.bounds.suspended_s:
                log.warning("subscription %d is ended: it was suspended for too long", self.id)
                self.terminate(SUSPENSION_TIMEOUT)
            elif self.stop is not None and self.now() > self.stop:
                self._happens(Happening.COMPLETED)
        elif self._sending_since_s is not None and now_s - self._sending_since_s >= STALLED_S:
            waiting = (self._before or self.source).behind()
            if waiting.records > self.bounds.events or waiting.octets > self.bounds.octets:
                log.warning("subscription %d is suspended: its subscriber does not read", self.id)
                self._suspend(UNSUPPORTABLE_VOLUME)

    def _suspend(self, reason: str) -> None:
        self._happens(Happening.SUSPENDED)
        self._suspended_since_s = self.clock()
        self._notices.append(self._with_reason("subscription-suspended", reason))

    def _resume(self) -> None:
        assert self.source is not None
        self._take_over()
        self._happens(Happening.RESUMED)
        lost = self.source.skip()
        self.counters.missed += lost
        self._notices.append(changed("subscription-resumed", self.id))
        if lost:
            self._notices.append(missed(lost))

    def _happens(self, happening: Happening) -> None:
        self.state = next_state(self.state, happening)
        if self.state is not State.SUSPENDED:
            self._suspended_since_s = None
        if self._waits is not None:
            self._waits.break_off()
        if self.over:
            for source in (self._before, self.source):
                if source is not None:
                    source.close()
            self._before = None
            self._withdraw()
            self.when_over(self)

    def _take_over(self) -> None:
        """Have the source go on from where the one before has come to, which makes nothing any more."""
        before, self._before = self._before, None
        if before is not None and self.source is not None:
            self.source.follow(before)
            before.close()

    def _with_reason(self, name: str, reason: str) -> bytes:
        return changed(name, self.id, identity_leaf("reason", reason, self.namespaces))

    # -- what drives it ----------------------------------------------------------------------

    async def run(self) -> None:
        """Send updates until it ends; ends with the connection, too.

        Raises:
            ConnectionError, TimeoutError: the subscriber is gone, or does not read at all.
        """
        try:
            while True:
                await self._tell()
                if self.over:
                    return
                await self._pass_on()
                if self.state is State.SUSPENDED:  # by who looked meanwhile, and now it reads again
                    self._resume()
        finally:
            self.delete()

    async def _pass_on(self) -> None:
        """Send the next update, of which nothing is held afterwards."""
        if (update := await self._next()) is not None and not self.over:
            await self._send(message(update.time, update.body))
            self.counters.sent += update.is_record

    async def _tell(self) -> None:
        while self._notices:
            await self._send(message(self.now(), self._notices.popleft()))

    async def _next(self) -> Update | None:
        """Return the next update; None if something else has happened meanwhile."""
        self._take_over()
        source = self.source
        assert source is not None
        try:
            with Breakable() as self._waits:
                update = await source.next()
                self._waits = None
                if update is None and not self.over:
                    self._happens(Happening.COMPLETED)
                return update
        except Suspend as problem:
            await self._suspended_by(source, problem.reason)
        except Terminate as problem:
            self.terminate(problem.reason)
        except Exception:
            log.exception("subscription %d failed", self.id)
            self.terminate(NO_SUCH_SUBSCRIPTION)
        finally:
            self._waits = None
        return None

    async def _suspended_by(self, source: Source, reason: str) -> None:
        self._suspend(reason)
        await self._tell()
        with Breakable() as self._waits:
            if self.state is State.SUSPENDED:
                await source.recovered()

    async def _send(self, data: bytes) -> None:
        self._sending_since_s = self.clock()
        try:
            await self.subscriber.send(data)
        finally:
            self._sending_since_s = None
