"""One attempt to bring a tunnel up: what is of it among all that charon tells of the tunnel.

It has its place from its look on. What it is about is an IKE_SA that its request begins, or, where charon has
one that works, a child in that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Attempt:
    """``outcome`` is set once the attempt can give its place to the next."""

    missing: set[str] | None = None
    """The children that are not up yet; None before charon is asked for any."""
    refused: int = 0
    earlier: set[str] = field(default_factory=set)
    """IKE_SAs that were there before charon was asked: it may carry a child in one of them, but the end
    of one says nothing of the attempt."""
    strange: set[str] = field(default_factory=set)
    """IKE_SAs that the peer has begun since: what becomes of them says nothing of the attempt."""
    is_overtaken: bool = False
    """Whether an SA of the tunnel has ended since the look began, whose answer may be older than that."""
    outcome: asyncio.Event = field(default_factory=asyncio.Event)

    def finds(self, ike_sas: Iterable[str]) -> None:
        """Note the unique ids of the IKE_SAs that are there."""
        self.earlier.update(ike_sas)

    def asks(self, children: Collection[str]) -> None:
        """Note that charon is about to be asked for ``children``. What came up or was refused until now is
        not of the attempt."""
        self.missing = set(children)

    def peer_began(self, ike_sa: str) -> None:
        """Note that the peer has begun this IKE_SA."""
        (self.earlier if self.missing is None else self.strange).add(ike_sa)

    def children_up(self, ike_sa: str, children: Iterable[str]) -> None:
        """Note that ``children`` came up in an IKE_SA."""
        if self.missing is not None and ike_sa not in self.strange:
            self.missing.difference_update(children)
            self._see(self.missing)

    def child_refused(self, ike_sa: str) -> None:
        """Note that a child was refused, of which an IKE_SA says nothing."""
        if self.missing is not None and ike_sa not in self.strange:
            self.refused += 1
            self._see(self.missing)

    def _see(self, missing: Collection[str]) -> None:
        if len(missing) <= self.refused:
            self.outcome.set()

    def went_down(self, ike_sa: str) -> None:
        """Note that this IKE_SA or a child of it ended."""
        self.is_overtaken = True
        if self.missing is not None and ike_sa not in self.strange | self.earlier:
            self.outcome.set()
