"""Facts and replies -> operational data as RFC 7951 JSON. Pure: the clock is an argument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from translators.strongswan import state
from translators.strongswan.events import Facts
from translators.strongswan.proposals import Available

Section = Mapping[str, object]
Json = dict[str, Any]


def tunnel_state(sas: Sequence[Section], facts: Facts, applied: bool, retrying: bool, now: float) -> Json:
    e = facts.last_error
    return {
        "status": state.status(sas, facts, retrying).value,
        "x-sas": sas,
        "last-error": {"reason": e.reason.value, "detail": e.detail} if e else None,
    }


def daemon_state(
    mode: str, connected: bool, version: str, available: Available, stats: Section, now: float
) -> Json:
    return {"mode": mode, "connected": connected, "version": version}


def notification(tunnel: str, what: str, facts: Facts) -> Json | None:
    return None
