"""What the agent tells of itself: notifications of tunnels and of the daemon as RFC 7951 JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from typing import Any

from translators.strongswan.model import DAEMON, IPSEC
from translators.strongswan.status.facts import Counters, Facts, LastError, Reason
from translators.strongswan.status.state import Status

Json = dict[str, Any]


class Drift(Enum):
    """What somebody else had changed in charon; the values are those of the model."""

    CONNECTION_MISSING = "connection-missing"
    CONNECTION_CHANGED = "connection-changed"
    CONNECTION_UNKNOWN = "connection-unknown"
    SECRET_MISSING = "secret-missing"
    SECRET_CHANGED = "secret-changed"
    KEY_MISSING = "private-key-missing"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something to be told of ``tunnel``; ``name`` is the notification's, ``members`` its other leaves.

    ``old`` and ``new`` are there when its status changed.
    """

    name: str
    tunnel: str
    members: Mapping[str, object]
    old: Status | None = None
    new: Status | None = None

    @property
    def subject(self) -> tuple[str, str]:
        """What is dampened together."""
        return (self.tunnel, self.name)


def not_configured(now: float) -> LastError:
    """Return why a tunnel is down that was deleted."""
    return LastError(Reason.CONFIGURATION_CHANGED, "the tunnel is not configured any more", now)


def status_changed(tunnel: str, old: Status, new: Status, why: LastError | None) -> Happening:
    """Return the change of a tunnel's status."""
    return Happening(name="tunnel-state-changed", tunnel=tunnel, members=_failure(why), old=old, new=new)


def negotiation_failed(tunnel: str, why: LastError) -> Happening:
    """Return that a tunnel could not be negotiated."""
    return Happening("negotiation-failed", tunnel, _failure(why))


def rekeyed(tunnel: str, ike: bool, spis: Mapping[str, str]) -> Happening:
    """Return that an SA of a tunnel was rekeyed; ``spis`` by leaf."""
    # One subject each: a burst of one must not hide the other.
    return Happening("rekeyed", tunnel, {"sa": "ike-sa" if ike else "child-sa", **spis})


def drift_repaired(tunnel: str, what: Drift, detail: str) -> Happening:
    """Return that charon was made to hold a tunnel's configuration again."""
    return Happening("drift-repaired", tunnel, {"what": what.value, "detail": detail})


def merge(held: Happening, later: Happening) -> Happening | None:
    """Return what is left to tell of two; a status that came back to where it was is no change."""
    if held.old is None:
        return later
    return None if held.old is later.new else replace(later, old=held.old)


def content(happening: Happening, suppressed: int) -> Json:
    """Return the notification."""
    leaves: Json = {"id": int(happening.tunnel)}
    if happening.old is not None and happening.new is not None:
        leaves |= {"old-status": happening.old.value, "new-status": happening.new.value}
    leaves |= happening.members
    if suppressed:
        leaves["suppressed"] = suppressed
    return {f"{IPSEC}:{happening.name}": leaves}


def daemon_started(version: str) -> Json:
    """Return that charon can be talked to."""
    return {f"{DAEMON}:daemon-started": {"version": f"charon {version}"}}


def daemon_stopped(detail: str) -> Json:
    """Return that charon cannot be talked to any more."""
    return {f"{DAEMON}:daemon-stopped": {"detail": detail}}


def why(facts: Facts, old: Status, new: Status, now: float) -> LastError | None:
    """Return the reason for a change of status, as far as it is known."""
    match new:
        case Status.INSTALLED:
            return None
        case Status.RETRANSMISSION:
            return LastError(Reason.PEER_SILENT, "a request was sent again and is not answered yet", now)
        case _ if old in (Status.INSTALLED, Status.RETRANSMISSION):
            return facts.last_down
    error = facts.last_error
    return error if error is not None and now - error.at < RECENT_S else None


RECENT_S = 5.0
"""A failure that is older is not why the status changed just now."""


@dataclass(frozen=True, slots=True)
class Told:
    """What has been told of a tunnel: its status, and how often it had gone up and down and failed."""

    status: Status = Status.DOWN
    ups: int = 0
    downs: int = 0
    failures: int = 0

    @classmethod
    def of(cls, status: Status, counters: Counters) -> Told:
        return cls(status, ups=counters.ups, downs=counters.downs, failures=counters.failures)


def news(
    tunnel: str, told: Told, now_is: Told, facts: Facts, now: float, without_sas: Status = Status.DOWN
) -> list[Happening]:
    """Return what has happened between ``told`` and ``now_is``, in order; ``facts`` give the reasons.

    A tunnel that went down and up again (or up and down) between two looks is told as both. ``without_sas``:
    the status that it has while it has no SA, as was read by who looked at that moment.
    """
    found = []
    error, status = facts.last_error, now_is.status
    was_up = told.status in (Status.INSTALLED, Status.RETRANSMISSION)
    if error is not None and now_is.failures > told.failures and not (was_up and facts.gave_up):
        found.append(negotiation_failed(tunnel, error))
    path = [told.status]
    if was_up and now_is.downs > told.downs and (status is Status.INSTALLED or _began_anew(status, facts)):
        path.append(without_sas)
    if not was_up and now_is.ups > told.ups and status is not Status.INSTALLED:
        path.append(Status.INSTALLED)
    if not was_up and now_is.ups > told.ups + 1 and status is Status.INSTALLED:
        path += [Status.INSTALLED, without_sas]
    path.append(status)
    found += [
        status_changed(tunnel, old, new, why(facts, old, new, now))
        for old, new in pairwise(path)
        if old is not new
    ]
    return found


def _began_anew(status: Status, facts: Facts) -> bool:
    """Return whether the IKE_SA that is up is another one than when the tunnel was up."""
    lost = facts.last_down is not None and facts.last_down.reason is Reason.DAEMON_LOST
    return status is Status.IKE_ESTABLISHED and lost


def _failure(why: LastError | None) -> Mapping[str, object]:
    if why is None:
        return {}
    return {"reason": why.reason.value, **({"detail": why.detail} if why.detail else {})}
