"""Who has logged in on the web page and not out again; times are arguments, in seconds that only go on. Pure.

The cookie itself is kept nowhere: its hash says whose a session is. A session lasts for a while after its
login, and without a request or an open stream for less.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

LONGEST_S = 12 * 3600.0
IDLE_S = 3600.0
OF_USER = 16
OF_ALL = 256


class Over(Enum):
    """Why a session or a stream is over, in the words of the page's last event."""

    LOGOUT = "logout"
    LOGIN = "login"
    EXPIRED = "expired"
    CHANGED = "changed"
    STOPPING = "stopping"


End = Callable[[Over], None]
"""Ends what belongs to a session; called once."""


@dataclass(eq=False, slots=True)
class Session:
    """``token``: what a request that changes something shows beside the cookie, which a browser adds by
    itself. ``until``: its end, whatever happens; ``used``: when it was last. ``ends``: what ends with it."""

    user: str
    hash: bytes = field(repr=False)
    token: str = field(repr=False)
    until: float
    used: float
    ends: set[End] = field(default_factory=set)
    over: Over | None = None

    def is_token(self, given: str) -> bool:
        return hmac.compare_digest(self.token.encode(), given.encode())

    def is_due(self, now: float) -> bool:
        """Return whether it has expired."""
        return now >= self.until or (not self.ends and now >= self.used + IDLE_S)


class Sessions:
    """All of them. At most ``of_user`` of one user and ``of_all``: beyond, the oldest one of the same user
    gives way, and of all who have none the oldest of whoever has most."""

    def __init__(self, of_user: int = OF_USER, of_all: int = OF_ALL) -> None:
        self._of_user = of_user
        self._of_all = of_all
        self._all: dict[bytes, Session] = {}

    def __len__(self) -> int:
        return len(self._all)

    def open(self, user: str, *, cookie: str, token: str, now: float) -> Session:
        """Begin a session of who has just logged in; ``cookie`` and ``token`` nobody can guess."""
        self.look(now)
        own = self._of(user)
        if len(own) >= self._of_user:
            self.end(own[0], Over.EXPIRED)
        elif len(self._all) >= self._of_all:
            self.end((own or self._of(self._whose_are_most()))[0], Over.EXPIRED)
        made = Session(user, _hash(cookie), token, until=now + LONGEST_S, used=now)
        self._all[made.hash] = made
        return made

    def find(self, cookie: str, now: float) -> Session | None:
        """Return the session that ``cookie`` is of, which is used by that; None if there is none such."""
        found = self._all.get(_hash(cookie))
        if found is None:
            return None
        if found.is_due(now):
            self.end(found, Over.EXPIRED)
            return None
        found.used = now
        return found

    def follow(self, session: Session, end: End) -> None:
        """Have ``end`` called when ``session`` is over, maybe at once; it is in use until ``leave``."""
        if session.over is not None:
            end(session.over)
        else:
            session.ends.add(end)

    def leave(self, session: Session, end: End, now: float) -> None:
        session.ends.discard(end)
        session.used = now

    def end(self, session: Session, why: Over) -> None:
        """End ``session``, and what belongs to it."""
        if self._all.pop(session.hash, None) is None:
            return
        session.over = why
        ends, session.ends = session.ends, set()
        for end in ends:
            end(why)

    def end_all(self, why: Over, of: Callable[[str], bool] = lambda user: True) -> None:
        """End those of users whom ``of`` holds for."""
        for session in [one for one in self._all.values() if of(one.user)]:
            self.end(session, why)

    def look(self, now: float) -> None:
        """End those that have expired."""
        for session in [one for one in self._all.values() if one.is_due(now)]:
            self.end(session, Over.EXPIRED)

    def _of(self, user: str) -> list[Session]:
        """Return those of ``user``, the oldest first."""
        return [one for one in self._all.values() if one.user == user]

    def _whose_are_most(self) -> str:
        users = [one.user for one in self._all.values()]
        return max(dict.fromkeys(users), key=users.count)


def _hash(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode("utf-8", "surrogateescape")).digest()
