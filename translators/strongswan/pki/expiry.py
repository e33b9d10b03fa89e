"""When to tell that a certificate or a CRL expires. Pure: the clock comes in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from translators.strongswan.translation.certificates import Certificate
from translators.strongswan.translation.revocation import Crl

DAYS_BEFORE = (30, 14, 7, 3, 1, 0)
CRL_DAYS_BEFORE = (7, 3, 1, 0)


def end(one: Certificate | Crl) -> datetime | None:
    """Return when ``one`` ends, None for never."""
    return one.not_after if isinstance(one, Certificate) else one.next_update


def stage(one: Certificate | Crl, now: datetime) -> int | None:
    """Return the smallest of ``DAYS_BEFORE`` that is reached, None while there is time enough.

    Of a CRL only what lies in the last quarter of its time: one for a day would be about to expire for ever.
    """
    if isinstance(one, Certificate):
        return _reached(one.not_after - now, DAYS_BEFORE)
    if one.next_update is None:
        return None
    last = (one.next_update - one.this_update) / 4
    return _reached(one.next_update - now, (days for days in CRL_DAYS_BEFORE if timedelta(days=days) <= last))


def _reached(left: timedelta, stages: Iterable[int]) -> int | None:
    return min((days for days in stages if left <= timedelta(days=days)), default=None)


class Told:
    """What has been told of each certificate or CRL, by name."""

    def __init__(self) -> None:
        self._stages: dict[str, tuple[datetime | None, int]] = {}

    def due(self, things: Mapping[str, Certificate] | Mapping[str, Crl], now: datetime) -> list[str]:
        """Return the names of which there is something to tell, and take it as told."""
        found = []
        stages: dict[str, tuple[datetime | None, int]] = {}
        for name, one in things.items():
            reached = stage(one, now)
            if reached is None:
                continue
            stages[name] = (end(one), reached)
            if self._stages.get(name) != stages[name]:
                found.append(name)
        self._stages = stages
        return found
