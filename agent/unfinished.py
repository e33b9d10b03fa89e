"""What all sessions together hold of messages that are not whole, or not answered, and who is to end for it.

The largest of who holds most gives way, not who happens to send the next octet: otherwise a few sessions that
send almost a message and then nothing would keep everybody else from sending.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

FREE_OCTETS = 256 * 1024
"""A session that holds no more is not counted: small requests always find room."""


class Holder(Protocol):
    """A session that holds part of a message."""

    @property
    def user(self) -> str: ...


@dataclass(slots=True)
class _Held:
    octets: int
    arriving: bool


class Unfinished:
    """Counts octets by session and by user.

    Args:
        octets, octets_per_user: the most that may be held.
        end: is called with a session that is to end, and the reason; it holds nothing from then on.
    """

    def __init__(self, octets: int, octets_per_user: int, end: Callable[[Holder, str], None]) -> None:
        self._most = octets
        self._most_per_user = octets_per_user
        self._end = end
        self._held: dict[Holder, _Held] = {}

    def bound(self, octets: int, octets_per_user: int) -> None:
        """Have other bounds, from the next octet on."""
        self._most = octets
        self._most_per_user = octets_per_user

    def holds(self, holder: Holder, octets: int, *, arriving: bool) -> None:
        """Take note of what ``holder`` has now; ``arriving``: nothing of it is being carried out.

        Only what arrives is given up: what a request in work has taken would not be free before its end.
        """
        if octets <= FREE_OCTETS:
            self._held.pop(holder, None)
            return
        self._held[holder] = _Held(octets, arriving)
        if sum(held.octets for held in self._held.values()) > min(self._most, self._most_per_user):
            self._keep(self._most_per_user, holder.user)
            self._keep(self._most)

    def forget(self, holder: Holder) -> None:
        """Take note that ``holder`` is gone, with all that it held."""
        self._held.pop(holder, None)

    def _keep(self, most: int, user: str | None = None) -> None:
        """End sessions, of ``user`` only if one is named, until at most ``most`` octets are held."""
        while True:
            by_user: Counter[str] = Counter()
            for one, held in self._held.items():
                if user is None or one.user == user:
                    by_user[one.user] += held.octets
            arriving = [one for one, held in self._held.items() if held.arriving and one.user in by_user]
            if by_user.total() <= most or not arriving:
                return
            largest = max(arriving, key=lambda one: (by_user[one.user], self._held[one].octets))
            octets = self._held.pop(largest).octets
            whose = "" if user is None else " of its user"
            what = f"messages{whose} that are not finished exceed {most} octets"
            self._end(largest, f"{what}; it held {octets}")
