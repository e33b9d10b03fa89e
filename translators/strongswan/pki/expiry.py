"""When to tell that a certificate expires. Pure: the clock comes in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from translators.strongswan.translation.certificates import Certificate

DAYS_BEFORE = (30, 14, 7, 3, 1, 0)


def stage(certificate: Certificate, now: datetime) -> int | None:
    """Return the smallest of ``DAYS_BEFORE`` that is reached, None while there is time enough."""
    left = certificate.not_after - now
    return min((days for days in DAYS_BEFORE if left <= timedelta(days=days)), default=None)


class Told:
    """What has been told of each certificate, by name."""

    def __init__(self) -> None:
        self._stages: dict[str, tuple[datetime, int]] = {}

    def due(self, certificates: Mapping[str, Certificate], now: datetime) -> list[str]:
        """Return the names of which there is something to tell, and take it as told."""
        found = []
        stages: dict[str, tuple[datetime, int]] = {}
        for name, certificate in certificates.items():
            reached = stage(certificate, now)
            if reached is None:
                continue
            stages[name] = (certificate.not_after, reached)
            if self._stages.get(name) != stages[name]:
                found.append(name)
        self._stages = stages
        return found
