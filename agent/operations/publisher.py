"""What all subscriptions to datastores share: what is watched, what was just read, how much there may be, and
the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agent.operations.watching import Watches

CANDIDATE = "candidate"
SMALL_OCTETS = 64 * 1024
"""An update that takes no room of its own."""
PATIENCE_S = 10.0
USERS_AT_ONCE = 4
"""So many at least have room at the same time, if no update is larger than its part."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What subscriptions to datastores may cost.

    ``period_cs``: the least period, in centiseconds.
    ``selections``: different ones that are watched for changes, and ``octets`` what is kept of all of them.
    ``update_octets``: of one selection, so of one update.
    """

    period_cs: int = 100
    selections: int = 200
    octets: int = 64 * 1024 * 1024
    update_octets: int = 16 * 1024 * 1024


class Clock:
    """The time, for what is due."""

    def now(self) -> float:
        """Return seconds that never go back."""
        return asyncio.get_running_loop().time()

    def wall(self) -> datetime:
        return datetime.now(UTC)

    async def wait(self, woken: asyncio.Event, seconds: float | None) -> None:
        """Wait until ``woken`` is set, for so many seconds at most; None: for ever."""
        if seconds is not None and seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await woken.wait()
        except TimeoutError:
            pass


class OnTheirWay:
    """Large updates that are made and not taken yet by the sessions that they are for. Where there is no room
    for another one it is waited for: for so long that who reads has read, and no longer. Those of one user
    leave room for those of others: whose sessions do not read is in his own way first.

    Args:
        octets: returns what all of them may take; a single one may take more.
    """

    def __init__(self, octets: Callable[[], int]) -> None:
        self._most = octets
        self._taken: dict[int, tuple[str, int]] = {}
        self._left = asyncio.Event()

    @property
    def octets(self) -> int:
        return sum(octets for _, octets in self._taken.values())

    async def take(self, owner: object, octets: int, user: str) -> None:
        """Take room for an update of ``owner``, a subscription of ``user`` that has no other on its way.

        Raises:
            TimeoutError: there is none.
        """
        if octets <= SMALL_OCTETS:
            return
        async with asyncio.timeout(PATIENCE_S):
            while not self._is_room(octets, user):
                self._left.clear()
                await self._left.wait()
        self._taken[id(owner)] = user, octets

    def _is_room(self, octets: int, user: str) -> bool:
        own = sum(taken for whose, taken in self._taken.values() if whose == user)
        if own and own + octets > self._most() // USERS_AT_ONCE:
            return False
        return not self._taken or self.octets + octets <= self._most()

    def leave(self, owner: object) -> None:
        """Give back what ``owner`` has taken."""
        if self._taken.pop(id(owner), None) is not None:
            self._left.set()


@dataclass(slots=True)
class Publisher:
    """``watches``: for subscriptions to changes. ``when_rules_changed``: called when rules of access control
    have changed. ``hears``: it is told of changes. ``_going``: paths of entries that are being removed, and
    ``_gone`` those of which the state has changed since."""

    bounds: Bounds = field(default_factory=Bounds)
    clock: Clock = field(default_factory=Clock)
    watches: Watches = field(default_factory=Watches)
    when_rules_changed: set[Callable[[], None]] = field(default_factory=set)
    hears: bool = False
    on_their_way: OnTheirWay = field(init=False)
    _reads: dict[Hashable, tuple[float, asyncio.Task[bytes]]] = field(default_factory=dict)
    _going: frozenset[str] = frozenset()
    _gone: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.on_their_way = OnTheirWay(lambda: self.bounds.octets)

    def bound(self) -> None:
        """Have no more kept of what is watched than there may be."""
        self.watches.bound(self.bounds.octets)

    def state_touched(self, paths: Sequence[str]) -> None:
        """Note that the state of units, or top-level nodes of state, at ``paths`` may have changed."""
        if self._going:
            self._gone.update(self._going.intersection(paths))
            paths = [path for path in paths if path not in self._going]
        if paths:
            self._touch(paths, ("operational",))

    def removing(self, paths: frozenset[str]) -> None:
        """Note that entries at ``paths`` are being removed, none any more if it is empty.

        Their state is gone first, leaf by leaf; a subscriber is told that an entry is gone, and not of each
        leaf before. Of one that stays after all he is told what has become of it.
        """
        self._going, gone, self._gone = paths, sorted(self._gone), set()
        if gone:
            self.state_touched(gone)

    def running_touched(self, paths: Sequence[str] | None, *, rules: bool) -> None:
        """Note that units of running at ``paths`` have changed; None: anything. ``rules``: of access control,
        too."""
        self._gone.difference_update(self._gone.copy() if paths is None else paths)
        self._touch(paths, ("running", "operational"))
        if rules:
            for wake in tuple(self.when_rules_changed):
                wake()

    def candidate_touched(self, paths: Sequence[str] | None) -> None:
        """Note that units of the candidate at ``paths`` may have changed; None: anything."""
        self._touch(paths, (CANDIDATE,))

    def _touch(self, paths: Sequence[str] | None, datastores: tuple[str, ...]) -> None:
        self.watches.touch(paths, which=lambda key: isinstance(key, tuple) and key[0] in datastores)

    async def read_once(self, key: Hashable, due: float, read: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return what ``read`` returns, or what that returned which was begun for somebody else since ``due``
        and has the same ``key``: who has the same periods and anchor gets the same."""
        now = self.clock.now()
        begun, task = self._reads.get(key, (now, None))
        if (
            task is None
            or begun < due
            or (task.done() and (task.cancelled() or task.exception() is not None))
        ):
            task = asyncio.ensure_future(_made(read))
            self._reads[key] = now, task
            task.add_done_callback(lambda done: self._soon_forgotten(key, done))
        try:
            await asyncio.shield(task)
            return task.result()
        finally:
            del task  # what it raised holds this frame

    def _soon_forgotten(self, key: Hashable, task: asyncio.Task[bytes]) -> None:
        if not task.cancelled():
            task.exception()  # who waits for it has it
        task.get_loop().call_later(FORGOTTEN_AFTER_S, self._forget, key, task)

    def _forget(self, key: Hashable, task: asyncio.Task[bytes]) -> None:
        if self._reads.get(key, (0.0, None))[1] is task:
            del self._reads[key]


FORGOTTEN_AFTER_S = 0.5
"""What was read is kept for so long, for others who are due at the same time."""


async def _made(read: Callable[[], Awaitable[bytes]]) -> bytes:
    return await read()
