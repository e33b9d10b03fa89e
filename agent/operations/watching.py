"""Selections that are watched for changes, each once, however many subscriptions there are to it.

Whoever knows that something may have changed says where, which costs a look into a table for each selection.
It is looked what has changed when a subscriber is due to be told, at all that was said until then at once,
and what has changed is made into a patch once for all who were sent the same before. So what is asked of a
translator grows with what changes and with how often somebody is due, and not with how many subscribers there
are; and who takes nothing costs nothing."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar
from weakref import WeakSet

from agent.history.edits import Change
from agent.history.room import Room
from agent.push.changes import AT_ONCE, Written, changes, differing
from agent.push.pieces import Piece, Pieces, octets, together
from agent.yang.schema import Schema
from agent.yang.worker import Worker

Result = TypeVar("Result")

KEPT = 8
KEPT_S = 0.5
"""Patches and documents of one selection that are kept for others who are due, and for how long."""
KNOWN_PATHS_MAX = 20_000
MANY_PATHS = 500
"""Where more have changed, a selection of more than some entries is read anew."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class Held:
    """What a selection held at one time. ``own_octets``: of what no later one holds, too."""

    pieces: Pieces = field(repr=False)
    own_octets: int = 0


class Watcher(Protocol):
    """A subscription to a selection that is watched."""

    def wake(self) -> None:
        """Hear that something may have changed."""

    def forget(self, but: Held) -> None:
        """Let go of what was sent last, if it is not ``but``: it takes too much memory."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a selection is read: ``whole``, or the pieces of some paths (``part``; None: it cannot be).
    ``may_select``: if something at a path may be selected; ``only``: the paths of which something may, None
    if they are not known. ``worker``: does what takes libyang."""

    schema: Schema
    worker: Worker
    whole: Callable[[], Awaitable[Mapping[str, Piece]]]
    part: Callable[[Collection[str]], Awaitable[Mapping[str, Piece]]] | None
    may_select: Callable[[str], bool]
    only: frozenset[str] | None = None


class Watch:
    """One selection, which is read when it is asked for first. ``when_read``: called when it has become
    another."""

    def __init__(self, reading: Reading, when_read: Callable[[], None] = lambda: None) -> None:
        self.reading = reading
        self.held = Held({})
        self.octets = 0
        self.watchers: set[Watcher] = set()
        self._when_read = when_read
        self._before: WeakSet[Held] = WeakSet()
        self._touched: dict[str, None] = {}
        self._all = True
        self._relevant: dict[str, bool] = {}
        self._look: asyncio.Task[None] | None = None
        self._shared: OrderedDict[Hashable, asyncio.Task[object]] = OrderedDict()

    def touch(self, paths: Sequence[str] | None) -> None:
        """Note that what is at ``paths``, units or top-level nodes, may have changed; None: anything."""
        if paths is None or self.reading.part is None:
            if paths is not None and not any(map(self._is_relevant, paths)):
                return
            self._all = True
        else:
            found = dict.fromkeys(path for path in paths if self._is_relevant(path))
            if not found:
                return
            self._touched.update(found)
        for watcher in tuple(self.watchers):
            watcher.wake()

    @property
    def octets_before(self) -> int:
        """What is kept of what it held earlier, for those who were sent that last."""
        return sum(held.own_octets for held in self._before)

    def forget_before(self) -> None:
        """Have nobody keep what it held earlier."""
        for watcher in tuple(self.watchers):
            watcher.forget(self.held)

    def _is_relevant(self, path: str) -> bool:
        known = self._relevant.get(path)
        if known is None:
            if len(self._relevant) >= KNOWN_PATHS_MAX:
                self._relevant.clear()
            known = self._relevant[path] = self.reading.may_select(path)
        return known

    @property
    def touched(self) -> bool:
        """True if something may have changed that was not looked at."""
        return self._all or bool(self._touched) or self._look is not None

    async def current(self) -> Held:
        """Return what the selection holds, with all that was noted before the call.

        Raises:
            RpcError, RpcErrors, StateError: it cannot be read now; what was noted is noted still.
        """
        if self._look is not None:  # it may have begun before the last note
            await _joined(self._look)
        if self._all or self._touched:
            if self._look is None:
                self._look = asyncio.ensure_future(self._looked())
                self._look.add_done_callback(self._done)
            await _joined(self._look)
        return self.held

    def _done(self, look: asyncio.Task[None]) -> None:
        self._look = None
        if not look.cancelled():
            look.exception()  # who waits for it has it; nobody may

    async def _looked(self) -> None:
        touched, everything = self._touched, self._all
        self._touched, self._all = {}, False
        try:
            if everything or self.reading.part is None:
                now = _sharing(self.held.pieces, await self.reading.whole())
            else:
                found = _sharing(self.held.pieces, await self.reading.part(touched))
                now = _with(self.held.pieces, touched, found)
        except BaseException:
            self._touched = {**touched, **self._touched}
            self._all = self._all or everything
            raise
        if now != self.held.pieces:
            before, self.held = self.held, Held(now)
            before.own_octets = octets(before.pieces, but=now)
            self._before.add(before)
            self.octets = octets(now)
            del before
            self._when_read()

    async def patch(self, before: Held, after: Held, excluded: frozenset[Change]) -> Written:
        """Return the edits that turn ``before`` into ``after``.

        Raises:
            ResourceDenied: they are too many for one update.
        """
        if before is after:
            return Written(b"", 0)
        return await self._once((before, after, excluded), partial(self._patched, before, after, excluded))

    async def document(self, held: Held) -> bytes:
        """Return all of ``held``, as XML."""
        return await self._once((held,), partial(self.reading.worker, together, held.pieces.values()))

    async def _patched(self, before: Held, after: Held, excluded: frozenset[Change]) -> Written:
        """Return the patch, made some units at a time, for others wait for the thread meanwhile."""
        paths = differing(before.pieces, after.pieces)
        room, written = Room(), Written(b"", 0)
        for start in range(0, len(paths), AT_ONCE):
            made = partial(
                changes,
                self.reading.schema,
                _only(before.pieces, some := paths[start : start + AT_ONCE]),
                _only(after.pieces, some),
                room,
                excluded=excluded,
                first=written.count + 1,
            )
            found: Written = await self.reading.worker(made)
            written = Written(written.body + found.body, written.count + found.count)
        return written

    async def _once(self, key: Hashable, make: Callable[[], Awaitable[Result]]) -> Result:
        """Return what ``make`` returns, which is made once for all who ask for the same at about one time."""
        task = self._shared.get(key)
        if task is None:
            task = self._shared[key] = asyncio.ensure_future(_made(make))
            task.add_done_callback(partial(self._seen, key))
            while len(self._shared) > KEPT:
                self._shared.popitem(last=False)
        try:
            await _joined(task)
            return task.result()  # type: ignore[return-value]
        finally:
            del task  # what it raised holds this frame

    def _seen(self, key: Hashable, task: asyncio.Task[object]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._shared.pop(key, None)  # who waits for it has the error, and the next one tries again
        else:
            task.get_loop().call_later(KEPT_S, self._shared.pop, key, None)


async def _made(make: Callable[[], Awaitable[object]]) -> object:
    return await make()


async def _joined(task: asyncio.Task[Result]) -> None:
    """Wait for ``task``, which goes on when who waits is cancelled."""
    try:
        await asyncio.shield(task)
    finally:
        del task


def _only(pieces: Pieces, paths: Collection[str]) -> Pieces:
    return {path: pieces[path] for path in paths if path in pieces}


def _sharing(pieces: Pieces, found: Mapping[str, Piece]) -> dict[str, Piece]:
    """Return what was found, with those of ``pieces`` that are the same: so they are kept once."""
    return {path: known if (known := pieces.get(path)) == piece else piece for path, piece in found.items()}


def _with(pieces: Pieces, touched: Collection[str], found: Mapping[str, Piece]) -> dict[str, Piece]:
    """Return ``pieces`` with what was found in the place of what was ``touched``."""
    below = tuple(f"{path}/" for path in touched if "/" not in path[1:])
    kept = {
        path: piece
        for path, piece in pieces.items()
        if path not in touched and not (below and path.startswith(below))
    }
    return {**kept, **found}


class Watches:
    """All of them, by what is equal for selections that hold the same; those of some entries are found by the
    paths of these, so that an event costs who waits for others nothing."""

    def __init__(self) -> None:
        self._by_key: dict[Hashable, Watch] = {}
        self._by_path: dict[str, dict[Hashable, Watch]] = {}
        self._wide: dict[Hashable, Watch] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    @property
    def octets(self) -> int:
        """What is kept of all of them, roughly."""
        return sum(watch.octets + watch.octets_before for watch in self._by_key.values())

    def bound(self, octets: int) -> None:
        """Have no more kept than so much, as far as that is what was sent earlier."""
        if self.octets <= octets:
            return
        for watch in sorted(self._by_key.values(), key=lambda watch: watch.octets_before, reverse=True):
            watch.forget_before()
            if self.octets <= octets:
                return

    @property
    def touched(self) -> bool:
        """True while it has not been looked at all that may have changed."""
        return any(watch.touched for watch in self._by_key.values())

    def find(self, key: Hashable) -> Watch | None:
        return self._by_key.get(key)

    def add(self, key: Hashable, watch: Watch) -> None:
        self._by_key[key] = watch
        for path in watch.reading.only or ():
            self._by_path.setdefault(path, {})[key] = watch
        if watch.reading.only is None:
            self._wide[key] = watch

    def drop_unused(self) -> None:
        """Forget those that nobody is subscribed to any more."""
        unused = [key for key, watch in self._by_key.items() if not watch.watchers]
        for key in unused:
            watch = self._by_key.pop(key)
            self._wide.pop(key, None)
            for path in watch.reading.only or ():
                self._by_path[path].pop(key)
                if not self._by_path[path]:
                    del self._by_path[path]

    def touch(
        self, paths: Sequence[str] | None, *, which: Callable[[Hashable], bool] = lambda _key: True
    ) -> None:
        """Note for those with a key of ``which`` that ``paths`` may have changed; None: anything may have."""
        for key, watch in tuple((self._by_key if paths is None else self._wide).items()):
            if which(key):
                watch.touch(paths if paths is None or len(paths) <= MANY_PATHS else None)
        for path in paths or ():
            for key, watch in tuple(self._by_path.get(path, {}).items()):
                if which(key):
                    watch.touch([path])
