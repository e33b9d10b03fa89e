"""What is known of a tunnel and list-sas does not show: a record, and the transitions that it makes.

Pure: every transition is (facts, what happened, now) -> facts, with ``now`` in seconds since the epoch. A
tunnel is up while any of its CHILD_SAs is; they are kept by their unique ids, so that one of two that ends is
not taken for the end of the tunnel, and a rekeying not for a new beginning.

Signals of one happening come over several sockets in any order. So a general reason never replaces a
specific one that came just before it, and a reason that comes just after the tunnel went down still becomes
the reason for that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from translators.strongswan.status.exchange import Exchange, forgotten

SPECIFIC_REASON_STANDS_S = 5.0
ONE_FAILURE_S = 0.5
CAUSE_STANDS_S = 1.0
OWN_CAUSE_STANDS_S = 15.0
"""What this gateway itself does about an SA takes longer when its peer is dead."""
DETAIL_CHARACTERS_MAX = 300
HISTORY_MAX = 32


class Reason(Enum):
    """Why a tunnel failed or went down; the values are those of the model's enumeration."""

    AUTHENTICATION_FAILED = "authentication-failed"
    CERTIFICATE_REVOKED = "certificate-revoked"
    REVOCATION_UNKNOWN = "revocation-unknown"
    NO_PROPOSAL_CHOSEN = "no-proposal-chosen"
    SELECTORS_MISMATCH = "selectors-mismatch"
    PEER_SILENT = "peer-silent"
    PEER_CLOSED = "peer-closed"
    PEER_RESTARTED = "peer-restarted"
    LOCAL_ADDRESS_MISSING = "local-address-missing"
    INSTALL_FAILED = "install-failed"
    IDENTITY_CONFLICT = "identity-conflict"
    LIFETIME_EXPIRED = "lifetime-expired"
    INACTIVE = "inactive"
    TERMINATED = "terminated"
    CONFIGURATION_CHANGED = "configuration-changed"
    DRIFT = "drift"
    DAEMON_LOST = "daemon-lost"
    DAEMON_UNAVAILABLE = "daemon-unavailable"
    UNKNOWN = "unknown"
    OTHER = "other"


class Kind(Enum):
    """What an entry of the history tells; the values are those of the model's enumeration."""

    UP = "up"
    DOWN = "down"
    FAILED = "failed"
    RETRANSMISSION = "retransmission"
    ANSWERED = "answered"
    REKEYED = "rekeyed"
    IKE_REKEYED = "ike-rekeyed"
    REAUTHENTICATED = "reauthenticated"
    REPAIRED = "repaired"


@dataclass(frozen=True, slots=True)
class LastError:
    """``at`` is in seconds since the epoch."""

    reason: Reason
    detail: str
    at: float


@dataclass(frozen=True, slots=True)
class Counters:
    """How often things happened since this agent first knew of the tunnel; ``reasons`` of failures."""

    ups: int = 0
    downs: int = 0
    failures: int = 0
    rekeys: int = 0
    retransmissions: int = 0
    reasons: Mapping[Reason, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One happening; ``times`` counts equal failures in a row, of which ``at`` is the last."""

    index: int
    at: float
    kind: Kind
    reason: Reason | None = None
    detail: str = ""
    times: int = 1


@dataclass(frozen=True, slots=True)
class Facts:
    """``since`` is when the tunnel last went up or down, ``children`` the CHILD_SAs that carry traffic."""

    last_error: LastError | None = None
    last_down: LastError | None = None
    since: float | None = None
    children: frozenset[str] = frozenset()
    retransmitting: bool = False
    tries: int = 0
    """How often the request that is not answered yet was sent again."""
    gave_up: bool = False
    """The peer was declared dead while the tunnel was up, and it was not up again since."""
    closed: bool = False
    """The peer closed the tunnel while it was up, and it was not up again since."""
    cause: LastError | None = None
    """What is about to take the tunnel down, or just did."""
    renewing: float | None = None
    """Since when the IKE_SA is authenticated anew, during which there may be none for a moment."""
    exchange: Exchange = field(default=Exchange(), compare=False)
    counters: Counters = field(default_factory=Counters)
    history: tuple[Entry, ...] = ()
    """The last happenings, oldest first, at most ``HISTORY_MAX``."""

    @property
    def up(self) -> bool:
        return bool(self.children)


def count(facts: Facts, **more: int) -> Facts:
    """Return the facts with ``more`` added to counters."""
    counters = facts.counters
    return replace(
        facts, counters=replace(counters, **{name: getattr(counters, name) + n for name, n in more.items()})
    )


def note(facts: Facts, kind: Kind, now: float, reason: Reason | None = None, detail: str = "") -> Facts:
    """Return the facts with an entry more in their history.

    A failure like the one before it only raises that one's ``times``: otherwise an hour of attempts would
    push out what had led to them.
    """
    history, index, times = facts.history, 1, 1
    if history:
        last = history[-1]
        index = last.index + 1
        if kind is Kind.FAILED and (last.kind, last.reason) == (kind, reason):
            history, index, times = history[:-1], last.index, last.times + 1
    entry = Entry(
        index=index, at=now, kind=kind, reason=reason, detail=detail[:DETAIL_CHARACTERS_MAX], times=times
    )
    return replace(facts, history=(*history, entry)[-HISTORY_MAX:])


_MORE_GENERAL = {
    Reason.CERTIFICATE_REVOKED: (Reason.REVOCATION_UNKNOWN, Reason.AUTHENTICATION_FAILED),
    Reason.REVOCATION_UNKNOWN: (Reason.AUTHENTICATION_FAILED,),
}
"""What says less of the same failure."""


def failed(facts: Facts, reason: Reason, detail: str, now: float) -> Facts:
    """Return the facts with a new last error.

    Two sources may tell of one failure, and one of them without a reason; that is still one.
    """
    error = LastError(reason, detail[:DETAIL_CHARACTERS_MAX], now)
    last = facts.last_error
    general = (reason, Reason.UNKNOWN, *_MORE_GENERAL.get(reason, ()))
    if last is not None and last.reason in general and _within(last, now, ONE_FAILURE_S):
        return _told_again(facts, error)
    if (
        last is not None
        and reason in _MORE_GENERAL.get(last.reason, ())
        and _within(last, now, ONE_FAILURE_S)
    ):
        return facts
    if facts.renewing is not None and not facts.up:
        facts = _lost(replace(facts, renewing=None), error, now)
    if not facts.up and (explained := _explained(facts, error, now)) is not None:
        facts = explained
    reasons = Counter(facts.counters.reasons) + Counter([reason])
    counters = replace(facts.counters, failures=facts.counters.failures + 1, reasons=reasons)
    return note(replace(facts, last_error=error, counters=counters), Kind.FAILED, now, reason, detail)


def _told_again(facts: Facts, error: LastError) -> Facts:
    history = facts.history
    if history and history[-1].kind is Kind.FAILED:
        said = replace(history[-1], reason=error.reason, detail=error.detail)
        history = (*history[:-1], said)
    replaced = [] if facts.last_error is None else [facts.last_error.reason]
    reasons = Counter(facts.counters.reasons) + Counter([error.reason]) - Counter(replaced)
    counted = replace(facts.counters, reasons=reasons)
    return replace(facts, last_error=error, history=history, counters=counted)


def _explained(facts: Facts, why: LastError, now: float) -> Facts | None:
    """Return the facts with ``why`` as the reason for a down that came just before it without one; None if
    there is no such down."""
    down = facts.last_down
    if down is None or down.reason is not Reason.UNKNOWN or not _within(down, now, CAUSE_STANDS_S):
        return None
    history = tuple(
        replace(entry, reason=why.reason, detail=why.detail)
        if entry.kind is Kind.DOWN and entry.at == down.at
        else entry
        for entry in facts.history
    )
    closed = facts.closed or why.reason is Reason.PEER_CLOSED
    return replace(facts, last_down=replace(why, at=down.at), closed=closed and not facts.up, history=history)


def failed_somehow(facts: Facts, detail: str, now: float) -> Facts:
    """Return the facts after a failure without a reason; a specific one just before it stands."""
    return facts if is_fresh(facts.last_error, now) else failed(facts, Reason.UNKNOWN, detail, now)


def is_fresh(error: LastError | None, now: float) -> bool:
    """Return whether ``error`` may speak of the same happening as a signal of ``now``."""
    return error is not None and _within(error, now, SPECIFIC_REASON_STANDS_S)


def _within(error: LastError, now: float, limit_s: float) -> bool:
    return now - error.at < limit_s


_OWN = frozenset({
    Reason.TERMINATED, Reason.CONFIGURATION_CHANGED, Reason.DRIFT,
    Reason.IDENTITY_CONFLICT, Reason.DAEMON_LOST,
})  # fmt: skip
_OURS = _OWN | {Reason.LIFETIME_EXPIRED, Reason.INACTIVE}
"""What this gateway does: because somebody told it to, or by itself."""


def caused(facts: Facts, reason: Reason, detail: str, now: float) -> Facts:
    """Return the facts once it is known what will take the tunnel down, if it goes down at once.

    What we do ourselves stands before what the peer does: to our own DELETE it answers with one.
    """
    current = _current_cause(facts, now)
    if current is not None and (current.reason in _OURS or reason not in _OURS):
        return facts
    cause = LastError(reason, detail[:DETAIL_CHARACTERS_MAX], now)
    if reason not in _OWN and (explained := _explained(facts, cause, now)) is not None:
        return explained  # it may be up again by now
    return replace(facts, cause=cause)


def _current_cause(facts: Facts, now: float) -> LastError | None:
    cause = facts.cause
    if cause is None:
        return None
    limit_s = OWN_CAUSE_STANDS_S if cause.reason in _OURS else CAUSE_STANDS_S
    return cause if _within(cause, now, limit_s) else None


def child_up(facts: Facts, child: str, now: float) -> Facts:
    """Return the facts with one CHILD_SA more."""
    was_up, renewed = facts.up, facts.renewing is not None
    facts = replace(
        facts,
        children=facts.children | {child},
        renewing=None,
        retransmitting=False,
        tries=0,
        gave_up=False,
        closed=False,
        cause=None,
        exchange=replace(facts.exchange, refused=False),
    )
    if renewed:
        return note(facts, Kind.REAUTHENTICATED, now)
    if was_up:
        return facts
    return note(count(replace(facts, since=now), ups=1), Kind.UP, now)


def child_down(facts: Facts, child: str, now: float) -> Facts:
    """Return the facts with one CHILD_SA less."""
    if child not in facts.children:
        return facts
    return _left_with(facts, facts.children - {child}, now)


def all_down(facts: Facts, reason: Reason, detail: str, now: float) -> Facts:
    """Return the facts when every SA is gone at once, or is out of sight."""
    facts = replace(facts, retransmitting=False, tries=0, exchange=forgotten(facts.exchange))
    cause = LastError(reason, detail, now)
    if facts.up or facts.renewing is not None:
        return _left_with(replace(facts, cause=cause), frozenset(), now)
    return _explained(facts, cause, now) or facts  # it may have said good-bye


def _left_with(facts: Facts, children: frozenset[str], now: float) -> Facts:
    facts = replace(facts, children=children)
    if children or (facts.renewing is not None and _current_cause(facts, now) is None):
        return facts
    return _lost(facts, _why_down(facts, now), now)


def _lost(facts: Facts, why: LastError, now: float) -> Facts:
    closed = facts.closed or why.reason is Reason.PEER_CLOSED
    facts = replace(
        facts,
        since=now,
        retransmitting=False,
        tries=0,
        closed=closed,
        cause=None,
        renewing=None,
        last_down=why,
    )
    return note(count(facts, downs=1), Kind.DOWN, now, why.reason, why.detail)


def _why_down(facts: Facts, now: float) -> LastError:
    if (cause := _current_cause(facts, now)) is not None:
        return replace(cause, at=now)
    error = facts.last_error
    # One of before it was up is not why it goes down now.
    if error is not None and _within(error, now, CAUSE_STANDS_S) and error.at >= (facts.since or 0.0):
        return replace(error, at=now)
    return LastError(Reason.UNKNOWN, "", now)


def rekeyed(facts: Facts, old: str, new: str, now: float) -> Facts:
    """Return the facts once the CHILD_SA ``new`` has taken the place of ``old``."""
    facts = replace(facts, children=facts.children - {old} | {new}, retransmitting=False, tries=0)
    return note(count(facts, rekeys=1), Kind.REKEYED, now)


def ike_rekeyed(facts: Facts, now: float) -> Facts:
    """Return the facts once the IKE_SA was rekeyed."""
    return note(replace(facts, retransmitting=False, tries=0), Kind.IKE_REKEYED, now)


def reauthenticating(facts: Facts, now: float) -> Facts:
    """Return the facts once the IKE_SA is about to be authenticated anew: charon ends it, and begins another
    one (RFC 7296 section 2.8.3). The tunnel counts as up if the other one comes up."""
    if facts.up:
        return replace(facts, renewing=now)
    last = facts.last_down
    if last is None or last.reason is not Reason.UNKNOWN or not _within(last, now, CAUSE_STANDS_S):
        return facts
    # It went down a moment ago, and this is why.
    history = tuple(entry for entry in facts.history if (entry.kind, entry.at) != (Kind.DOWN, last.at))
    downs = [entry for entry in history if entry.kind is Kind.DOWN]
    before = LastError(downs[-1].reason or Reason.UNKNOWN, downs[-1].detail, downs[-1].at) if downs else None
    return count(replace(facts, renewing=now, last_down=before, history=history), downs=-1)


def not_renewed(facts: Facts, now: float) -> Facts:
    """Return the facts once the tunnel is known to be down, also if it was authenticated anew last."""
    if facts.renewing is None or facts.up:
        return facts
    detail = "the IKE SA was to be authenticated anew, and did not come up again"
    return _lost(facts, LastError(Reason.OTHER, detail, now), now)


def unanswered(facts: Facts, tries: int, now: float) -> Facts:
    """Return the facts once a request was sent for the ``tries``-th time again."""
    facts = count(facts, retransmissions=1)
    if facts.up and not facts.retransmitting:
        facts = note(facts, Kind.RETRANSMISSION, now)
    return replace(facts, retransmitting=True, tries=tries)


def answered(facts: Facts, now: float) -> Facts:
    """Return the facts once a request that was sent again was answered."""
    if facts.up and facts.retransmitting:
        facts = note(facts, Kind.ANSWERED, now)
    return replace(facts, retransmitting=False, tries=0)


def silent(facts: Facts, now: float) -> Facts:
    """Return the facts once the peer was given up.

    The down event and the word that the peer is dead come over different sockets, in any order.
    """
    if facts.renewing is not None and not facts.up:
        detail = "the peer did not answer when the IKE SA was authenticated anew"
        return _lost(facts, LastError(Reason.PEER_SILENT, detail, now), now)
    just_down = not facts.up and facts.last_down is not None and is_fresh(facts.last_down, now)
    return replace(facts, retransmitting=False, tries=0, gave_up=facts.gave_up or facts.up or just_down)


def reconfigured(facts: Facts) -> Facts:
    """Return the facts of a tunnel that has become another: why the old one failed says nothing now."""
    return replace(facts, last_error=None, retransmitting=False, tries=0, gave_up=False, closed=False)


def revived(facts: Facts) -> Facts:
    """Return the facts once somebody wants the tunnel again whose peer was given up, or had closed it."""
    return replace(facts, gave_up=False, closed=False)


def repaired(facts: Facts, detail: str, now: float) -> Facts:
    """Return the facts once charon was made to hold what is configured again."""
    return note(facts, Kind.REPAIRED, now, Reason.DRIFT, detail)


def reseeded(facts: Facts | None, children: Iterable[str], installed_s: int, now: float) -> Facts:
    """Return the facts after charon was out of sight, or (None) before it was in sight at all.

    ``children`` are up, the newest since ``installed_s`` seconds; what the peer was doing is not known. A
    tunnel that is met for the first time is just as it is found: it did not go up now.
    """
    found = frozenset(children)
    if facts is None:
        return Facts(children=found, since=now - installed_s if found else None)
    was_up = facts.up or facts.renewing is not None
    said = forgotten(facts.exchange)
    facts = replace(facts, retransmitting=False, tries=0, cause=None, renewing=None, exchange=said)
    if not found:
        return _left_with(facts, found, now) if was_up else facts
    facts = replace(facts, children=found, gave_up=False, closed=False)
    return facts if was_up else note(count(replace(facts, since=now - installed_s), ups=1), Kind.UP, now)
