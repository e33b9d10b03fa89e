"""What the parts of the translator share: one small object that is passed on to each."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from translators.strongswan.charon.session import CharonSession
from translators.strongswan.charon.vici import ViciUnavailable
from translators.strongswan.translation.desired import Desired


@dataclass(eq=False, slots=True)
class Shared:
    """``desired``: what charon is to hold. ``changing`` is held by whoever changes that, or charon.

    ``trouble``: why there is none, "" while nothing is known; ``trouble_since`` in seconds since the epoch.

    ``session``: the session in use; None while there is none whose charon agrees with what is desired. Only
    the keeper sets it.
    """

    desired: Desired = field(default_factory=Desired)
    session: CharonSession | None = None
    trouble: str = ""
    trouble_since: float = 0.0
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def session_for(self, command: str) -> CharonSession:
        """Return the session in use, to ask ``command`` of it. Raises: ViciUnavailable: there is none."""
        if self.session is None:
            raise ViciUnavailable(command, "there is no charon at the moment")
        return self.session
