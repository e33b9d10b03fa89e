"""How long it took to bring each tunnel up when this gateway last began. Pure: the clock comes in.

Of an attempt only that is known which ends well, with an IKE_SA that it made itself: what a peer begins, or
charon by itself, hours after an attempt has failed says nothing of how long a negotiation takes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from translators.strongswan.status import state
from translators.strongswan.status.facts import LastError

WHOLE_S = 1.0
"""charon tells the age of an IKE_SA in whole seconds."""


@dataclass(slots=True)
class _Attempt:
    begun_s: float
    peer: object
    missing: set[str]
    """The children that are not up yet."""
    error: LastError | None
    """What had gone wrong last when it was begun."""


class Negotiations:
    """``clock`` returns seconds that never go back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._attempts: dict[str, _Attempt] = {}
        self._took_s: dict[str, tuple[object, float]] = {}

    def begin(self, tunnel: str, peer: object, *, children: Collection[str], error: LastError | None) -> None:
        """Note that charon is told to bring ``tunnel`` up, with all its ``children``, of which it has none;
        ``error``: what went wrong with it last."""
        self._attempts[tunnel] = _Attempt(self._clock(), peer, set(children), error=error)

    def break_off(self, tunnel: str) -> None:
        """Note that what comes up from now on is not of the attempt that is under way."""
        self._attempts.pop(tunnel, None)

    def break_off_all(self) -> None:
        """Do so for every tunnel."""
        self._attempts.clear()

    def forget(self, tunnel: str) -> None:
        """Drop what was known of a tunnel that is gone."""
        self.break_off(tunnel)
        self._took_s.pop(tunnel, None)

    def came_up(self, tunnel: str, sa: Mapping[str, object], error: LastError | None) -> None:
        """Take an IKE_SA with the children that have come up; ``error`` as at the beginning."""
        attempt = self._attempts.get(tunnel)
        if attempt is None:
            return
        lasted_s = self._clock() - attempt.begun_s
        is_new = state.number(sa.get("established")) <= lasted_s + WHOLE_S
        if error != attempt.error or sa.get("initiator") != "yes" or not is_new:
            self.break_off(tunnel)
            return
        attempt.missing -= {str(child.get("name")) for child in state.children(sa)}
        if not attempt.missing:
            self._took_s[tunnel] = attempt.peer, lasted_s
            self.break_off(tunnel)

    def took_s(self, tunnel: str, peer: object) -> float | None:
        """Return how long it took the last time, with this peer; None if that is not known."""
        known = self._took_s.get(tunnel)
        return known[1] if known is not None and known[0] == peer else None
