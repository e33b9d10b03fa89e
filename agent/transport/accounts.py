"""What the system knows of its users: names, numbers and groups.

The system may ask a server for it (nsswitch.conf(5)), and that server may hang: what is looked up while the
agent serves goes through ``Lookups``.
"""

from __future__ import annotations

import asyncio
import contextlib
import grp
import logging
import os
import pwd
from collections.abc import Callable
from threading import Thread
from typing import TypeVar

LOOKUP_S = 5.0
AT_ONCE = 8
"""Look-ups under way. One that hangs goes on: it cannot be ended."""
GIVEN_UP_S = 60.0
"""After that a look-up keeps its place from nobody any more; twice as long with each AT_ONCE that hang."""
GIVEN_UP_MAX = 56
"""Threads that may hang beside those under way: an outage of two hours, however many ask meanwhile."""

log = logging.getLogger(__name__)

_T = TypeVar("_T")


class Unanswered(Exception):
    """The system did not tell in time."""


class Lookups:
    """Asks the system on threads of their own: neither the event loop nor the end of the program waits.

    ``limit_s``: how long whoever asks waits. ``given_up_s``: after that the place of what hangs is free
    again, up to ``given_up_max`` times; then places are free as what hangs ends.
    """

    def __init__(
        self,
        *,
        limit_s: float = LOOKUP_S,
        at_once: int = AT_ONCE,
        given_up_s: float = GIVEN_UP_S,
        given_up_max: int = GIVEN_UP_MAX,
    ) -> None:
        self._limit_s = limit_s
        self._at_once = at_once
        self._given_up_s = given_up_s
        self._given_up_max = given_up_max
        self._given_up = 0
        self._free = asyncio.Semaphore(at_once)

    async def ask(self, question: Callable[[], _T]) -> _T:
        """Return what ``question`` returns, which has to wait for nobody else.

        Raises:
            Unanswered: it takes too long, or too many that were asked before it do.
        """
        try:
            async with asyncio.timeout(self._limit_s):
                await self._free.acquire()
                return await self._begin(question)
        except TimeoutError:
            raise Unanswered("the system does not tell in time what it knows of the user") from None

    def _begin(self, question: Callable[[], _T]) -> asyncio.Future[_T]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_T] = loop.create_future()
        place = _Place(self._free.release)

        def give_up() -> None:
            if self._given_up < self._given_up_max:
                self._given_up += 1
                place.give_back()
                log.warning(
                    "a look-up of a user does not end; others go on without it (%d hang)", self._given_up
                )
            elif not place.free:
                timer[0] = loop.call_later(self._given_up_s, give_up)

        def end(tell: Callable[[], None]) -> None:
            timer[0].cancel()
            if place.free:
                self._given_up -= 1
            place.give_back()
            if not answer.done():
                tell()

        def work() -> None:
            tell: Callable[[], None]
            try:
                found = question()
                tell = lambda: answer.set_result(found)  # noqa: E731
            except Exception as problem:
                failed = problem
                tell = lambda: answer.set_exception(failed)  # noqa: E731
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(end, tell)

        try:
            Thread(target=work, name="lookup", daemon=True).start()
        except RuntimeError:  # there are no threads left
            place.give_back()
            raise Unanswered("there is no thread to look up the user on") from None
        longer = 2 ** (self._given_up // self._at_once)
        timer = [loop.call_later(self._given_up_s * longer, give_up)]
        return answer


class _Place:
    """One of those that may look up at once; it is given back once."""

    def __init__(self, release: Callable[[], None]) -> None:
        self._release = release
        self.free = False

    def give_back(self) -> None:
        if not self.free:
            self.free = True
            self._release()


def name_of(uid: int) -> str | None:
    """Return the name of the user with this number, None if the system has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OSError, OverflowError):
        return None


def number_of(user: str) -> int | None:
    """Return the number of the user with this name, None if the system has none."""
    try:
        return pwd.getpwnam(user).pw_uid
    except (KeyError, OSError, ValueError):
        return None


def system_groups(user: str) -> tuple[str, ...]:
    """Return the names of the groups that the system's user of this name is in; () without such a user."""
    try:
        account = pwd.getpwnam(user)
        numbers = os.getgrouplist(user, account.pw_gid)
    except (KeyError, OSError, ValueError):
        return ()
    found = []
    for number in numbers:
        with contextlib.suppress(KeyError):
            found.append(grp.getgrgid(number).gr_name)
    return tuple(found)
