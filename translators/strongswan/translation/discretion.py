"""What who asks may not learn of the keys of tunnels. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from translators.strongswan.translation.claims import Unsure


@dataclass(frozen=True, slots=True)
class Discretion:
    """What who asks may not learn: the keys of tunnels that ``hides`` names. ``blind``: the tunnels of which
    a key was written by somebody who may not read it."""

    hides: Callable[[str], bool]
    blind: Collection[str] = frozenset()

    def unsure(self, changed: Collection[str]) -> Unsure:
        """Return for which two tunnels it must not be told whether their keys are equal: one is not for the
        eyes of who asks, and one is ``changed``. So what is committed stays as it is."""
        hides = self.hides

        def unsure(one: str, other: str) -> bool:
            return (one in changed or other in changed) and (hides(one) or hides(other))

        return unsure
