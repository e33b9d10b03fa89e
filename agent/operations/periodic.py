"""A periodic subscription to a datastore (RFC 8641 section 3.1): all that is selected, again and again."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from functools import partial
from math import inf

from agent.errors import RpcError, RpcErrors
from agent.operational import StateError
from agent.operations.budget import TooCostlyFilter
from agent.operations.on_change import (
    AGAIN_AFTER_S,
    UPDATE_TOO_BIG,
    Receiver,
    too_big,
)
from agent.operations.push_terms import Periodic, Terms
from agent.operations.same_rules import by_the_same_rules
from agent.operations.selection import Selection, whole
from agent.push.pace import next_update
from agent.push.refusal import INSUFFICIENT_RESOURCES, UNSUPPORTABLE_VOLUME, Declined, Suspend
from agent.push.source import Backlog, Source, Update
from agent.push.updates import push_update

log = logging.getLogger(__name__)


class PeriodicSource:
    """Reads what is selected when it is due, as a get would. Without an anchor the first update comes at
    once. A period that passes while the update before is being written has none."""

    def __init__(self, receiver: Receiver, policy: Periodic) -> None:
        self._receiver = receiver
        self._policy = policy
        now = receiver.context.publisher.clock.wall()
        anchor = policy.anchor_time
        if anchor is not None and anchor.tzinfo is None:
            anchor = anchor.replace(tzinfo=UTC)
        self._anchor = (anchor or now).timestamp()
        self._due = now.timestamp() if anchor is None else self._after(now)

    def _after(self, now: datetime) -> float:
        return next_update(now.timestamp(), self._policy.period_s, self._anchor)

    def follow(self, before: Source) -> None:
        return None  # what is due is all that is selected

    async def next(self) -> Update | None:
        self._receiver.context.publisher.on_their_way.leave(self)
        stop = self._receiver.stop
        clock = self._receiver.context.publisher.clock
        while True:
            now = clock.wall()
            if stop is not None and stop <= now:
                return None
            wait_s = self._due - now.timestamp()
            if wait_s <= 0:
                break
            left_s = wait_s if stop is None else (stop - now).total_seconds()
            await clock.wait(asyncio.Event(), min(wait_s, left_s))
        contents = await self._careful_contents()
        self._due = self._after(clock.wall())
        return Update(clock.wall(), push_update(self._receiver.id, contents))

    async def _careful_contents(self) -> bytes:
        try:
            contents = await self.contents()
            way = self._receiver.context.publisher.on_their_way
            await way.take(self, len(contents), self._receiver.caller.user)
            return contents
        except TimeoutError:
            raise Suspend(INSUFFICIENT_RESOURCES) from None
        except TooCostlyFilter as problem:
            raise Suspend(UNSUPPORTABLE_VOLUME) from problem
        except Declined as problem:
            raise Suspend(problem.identity) from problem
        except (RpcError, RpcErrors, StateError) as problem:
            log.warning("subscription %d cannot be sent what is selected: %s", self._receiver.id, problem)
            raise Suspend(INSUFFICIENT_RESOURCES) from problem

    async def begin(self) -> None:
        """Have a first look at what is selected. Nothing of it is sent, so it may be one that was begun for
        somebody else: all who are back at once, as after a restart, have it together.

        Raises:
            as ``contents``.
        """
        await self.contents(since=-inf)

    async def contents(self, since: float | None = None) -> bytes:
        """Return what is selected now, or was at a time since ``since``.

        Raises:
            Declined: it is too much for an update.
            RpcError, RpcErrors, StateError: it cannot be read.
        """
        receiver = self._receiver
        context, terms = receiver.context, receiver.terms
        publisher = context.publisher
        if since is None:
            late_s = max(0.0, publisher.clock.wall().timestamp() - self._due)
            since = publisher.clock.now() - late_s
        begun_s = since

        async def read() -> bytes:
            selection = Selection(terms.datastore, terms.filter, receiver.access())
            document = partial(whole, context, receiver.caller, selection, selection.document)
            return await publisher.read_once(selection.key, begun_s, document)

        contents = await by_the_same_rules(context, receiver.caller, read)
        if len(contents) > publisher.bounds.update_octets:
            raise too_big(UPDATE_TOO_BIG, len(contents), publisher.bounds.update_octets)
        return contents

    async def recovered(self) -> None:
        clock = self._receiver.context.publisher.clock
        while True:
            await clock.wait(asyncio.Event(), max(AGAIN_AFTER_S, self._policy.period_s))
            try:
                await self.contents()
            except (RpcError, RpcErrors, StateError):
                continue
            return

    def behind(self) -> Backlog:
        return Backlog()

    def skip(self) -> int:
        return 0

    @property
    def terms(self) -> Terms:
        return self._receiver.terms

    def described(self) -> bytes:
        return self._receiver.terms.described()

    def close(self) -> None:
        self._receiver.context.publisher.on_their_way.leave(self)
