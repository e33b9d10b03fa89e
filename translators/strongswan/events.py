"""What charon's events tell about a tunnel and list-sas does not: why it failed, and that its peer is
silent. A pure reduction: (facts, signal, now) -> facts.

list-sas calls a tunnel ESTABLISHED and INSTALLED for up to 165 s after its peer has died, and an SA that
failed leaves nothing behind in it. The error-notify plugin says both, with the connection's name; where it
is not loaded the log says most of it. Their sockets are not ordered against each other, so a general
reason ("keeping IKE_SA after failing...") never replaces a specific one that came just before it.

Record of error-notify (``error_notify_msg.h``): ``>i384s64s256s60s`` = code, text, connection name (cut
at 63 octets), peer identity, peer address and port.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, IntEnum

NOTICE = struct.Struct(">i384s64s256s60s")
SPECIFIC_REASON_STANDS_S = 5.0
DETAIL_CHARACTERS_MAX = 300


class Reason(Enum):
    """Why a tunnel failed; the values are those of the model's enumeration."""

    AUTHENTICATION_FAILED = "authentication-failed"
    NO_PROPOSAL_CHOSEN = "no-proposal-chosen"
    SELECTORS_MISMATCH = "selectors-mismatch"
    PEER_SILENT = "peer-silent"
    INSTALL_FAILED = "install-failed"
    IDENTITY_CONFLICT = "identity-conflict"
    UNKNOWN = "unknown"
    OTHER = "other"


class Code(IntEnum):
    """The codes of error-notify that are used here."""

    LOCAL_AUTH_FAILED = 2
    PEER_AUTH_FAILED = 3
    RETRANSMIT_SEND_TIMEOUT = 6
    PROPOSAL_MISMATCH_IKE = 8
    PROPOSAL_MISMATCH_CHILD = 9
    TS_MISMATCH = 10
    INSTALL_CHILD_SA_FAILED = 11
    INSTALL_CHILD_POLICY_FAILED = 12
    RETRANSMIT_SEND = 20
    RETRANSMIT_CLEARED = 21
    PEER_INIT_UNREACHABLE = 24
    KEEP_ON_CHILD_SA_FAILURE = 27


@dataclass(frozen=True, slots=True)
class Notice:
    """One record of error-notify; ``name`` is empty where charon does not know the connection yet."""

    code: int
    text: str
    name: str
    peer_id: str
    peer: str


def parse_notice(record: bytes) -> Notice:
    """Decode one record of ``NOTICE.size`` octets.

    Raises:
        ValueError: the length differs.
    """
    if len(record) != NOTICE.size:
        raise ValueError(f"a notice has {NOTICE.size} octets, not {len(record)}")
    code, *texts = NOTICE.unpack(record)
    return Notice(code, *(text.split(b"\0")[0].decode("utf-8", "replace") for text in texts))


@dataclass(frozen=True, slots=True)
class LastError:
    """``at`` is in seconds since the epoch."""

    reason: Reason
    detail: str
    at: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one tunnel besides list-sas; ``since`` is when it last went up or down."""

    last_error: LastError | None = None
    since: float | None = None
    up: bool = False
    retransmitting: bool = False
    gave_up: bool = False
    """The peer was declared dead while the tunnel was up, and it was not up again since."""


_SPECIFIC = {
    Code.LOCAL_AUTH_FAILED: (Reason.AUTHENTICATION_FAILED, "the peer did not accept our secret or identity"),
    Code.PEER_AUTH_FAILED: (
        Reason.AUTHENTICATION_FAILED,
        "the peer did not prove its identity with this secret",
    ),
    Code.PROPOSAL_MISMATCH_IKE: (Reason.NO_PROPOSAL_CHOSEN, "IKE"),
    Code.PROPOSAL_MISMATCH_CHILD: (Reason.NO_PROPOSAL_CHOSEN, "ESP"),
    Code.TS_MISMATCH: (Reason.SELECTORS_MISMATCH, "the subnets do not match the peer's"),
    Code.INSTALL_CHILD_SA_FAILED: (Reason.INSTALL_FAILED, "the SA could not be installed"),
    Code.INSTALL_CHILD_POLICY_FAILED: (Reason.INSTALL_FAILED, "the policy or route could not be installed"),
    Code.PEER_INIT_UNREACHABLE: (Reason.PEER_SILENT, "the peer did not answer the first message"),
    Code.RETRANSMIT_SEND_TIMEOUT: (Reason.PEER_SILENT, "the peer did not answer any retransmission"),
}


def on_notice(facts: Facts, notice: Notice, now: float) -> Facts:
    """Return the facts after a record of error-notify."""
    if notice.code == Code.RETRANSMIT_SEND:
        return replace(facts, retransmitting=True)
    if notice.code == Code.RETRANSMIT_CLEARED:
        return replace(facts, retransmitting=False)
    if notice.code == Code.RETRANSMIT_SEND_TIMEOUT:
        facts = _silent(facts, now)
    if notice.code == Code.KEEP_ON_CHILD_SA_FAILURE:
        return _general(facts, notice.text, now)
    if notice.code in _SPECIFIC:
        reason, text = _SPECIFIC[Code(notice.code)]
        return with_error(facts, reason, f"{text} ({notice.text})", now)
    return facts


_LOG: tuple[tuple[re.Pattern[str], Reason, str], ...] = (
    (re.compile("received AUTHENTICATION_FAILED"), Reason.AUTHENTICATION_FAILED,
     "the peer did not accept our secret or identity"),
    (re.compile("MAC mismatched|no shared key found"), Reason.AUTHENTICATION_FAILED,
     "the peer did not prove its identity with this secret"),
    (re.compile("received TS_UNACCEPTABLE|traffic selectors .* (un|in)acceptable"), Reason.SELECTORS_MISMATCH,
     "the subnets do not match the peer's"),
    (re.compile("received NO_PROPOSAL_CHOSEN|no acceptable proposal found"), Reason.NO_PROPOSAL_CHOSEN,
     "no proposal is acceptable to both ends, or the peer has no matching tunnel"),
    (re.compile("unable to install (inbound|outbound|IPsec)"), Reason.INSTALL_FAILED,
     "the SA or policy could not be installed"),
    (re.compile("giving up after"), Reason.PEER_SILENT, "the peer did not answer any retransmission"),
)  # fmt: skip
_RETRANSMIT = re.compile("^retransmit [0-9]+ of request")
_ANSWER = re.compile("^parsed [A-Z_0-9]+ response")


def on_log(facts: Facts, message: str, now: float, liveness: bool) -> Facts:
    """Return the facts after a line of charon's log (level 0 or 1) about the tunnel.

    ``liveness``: the log has to say whether the peer answers, because error-notify does not. Both
    together would not do: a line that comes late would raise the flag after it was cleared, for good.
    """
    if liveness and (_RETRANSMIT.match(message) or _ANSWER.match(message)):
        return replace(facts, retransmitting=bool(_RETRANSMIT.match(message)))
    for pattern, reason, text in _LOG:
        if pattern.search(message):
            if reason is Reason.PEER_SILENT:
                facts = _silent(facts, now)
            if facts.last_error is not None and facts.last_error.reason is reason and _fresh(facts, now):
                return facts  # error-notify has said so, with more detail
            return with_error(facts, reason, f"{text} ({message})", now)
    return facts


def on_updown(facts: Facts, event: str, section: Mapping[str, object], now: float) -> Facts:
    """Return the facts after ``ike-updown`` or ``child-updown``; ``up`` is only there when it is up."""
    if section.get("up") != "yes":
        return replace(facts, since=now, up=False, retransmitting=False)
    if event == "ike-updown":
        return replace(facts, retransmitting=False)
    return replace(
        facts, since=facts.since if facts.up else now, up=True, retransmitting=False, gave_up=False
    )


def revived(facts: Facts) -> Facts:
    """Return the facts once somebody wants the tunnel again whose peer was given up."""
    return replace(facts, gave_up=False)


def _silent(facts: Facts, now: float) -> Facts:
    """The down event and the word that the peer is dead come over different sockets, in any order."""
    just_down = facts.since is not None and now - facts.since < SPECIFIC_REASON_STANDS_S
    return replace(facts, retransmitting=False, gave_up=facts.gave_up or facts.up or just_down)


def with_error(facts: Facts, reason: Reason, detail: str, now: float) -> Facts:
    """Return the facts with a new last error."""
    return replace(facts, last_error=LastError(reason, detail[:DETAIL_CHARACTERS_MAX], now))


def _general(facts: Facts, text: str, now: float) -> Facts:
    return facts if _fresh(facts, now) else with_error(facts, Reason.UNKNOWN, text, now)


def _fresh(facts: Facts, now: float) -> bool:
    return facts.last_error is not None and now - facts.last_error.at < SPECIFIC_REASON_STANDS_S


def names_in(section: Mapping[str, object]) -> list[str]:
    """Return the connection names that an updown or rekey event is about."""
    return [name for name, value in section.items() if isinstance(value, Mapping)]


def reseeded(facts: Facts, installed_s: int | None, now: float) -> Facts:
    """Return the facts after charon was out of sight: the tunnel is up since ``installed_s`` seconds
    (None: it is not up); what its peer was doing is no longer known."""
    up = installed_s is not None
    changed = up != facts.up
    since = now - installed_s if installed_s is not None and changed else now if changed else facts.since
    return replace(facts, up=up, since=since, retransmitting=False)
