"""When to tell that a certificate or a CRL expires. Pure: the clock comes in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from translators.strongswan.translation.certificates import Certificate
from translators.strongswan.translation.revocation import Crl

DAYS_BEFORE = (30, 14, 7, 3, 1, 0)
CRL_DAYS_BEFORE = (7, 3, 1, 0)


def stage(certificate: Certificate, now: datetime) -> int | None:
    """Return the smallest of ``DAYS_BEFORE`` that is reached, None while there is time enough."""
    left = certificate.not_after - now
    return min((days for days in DAYS_BEFORE if left <= timedelta(days=days)), default=None)


def crl_stage(crl: Crl, now: datetime) -> int | None:
    """Return the smallest of ``CRL_DAYS_BEFORE`` that is reached, None while there is time enough.

    Only the last quarter of its time counts: a CRL for a day would be about to expire for ever.
    """
    if crl.next_update is None:
        return None
    left, last = crl.next_update - now, (crl.next_update - crl.this_update) / 4
    reached = (days for days in CRL_DAYS_BEFORE if left <= timedelta(days=days) <= last)
    return min(reached, default=None)


class Told:
    """What has been told of each certificate or CRL, by name."""

    def __init__(self) -> None:
        self._stages: dict[str, tuple[datetime | None, int]] = {}

    def due(self, reached: Mapping[str, tuple[datetime | None, int | None]]) -> list[str]:
        """Return the names of which there is something to tell, and take it as told; ``reached`` are the ends
        and the stages, None for none."""
        found = []
        stages: dict[str, tuple[datetime | None, int]] = {}
        for name, (end, one) in reached.items():
            if one is None:
                continue
            stages[name] = (end, one)
            if self._stages.get(name) != stages[name]:
                found.append(name)
        self._stages = stages
        return found
