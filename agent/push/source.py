"""What a subscription is to, as those see it who drive and describe the subscription."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Update:
    """What is sent next: the element inside ``<notification>``, and its eventTime.

    ``is_record``: it counts as an event record; a state change notification (replay-completed) does not.
    """

    time: datetime
    body: bytes = field(repr=False)
    is_record: bool = True


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for a subscriber: records, and their octets. A source that merges what waits says nought."""

    records: int = 0
    octets: int = 0


@dataclass(slots=True)
class Counters:
    """Records of one subscription; ``excluded``: by its filter or by access control, ``missed``: because it
    was suspended. A source counts what it excludes."""

    sent: int = 0
    excluded: int = 0
    missed: int = 0


class Source(Protocol):
    """Makes the updates of one subscription, one at a time, with the parameters that one rpc gave it."""

    def follow(self, before: Source) -> None:
        """Go on from where ``before`` has come to, which is closed next: the subscription was modified.

        Called before ``next`` is. ``before`` may not have been asked either, and then this is called again
        with the source that was to be followed there."""

    async def next(self) -> Update | None:
        """Wait for the next update; None when the stop time has come and nothing is left from before.

        It is not called again before what it returned has been sent. It may be cancelled while it waits:
        what it would have returned is returned by the next call, or by that of the source that follows on
        this one when the subscription is modified.

        Raises:
            Suspend: nothing can be sent for now (RFC 8641: update-too-big); ``recovered`` is awaited next.
            Terminate: nothing will be sent any more.
        """

    async def recovered(self) -> None:
        """Wait until a suspension that ``next`` has asked for can end. May be cancelled."""

    def behind(self) -> Backlog:
        """Return what waits to be sent; asked now and then while the session takes nothing."""

    def skip(self) -> int:
        """Give up what waits beyond the bound, for the subscription is being resumed; returns how many
        records are lost. After that an on-change source owes its subscriber a whole push-update."""

    def described(self) -> bytes:
        """Return what the subscription is to, as XML members of ``/subscriptions/subscription`` and of
        subscription-modified: target, filter, and what else an rpc said of it; without id, stop-time and
        encoding."""

    def close(self) -> None:
        """Let go of what is held for the subscription; called once. ``next`` may be waiting, and is cancelled
        then. One that another source follows is closed as soon as that has taken over what waited there."""
