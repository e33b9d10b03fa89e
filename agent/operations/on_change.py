"""A subscription to the changes of a datastore (RFC 8641 section 3.3): what it is sent, made when it is
due."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from agent.errors import ResourceDenied, RpcError, RpcErrors
from agent.history.room import too_much
from agent.nacm.access import Access
from agent.operational import StateError
from agent.operations.budget import TooCostlyFilter
from agent.operations.context import Caller, Context
from agent.operations.push_terms import PUSH, OnChange, Terms
from agent.operations.same_rules import by_the_same_rules
from agent.operations.selection import Selection, made, part, whole
from agent.operations.watching import Held, Reading, Watch
from agent.push.changeable import Changeable
from agent.push.pace import Dampening
from agent.push.refusal import INSUFFICIENT_RESOURCES, UNSUPPORTABLE_VOLUME, Declined, Suspend
from agent.push.source import Backlog, Source, Update
from agent.push.updates import push_change_update, push_update

log = logging.getLogger(__name__)

UPDATE_TOO_BIG = f"{PUSH}:update-too-big"
SYNC_TOO_BIG = f"{PUSH}:sync-too-big"
SYNC_UNSUPPORTED = f"{PUSH}:on-change-sync-unsupported"
AGAIN_AFTER_S = 5.0
"""The pause before another look at what could not be sent."""
KILOBYTE = 1000


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whose subscription it is. ``changeable``: what it can be told of; ``stop``: None if it goes on."""

    context: Context
    caller: Caller
    id: int
    stop: datetime | None
    terms: Terms
    changeable: Changeable

    def access(self) -> Access:
        return self.context.access(self.caller)


@dataclass(slots=True)
class Sent:
    """What a subscriber has: ``held`` of what was selected, None if he was sent nothing yet; ``patch_id`` of
    the next patch. ``lost``: what he has is not known any more."""

    held: Held | None = None
    patch_id: int = 0
    lost: bool = False


class OnChangeSource:
    """Makes patches of what was sent last and what is now, no more than one in each dampening period.

    Args:
        follows: it is to go on from where another one is.
    """

    def __init__(self, receiver: Receiver, policy: OnChange, *, follows: bool = False) -> None:
        self._receiver = receiver
        self._policy = policy
        self._follows = follows
        self._pace = Dampening(policy.dampening_s)
        self._sent = Sent()
        self._owes_all = policy.sync_on_start and not follows
        self._woken = asyncio.Event()
        self._urgent = asyncio.Event()
        if self._owes_all:
            self._urgent.set()
        self._making = False
        self._access: Access | None = None
        self._watch: Watch | None = None
        receiver.context.publisher.when_rules_changed.add(self.wake)

    # -- what it watches -------------------------------------------------------------------

    def wake(self) -> None:
        self._pace.changed()
        self._woken.set()

    def forget(self, but: Held) -> None:
        if self._sent.held is but or self._sent.held is None or self._making:
            return
        log.warning("what subscription %d was sent is forgotten: too much was kept", self._receiver.id)
        self._sent.held = None
        self._sent.lost = True
        self._owes_all = self._policy.sync_on_start
        self.wake()

    async def _watched(self) -> Watch:
        """Return the watch of what the subscriber may read now.

        Raises:
            Declined: there are too many selections.
        """
        access = self._receiver.access()
        if self._watch is not None and access is self._access:
            return self._watch
        receiver, publisher = self._receiver, self._receiver.context.publisher
        terms, context = receiver.terms, receiver.context
        without = receiver.changeable.expressions if terms.datastore == "operational" else ()
        selection = await made(context, terms.filter, access, datastore=terms.datastore, without=without)
        watch = publisher.watches.find(selection.key)
        if watch is None:
            self._refuse_another()
            watch = Watch(_reading(receiver, selection), publisher.bound)
            publisher.watches.add(selection.key, watch)
        if self._watch is not None:
            self._watch.watchers.discard(self)
        watch.watchers.add(self)
        self._watch, self._access = watch, access
        publisher.watches.drop_unused()
        return watch

    async def _looked(self) -> tuple[Watch, Held]:
        """Return the watch, and what it holds, which its subscriber may read.

        Raises:
            as ``_watched`` and ``Watch.current``.
        """

        async def look() -> tuple[Watch, Held]:
            watch = await self._watched()
            return watch, await watch.current()

        return await by_the_same_rules(self._receiver.context, self._receiver.caller, look)

    def _refuse_another(self) -> None:
        publisher = self._receiver.context.publisher
        if len(publisher.watches) >= publisher.bounds.selections:
            raise Declined(
                INSUFFICIENT_RESOURCES,
                f"{publisher.bounds.selections} different selections are watched for changes "
                "already: subscribe "
                "to one of these, or periodically",
            )

    async def begin(self) -> None:
        """Look at what there is: from then on each change is told.

        Raises:
            Declined: it is too much.
            RpcError, RpcErrors: it cannot be read.
        """
        _, held = await self._looked()
        self.refuse_too_big(UPDATE_TOO_BIG if not self._policy.sync_on_start else SYNC_TOO_BIG)
        publisher = self._receiver.context.publisher
        if publisher.watches.octets > publisher.bounds.octets:
            raise Declined(
                INSUFFICIENT_RESOURCES,
                "what is watched for changes takes as much memory as it may: select less, or "
                "subscribe periodically",
            )
        if not self._policy.sync_on_start and not self._follows:
            self._sent.held = held

    def refuse_too_big(self, identity: str) -> None:
        """Raise Declined if what is selected does not fit into an update."""
        limit = self._receiver.context.publisher.bounds.update_octets
        if self._watch is not None and self._watch.octets > limit:
            raise too_big(identity, self._watch.octets, limit)

    # -- updates ---------------------------------------------------------------------------

    async def next(self) -> Update | None:
        self._receiver.context.publisher.on_their_way.leave(self)
        while True:
            left_s = self._left_s()
            if left_s is not None and left_s <= 0:
                return await self._last()
            if self._urgent.is_set():
                return await self._careful(self._all)
            clock = self._receiver.context.publisher.clock
            now = clock.now()
            due = self._pace.due(now)
            if due is None or due > now:
                wait_s = min(
                    (s for s in (left_s, None if due is None else due - now) if s is not None), default=None
                )
                await self._rest(wait_s, dampened=due is not None)
                continue
            update = await self._careful(self._all if self._owes_all else self._changes)
            if update is not None:
                return update

    def follow(self, before: Source) -> None:
        if not self._follows or not isinstance(before, OnChangeSource):
            return
        if before._urgent.is_set():
            self._hurry()
        self._sent, self._owes_all = before._sent, before._owes_all or self._urgent.is_set()
        self._pace.follow(before._pace)
        self._pace.changed()

    async def _rest(self, seconds: float | None, *, dampened: bool) -> None:
        """Wait until something changes; what changes within a dampening period shortens no wait."""
        self._woken.clear()
        clock = self._receiver.context.publisher.clock
        await clock.wait(self._urgent if dampened else self._woken, seconds)

    def _left_s(self) -> float | None:
        stop = self._receiver.stop
        if stop is None:
            return None
        return (stop - self._receiver.context.publisher.clock.wall()).total_seconds()

    async def _last(self) -> Update | None:
        """Return what is left when the stop time has come."""
        if self._owes_all:
            return await self._careful(self._all)
        if self._pace.due(0.0) is None:
            return None
        return await self._careful(self._changes)

    async def _all(self) -> Update | None:
        self._pace.looked()
        try:
            watch, held = await self._looked()
            self._suspend_too_big(SYNC_TOO_BIG)
            contents = await watch.document(held)
            await self._room(len(contents))
        except BaseException:
            self._pace.changed()
            raise
        self._owes_all, self._sent.held, self._sent.lost = False, held, False
        self._urgent.clear()
        return self._told(push_update(self._receiver.id, contents))

    async def _changes(self) -> Update | None:
        """Return a patch, None if nothing has changed that is told."""
        self._pace.looked()
        self._making = True  # of what was sent last, which is let go then
        try:
            watch, held = await self._looked()
            self._suspend_too_big(UPDATE_TOO_BIG)
            before = self._sent.held or Held({})
            written = await watch.patch(before, held, self._policy.excluded)
            if len(written.body) > self._receiver.context.publisher.bounds.update_octets:
                raise too_much()
            await self._room(len(written.body))
        except BaseException:
            self._pace.changed()
            raise
        finally:
            self._making = False
        incomplete, self._sent.lost = self._sent.lost, False
        self._sent.held = held
        if not written.count:
            return None
        patch_id, self._sent.patch_id = self._sent.patch_id, self._sent.patch_id + 1
        body = push_change_update(self._receiver.id, patch_id, written.body, incomplete=incomplete)
        return self._told(body)

    async def _room(self, octets: int) -> None:
        """Wait until there is room for an update that is on its way.

        Raises:
            Suspend: there is none, for others take theirs slowly.
        """
        try:
            way = self._receiver.context.publisher.on_their_way
            await way.take(self, octets, self._receiver.caller.user)
        except TimeoutError:
            raise Suspend(INSUFFICIENT_RESOURCES) from None

    def _told(self, body: bytes) -> Update:
        clock = self._receiver.context.publisher.clock
        self._pace.told(clock.now())
        return Update(clock.wall(), body)

    def _suspend_too_big(self, identity: str) -> None:
        try:
            self.refuse_too_big(identity)
        except Declined as problem:
            raise Suspend(identity) from problem

    async def _careful(self, make: Callable[[], Awaitable[Update | None]]) -> Update | None:
        """Return what ``make`` returns.

        Raises:
            Suspend: it cannot be made now.
        """
        try:
            return await make()
        except TooCostlyFilter as problem:
            raise Suspend(UNSUPPORTABLE_VOLUME) from problem
        except ResourceDenied as problem:
            if problem.app_tag == "too-many-differences":
                if self._policy.sync_on_start and not self._owes_all:
                    self._owes_all = True
                    return await self._careful(self._all)
                raise Suspend(UPDATE_TOO_BIG) from problem
            raise Suspend(INSUFFICIENT_RESOURCES) from problem
        except (RpcError, RpcErrors, StateError) as problem:
            log.warning("subscription %d cannot be sent what changed: %s", self._receiver.id, problem)
            raise Suspend(INSUFFICIENT_RESOURCES) from problem

    async def recovered(self) -> None:
        self._receiver.context.publisher.on_their_way.leave(self)
        clock = self._receiver.context.publisher.clock
        while True:
            await clock.wait(asyncio.Event(), AGAIN_AFTER_S)
            try:
                await self._looked()
                self.refuse_too_big(UPDATE_TOO_BIG)
            except (RpcError, RpcErrors, StateError):
                continue
            return

    def refuse_resync(self) -> None:
        """Raise Declined if all that is selected cannot be sent anew (resync-subscription)."""
        if not self._policy.sync_on_start:
            raise Declined(
                SYNC_UNSUPPORTED,
                "this subscription was established without sync-on-start, and is sent patches only",
            )
        self.refuse_too_big(SYNC_TOO_BIG)

    def resync(self) -> None:
        """Have all that is selected sent next."""
        self._owes_all = True
        self._hurry()

    def _hurry(self) -> None:
        self._urgent.set()
        self._woken.set()

    def behind(self) -> Backlog:
        return Backlog()  # what waits is merged

    def skip(self) -> int:
        if self._policy.sync_on_start:
            self.resync()
        return 0  # else the next patch is of all that has changed

    @property
    def terms(self) -> Terms:
        return self._receiver.terms

    def described(self) -> bytes:
        return self._receiver.terms.described()

    def close(self) -> None:
        publisher = self._receiver.context.publisher
        publisher.on_their_way.leave(self)
        publisher.when_rules_changed.discard(self.wake)
        if self._watch is not None:
            self._watch.watchers.discard(self)
        publisher.watches.drop_unused()


def _reading(receiver: Receiver, selection: Selection) -> Reading:
    context, caller = receiver.context, receiver.caller
    return Reading(
        context.schema,
        context.reader,
        whole=partial(whole, context, caller, selection, selection.pieces),
        part=partial(part, context, caller, selection) if selection.local else None,
        may_select=selection.may_select,
        only=selection.only,
    )


def too_big(identity: str, octets: int, limit: int) -> Declined:
    """Return what refuses a selection that takes so much."""
    kilobytes = {"kilobytes-estimate": octets, "kilobytes-limit": limit}
    return Declined(
        identity,
        f"what is selected takes {octets} octets, and an update has at most {limit}: select less",
        hints={name: str(max(1, value // KILOBYTE)) for name, value in kilobytes.items()},
    )
