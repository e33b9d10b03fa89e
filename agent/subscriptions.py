"""All dynamic subscriptions (RFC 8639): how many there may be, whose they are, and what is told of them.

Each is driven by a task of its own; it is looked after all of them now and then.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from agent.push.bodies import row, subscriptions
from agent.push.refusal import INSUFFICIENT_RESOURCES, NO_SUCH_SUBSCRIPTION, Declined
from agent.push.source import Source
from agent.subscribed import Bounds, Subscribed, Subscriber
from agent.yang.schema import Schema

log = logging.getLogger(__name__)

SUBSCRIPTIONS_PATH = "/ietf-subscribed-notifications:subscriptions"
LOOK_S = 1.0
"""How often it is looked how much waits for those that take nothing."""
OCTETS_PER_USER = 256 * 1024
"""Of what the subscriptions of a user are to, their filters above all: whoever gets all state gets these."""
TURN = 32
"""Subscriptions that are told of in the state before others have their turn."""


class Subscriptions:
    """All dynamic subscriptions.

    Args:
        namespaces: of modules, by name.
    """

    def __init__(
        self, bounds: Bounds, now: Callable[[], datetime], namespaces: Mapping[str, str] | None = None
    ) -> None:
        self.bounds = bounds
        self._now = now
        self._namespaces = namespaces or {}
        self._ids = itertools.count(1)
        self._all: dict[int, Subscribed] = {}
        self._looks: asyncio.TimerHandle | None = None

    def take_over(self, bounds: Bounds) -> None:
        """Have other bounds from now on; of those that exist none ends by it."""
        self.bounds = bounds
        for subscribed in self._all.values():
            subscribed.bounds = bounds

    def of_session(self, session_id: int) -> list[Subscribed]:
        return [each for each in self._all.values() if each.subscriber.session_id == session_id]

    def reserved(self, subscriber: Subscriber) -> Subscribed:
        """Return a new subscription without a source, which counts from now on.

        Raises:
            Declined: there are as many as there may be.
        """
        here = len(self.of_session(subscriber.session_id))
        by_user = sum(each.subscriber.user == subscriber.user for each in self._all.values())
        for number, most, what in (
            (here, self.bounds.per_session, "this session has"),
            (by_user, self.bounds.per_user, f"{subscriber.user} has"),
            (len(self._all), self.bounds.all, "this server has"),
        ):
            if number >= most:
                message = f"{what} {number} subscriptions, and may have no more: delete one, and try again"
                raise Declined(INSUFFICIENT_RESOURCES, message)
        made = Subscribed(
            next(self._ids),
            subscriber=subscriber,
            bounds=self.bounds,
            now=self._now,
            clock=_clock,
            namespaces=self._namespaces,
            when_over=self._forget,
        )
        self._all[made.id] = made
        if self._looks is None:
            self._look_later()
        return made

    def refuse_large(self, subscribed: Subscribed, source: Source) -> None:
        """Close ``source``, which ``subscribed`` is to have, if its user has too much with it.

        Raises:
            Declined: he has.
        """
        user = subscribed.subscriber.user
        others = (
            each.octets
            for each in self._all.values()
            if each is not subscribed and each.subscriber.user == user
        )
        if len(source.described()) + sum(others) > OCTETS_PER_USER:
            source.close()
            raise Declined(
                INSUFFICIENT_RESOURCES,
                f"what the subscriptions of {user} are to has at most {OCTETS_PER_USER} octets, filters and "
                "all: give a shorter filter, or delete a subscription",
            )

    def given_back(self, subscribed: Subscribed) -> None:
        """Forget one that could not be established."""
        self._forget(subscribed)

    def of(self, id: int) -> Subscribed:
        """Return the subscription ``id``, whose ever it is.

        Raises:
            Declined: there is none.
        """
        found = self._all.get(id)
        if found is None or found.source is None:
            raise Declined(NO_SUCH_SUBSCRIPTION, f"there is no subscription {id}")
        return found

    def own(self, subscriber: Subscriber, id: int) -> Subscribed:
        """Return the subscription ``id`` of this session.

        Raises:
            Declined: it has none such; whether another session has is not told.
        """
        found = self._all.get(id)
        if found is None or found.source is None or found.subscriber.session_id != subscriber.session_id:
            raise Declined(NO_SUCH_SUBSCRIPTION, f"this session has no subscription {id}")
        return found

    async def state(self) -> bytes:
        """Return ``/subscriptions`` as XML. One that cannot be told of is left out: the others, and all else
        that a get shows, are none of its faults."""
        told: list[bytes] = []
        for each in tuple(self._all.values()):
            if each.source is None or each.over:
                continue
            if len(told) % TURN == TURN - 1:
                await asyncio.sleep(0)
            try:
                told.append(row(each.described()))
            except Exception:
                if not each.left_out:  # it is asked for often
                    log.exception("subscription %d is left out of the state", each.id)
                each.left_out = True
        return subscriptions(told)

    def look(self, now_s: float) -> None:
        """Look after all; see ``Subscribed.look``."""
        for subscribed in list(self._all.values()):
            subscribed.look(now_s)

    def session_ended(self, session_id: int) -> None:
        """End what belongs to a session that is gone."""
        for subscribed in self.of_session(session_id):
            subscribed.delete()

    def stop(self) -> None:
        if self._looks is not None:
            self._looks.cancel()
            self._looks = None

    def _look_later(self) -> None:
        self._looks = asyncio.get_running_loop().call_later(LOOK_S, self._look_now)

    def _look_now(self) -> None:
        self._looks = None
        self.look(_clock())
        if self._all:
            self._look_later()

    def _forget(self, subscribed: Subscribed) -> None:
        self._all.pop(subscribed.id, None)


def namespaces_of(schema: Schema) -> dict[str, str]:
    """Return the namespaces of the modules that are served, by name."""
    return {name: module.namespace for name, module in schema.by_name.items()}


def _clock() -> float:
    return asyncio.get_running_loop().time()
