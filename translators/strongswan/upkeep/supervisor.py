"""Brings up what should be up, and brings it up again.

charon tries on only while the peer is silent. A peer that answers "no proposal chosen" or "authentication
failed" ends the attempt for good, a peer's DELETE leaves the tunnel down, and a first child that fails
leaves an IKE_SA without any. So every initiator is looked at when its events say that something ended, and
after each attempt until it is up: list-sas decides, never the answer to ``initiate``, and nothing is
initiated while an attempt is still under way.

A tunnel that was told to stay down (the action ``terminate``, or a dead peer with the DPD actions clear
and trap) is left alone until it is wanted again. One whose local address is missing is not initiated
before the address is there; whoever sees it come wants the tunnel anew.

Never a storm: pauses grow and are spread, and only so many attempts begin at a time, towards one peer and
over all tunnels.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from weakref import WeakValueDictionary

from agent.at_work import of_tunnel
from translators.strongswan.backoff import Attempts, delay_s
from translators.strongswan.charon.vici import ViciError
from translators.strongswan.options import Options
from translators.strongswan.status import state
from translators.strongswan.status.state import Section
from translators.strongswan.tasks import is_set_within
from translators.strongswan.translation.connections import tunnel_of
from translators.strongswan.upkeep.attempt import Attempt

log = logging.getLogger(__name__)

AT_A_TIME = 3
"""Attempts towards one peer at a time. strongSwan wants a cookie of who has three half-open IKE_SAs with it
(cookie_threshold_ip). In a storm of these now and then a half-open one stays behind for 30 s, and with five
from one address (block_threshold) it ignores whatever else begins."""
ATTEMPT_S = 1.0
"""How long an attempt is waited for before the next one towards the same peer; most need less."""


class Progress(Enum):
    """What list-sas says about a tunnel that should be up."""

    UP = "up"
    UNDER_WAY = "under way"
    DOWN = "down"
    NO_ADDRESS = "its local address is missing"
    TO_STAY_DOWN = "to stay down"


def progress(sas: Sequence[Section], children: Collection[str]) -> Progress:
    """Return how far a tunnel with these IKE_SAs is, that is to have these children."""
    if state.carries_all(sas, children):
        return Progress.UP
    return Progress.UNDER_WAY if state.is_under_way(sas) else Progress.DOWN


def initiations(
    name: str, children: Sequence[str], sas: Sequence[Section]
) -> list[tuple[str, dict[str, str]]]:
    """Return the requests of one attempt with a tunnel that has these IKE_SAs; of a single child, ``sas``
    does not matter."""
    wanted = children if len(children) < 2 else state.missing_children(sas, children)
    return [
        ("initiate", {"ike": name, "child": child, "timeout": "-1", "init-limits": "no"})
        for child in (wanted if children else (name,))
    ]


@dataclass(slots=True)
class _Watched:
    looks: int = 0
    """Since it was last up for long; decides the next pause."""
    initiated: int = 0
    up_since_s: float | None = None
    timer: asyncio.TimerHandle | None = None
    is_due: bool = False
    """Whether the timer has run down since the last look began, while the task that made it was there."""
    is_held: bool = False
    """For good: it is wanted anew, or was forgotten."""
    attempt: Attempt | None = None
    """None where none has a place."""
    task: asyncio.Task[None] | None = None
    """One at a time: two would ask for the same."""


class Supervisor:
    """Watches the initiators by connection name.

    ``look`` returns the progress of a tunnel and says by ``finds`` which IKE_SAs it has, ``initiate`` begins
    one attempt and says by ``asks`` for which children; both may raise ViciError, which is taken as "try
    later". ``peer_of`` returns what tunnels to one peer share; ``changed`` hears of each name that begins or
    ceases to be watched.
    """

    def __init__(
        self,
        options: Options,
        look: Callable[[str], Awaitable[Progress]],
        initiate: Callable[[str], Awaitable[None]],
        peer_of: Callable[[str], str],
        changed: Callable[[str], None] = lambda _name: None,
    ) -> None:
        self._options = options
        self._look = look
        self._initiate = initiate
        self._watched: dict[str, _Watched] = {}
        self._peer_of = peer_of
        self._changed = changed
        self._all_turns = asyncio.Semaphore(options.attempts_at_once)
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        # Spreads retries; nothing depends on it being hard to guess.
        self._random = random.Random()

    def __contains__(self, name: str) -> bool:
        return name in self._watched

    def attempts(self, name: str) -> Attempts | None:
        """Return how it goes with bringing ``name`` up, None if it is not watched."""
        watched = self._watched.get(name)
        if watched is None:
            return None
        timer = watched.timer
        now = asyncio.get_running_loop().time()
        return Attempts(watched.initiated, None if timer is None else max(0.0, timer.when() - now))

    def want(self, name: str) -> None:
        """Have ``name`` up from now on, beginning at once."""
        self.forget(name)
        self._watched[name] = watched = _Watched()
        self._arm(name, watched, 0.0)
        self._changed(name)

    def forget(self, name: str) -> None:
        """Leave ``name`` alone from now on."""
        watched = self._watched.pop(name, None)
        if watched is not None:
            self._hold(watched)
            self._changed(name)

    def hold_all(self) -> None:
        """Begin no attempt with any tunnel until it is wanted anew; all stay watched."""
        for watched in self._watched.values():
            self._hold(watched)

    def tries(self, name: str) -> bool:
        """Return whether attempts with ``name`` are made, now or later: it is watched, and not held."""
        watched = self._watched.get(name)
        return watched is not None and not watched.is_held

    def keep_only(self, names: Collection[str]) -> None:
        """Leave every other tunnel alone."""
        for name in self._watched.keys() - names:
            self.forget(name)

    def forget_all(self) -> None:
        """Leave every tunnel alone."""
        self.keep_only(())

    def went_up(self, name: str) -> None:
        """Note that the tunnel carries traffic."""
        if (watched := self._watched.get(name)) is not None:
            watched.up_since_s = asyncio.get_running_loop().time()
            self._disarm(watched)

    def finds(self, name: str, ike_sas: Iterable[str]) -> None:
        """Note the unique ids of the IKE_SAs that the look at the tunnel has found."""
        if (attempt := self._attempt(name)) is not None:
            attempt.finds(ike_sas)

    def asks(self, name: str, children: Collection[str]) -> None:
        """Note that the attempt with the tunnel is about to ask charon for ``children``. What came up or was
        refused until now is not its own."""
        if (attempt := self._attempt(name)) is not None:
            attempt.asks(children)

    def peer_began(self, name: str, ike_sa: str) -> None:
        """Note that the peer has begun the IKE_SA of this unique id."""
        if (attempt := self._attempt(name)) is not None:
            attempt.peer_began(ike_sa)

    def children_up(self, name: str, ike_sa: str, children: Iterable[str]) -> None:
        """Note that ``children`` came up in an IKE_SA; an attempt of which each is up or was refused gives
        its place to the next."""
        if (attempt := self._attempt(name)) is not None:
            attempt.children_up(ike_sa, children)

    def child_refused(self, name: str, ike_sa: str) -> None:
        """Note that a child was refused, of which an IKE_SA says nothing."""
        if (attempt := self._attempt(name)) is not None:
            attempt.child_refused(ike_sa)

    def _attempt(self, name: str) -> Attempt | None:
        watched = self._watched.get(name)
        return None if watched is None else watched.attempt

    def went_down(self, name: str, ike_sa: str) -> None:
        """Note that an SA of the tunnel ended, that IKE_SA or a child of it; see whether the tunnel did."""
        watched = self._watched.get(name)
        if watched is None:
            return
        if watched.attempt is not None:
            watched.attempt.went_down(ike_sa)
        now = asyncio.get_running_loop().time()
        if watched.up_since_s is not None and now - watched.up_since_s >= self._options.retry_max:
            # It was stable; one that comes and goes keeps its back-off.
            watched.looks = watched.initiated = 0
        watched.up_since_s = None
        if watched.timer is None and not watched.is_due:
            self._arm(name, watched, self._pause_s(watched))

    def hasten(self, name: str) -> None:
        """Have the next attempt with a tunnel that is down begin soon, whatever its pauses had grown to."""
        watched = self._watched.get(name)
        if watched is not None and watched.up_since_s is None:
            options = self._options
            pause_s = delay_s(0, options.retry_first, options.retry_max, self._random.random())
            self._arm(name, watched, pause_s)

    def _pause_s(self, watched: _Watched) -> float:
        tried = max(watched.looks - 1, 0)
        return delay_s(tried, self._options.retry_first, self._options.retry_max, self._random.random())

    def _arm(self, name: str, watched: _Watched, pause_s: float) -> None:
        self._disarm(watched)
        if watched.is_held:
            return
        # What an attempt logs is about its tunnel, and not about the commit or session that began it.
        about = of_tunnel(tunnel_of(name) or name)
        loop = asyncio.get_running_loop()
        watched.timer = loop.call_later(pause_s, self._due, name, watched, context=about)

    def _hold(self, watched: _Watched) -> None:
        watched.is_held = True
        self._disarm(watched)
        if watched.task is not None:
            watched.task.cancel()

    @staticmethod
    def _disarm(watched: _Watched) -> None:
        watched.is_due = False
        if watched.timer is not None:
            watched.timer.cancel()
            watched.timer = None

    def _due(self, name: str, watched: _Watched) -> None:
        watched.timer = None
        if watched.task is None:
            watched.task = asyncio.get_running_loop().create_task(self._attend(name, watched))
        else:
            watched.is_due = True

    async def _attend(self, name: str, watched: _Watched) -> None:
        try:
            is_over = await self._in_turn(name, watched)
        finally:
            watched.task = None
        # An up event may have come meanwhile; then there is nothing left to look at.
        if not is_over and watched.timer is None and watched.up_since_s is None:
            self._arm(name, watched, 0.0 if watched.is_due else self._pause_s(watched))

    async def _in_turn(self, name: str, watched: _Watched) -> bool:
        """Return whether there is nothing to be looked at later."""
        turns = self._turns.setdefault(self._peer_of(name), asyncio.Semaphore(AT_A_TIME))
        # The turn with the peer first: who waits for a busy peer holds no turn that others could use.
        async with turns, self._all_turns:
            if watched.up_since_s is not None:
                return True  # it came up while this waited for its turn
            watched.is_due = False
            watched.attempt = Attempt()
            try:
                return await self._try(name, watched, watched.attempt)
            except ViciError as error:
                log.info("%s: %s", name, error)
                return False
            finally:
                watched.attempt = None

    async def _try(self, name: str, watched: _Watched, attempt: Attempt) -> bool:
        """Look at the tunnel and initiate it if it is down; return whether there is nothing to be looked at
        later."""
        progress = await self._look(name)
        if watched.up_since_s is not None or watched.is_held:
            return True  # whatever the answer is, it is older
        if progress is Progress.UP:
            if attempt.is_overtaken:
                return False
            watched.up_since_s = asyncio.get_running_loop().time()
            return True
        if progress is Progress.TO_STAY_DOWN:
            self._disarm(watched)
            del self._watched[name]
            self._changed(name)
            return True
        watched.looks += 1
        if progress is Progress.DOWN:
            watched.initiated += 1
            log.debug("%s: attempt %d", name, watched.initiated)
            await self._initiate(name)
            await is_set_within(attempt.outcome, ATTEMPT_S)
        return False
