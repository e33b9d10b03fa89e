"""What charon's signals mean for the facts of a tunnel. A pure reduction: (facts, signal, now) -> facts.

list-sas calls a tunnel ESTABLISHED and INSTALLED for up to 165 s after its peer has died, and an SA that
failed leaves nothing behind in it. Three sources say both, with the connection's name; the first that a
charon has is used:

- VICI ``alert`` events, new in strongSwan 6.0.3, without details: these, and how often a request was sent
  again, the log says.
- the error-notify plugin, over a socket of its own, not ordered against the events.
- the log at level 1. Its lines are in order, but charon sends them from a queue: late against its events.

Record of error-notify (``error_notify_msg.h``): ``>i384s64s256s60s`` = code, text, connection name (cut
at 63 octets), peer identity, peer address and port.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum, IntEnum

from translators.strongswan.status import exchange
from translators.strongswan.status import facts as transitions
from translators.strongswan.status.exchange import Exchange
from translators.strongswan.status.facts import Facts, Kind, Reason
from translators.strongswan.status.state import Section, children

NOTICE = struct.Struct(">i384s64s256s60s")


class Source(Enum):
    """Who tells why a tunnel failed and whether its peer answers; the values are those of the model."""

    ALERT = "vici-alert"
    ERROR_NOTIFY = "error-notify"
    LOG = "log"


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
    IKE_SA_EXPIRED = 28


@dataclass(frozen=True, slots=True)
class Notice:
    """One record of error-notify; ``name`` is empty where charon does not know the connection yet."""

    code: int
    text: str
    name: str
    peer_id: str
    peer: str

    @property
    def peer_address(self) -> str:
        """The address of ``peer``, which is written as ADDRESS[PORT]."""
        return self.peer.partition("[")[0]


def parse_notice(record: bytes) -> Notice:
    """Decode one record of ``NOTICE.size`` octets.

    Raises:
        ValueError: the length differs.
    """
    if len(record) != NOTICE.size:
        raise ValueError(f"a notice has {NOTICE.size} octets, not {len(record)}")
    code, *texts = NOTICE.unpack(record)
    return Notice(code, *(text.split(b"\0")[0].decode("utf-8", "replace") for text in texts))


_SPECIFIC = {
    Code.LOCAL_AUTH_FAILED: (
        Reason.AUTHENTICATION_FAILED,
        "the peer did not accept our secret, certificate or identity",
    ),
    Code.PEER_AUTH_FAILED: (
        Reason.AUTHENTICATION_FAILED,
        "the peer did not prove its identity with the secret or a certificate",
    ),
    Code.PROPOSAL_MISMATCH_IKE: (Reason.NO_PROPOSAL_CHOSEN, "IKE"),
    Code.PROPOSAL_MISMATCH_CHILD: (Reason.NO_PROPOSAL_CHOSEN, "ESP"),
    Code.TS_MISMATCH: (Reason.SELECTORS_MISMATCH, "the subnets do not match the peer's"),
    Code.INSTALL_CHILD_SA_FAILED: (Reason.INSTALL_FAILED, "the SA could not be installed"),
    Code.INSTALL_CHILD_POLICY_FAILED: (Reason.INSTALL_FAILED, "the policy or route could not be installed"),
    Code.PEER_INIT_UNREACHABLE: (Reason.PEER_SILENT, "the peer did not answer the first message"),
    Code.RETRANSMIT_SEND_TIMEOUT: (Reason.PEER_SILENT, "the peer did not answer any retransmission"),
    Code.IKE_SA_EXPIRED: (Reason.LIFETIME_EXPIRED, "the IKE SA came to its end before it was rekeyed"),
}
_TRY = re.compile("number ([0-9]+)")


_SILENCE = frozenset({Code.PEER_INIT_UNREACHABLE, Code.RETRANSMIT_SEND_TIMEOUT})
_DIFFERENT_SECRETS = "what the peer sent could not be decrypted: the two ends have different secrets"


def why_silent(said: Exchange) -> tuple[Reason, str]:
    """Return why an attempt to reach the peer came to nothing that got no answer."""
    if said.garbled:
        return Reason.AUTHENTICATION_FAILED, _DIFFERENT_SECRETS
    return Reason.PEER_SILENT, said.silence


def on_notice(facts: Facts, notice: Notice, now: float) -> Facts:
    """Return the facts after a record of error-notify, or an alert that means the same."""
    if notice.code == Code.RETRANSMIT_SEND:
        number = _TRY.search(notice.text)
        return transitions.unanswered(facts, int(number[1]) if number else facts.tries + 1, now)
    if notice.code == Code.RETRANSMIT_CLEARED:
        return transitions.answered(facts, now)
    if notice.code == Code.RETRANSMIT_SEND_TIMEOUT:
        facts = transitions.silent(facts, now)
    if notice.code == Code.KEEP_ON_CHILD_SA_FAILURE:
        return transitions.failed_somehow(facts, notice.text or "the CHILD_SA could not be created", now)
    said = facts.exchange
    if notice.code in _SILENCE and (said.garbled or (said.heard and said.opens)):
        # Its own text speaks of the first message, whichever it was.
        reason, text = why_silent(said)
        return facts if _is_told(facts, reason, now) else transitions.failed(facts, reason, text, now)
    if notice.code in _SPECIFIC:
        reason, text = _SPECIFIC[Code(notice.code)]
        if notice.text:
            return transitions.failed(facts, reason, _detail(text, notice), now)
        return facts if _is_told(facts, reason, now) else transitions.failed(facts, reason, text, now)
    return facts


_OFFER = re.compile("^the received (?:.+?) did not match: (.+)$", re.DOTALL)
_TEXT_MAX = 383
"""Octets that a text has at most; one of so many was cut."""


def _detail(text: str, notice: Notice) -> str:
    """Return what a notice says: of offers as many as there is room for, each of them whole.

    charon calls them received at either end. Of IKE an initiator has a name, and a responder none yet.
    """
    if (match := _OFFER.match(notice.text)) is None:
        return f"{text} ({notice.text})"
    whose = "offered were"
    if notice.code == Code.PROPOSAL_MISMATCH_IKE:
        whose = "we offered" if notice.name else "the peer offered"
    if notice.code != Code.TS_MISMATCH:
        text = f"{text}: no proposal is acceptable to both ends"
    said = f"{text}; {whose} "
    room, offers = transitions.DETAIL_CHARACTERS_MAX - len(said), match[1]
    was_cut = len(notice.text.encode()) >= _TEXT_MAX
    if len(offers) <= room and not was_cut:
        return said + offers
    last_whole = offers[: room - len(" ...") + 1].rpartition(" ")[0].rstrip(",")
    return f"{said}{last_whole} ..."


def _is_told(facts: Facts, reason: Reason, now: float) -> bool:
    last = facts.last_error
    return last is not None and last.reason is reason and transitions.is_fresh(last, now)


# That a request was sent again the log says too, and how often.
_ALERTS = {
    **{code.name.replace("_", "-").lower(): code for code in Code if code is not Code.RETRANSMIT_SEND},
    "retransmit-send-cleared": Code.RETRANSMIT_CLEARED,
}
_UNNAMED = "(unnamed)"


def notices_in_alert(message: Section) -> Iterator[Notice]:
    """Yield what a VICI ``alert`` event says, one notice for each IKE_SA in its section ``ike-sa``.

    An alert has no text of its own: the log says more. What we do not know is nothing to us.
    """
    code = _ALERTS.get(str(message.get("type")))
    sas = message.get("ike-sa")
    if code is None or not isinstance(sas, Mapping):
        return
    for name, sa in sas.items():
        details = sa if isinstance(sa, Mapping) else {}
        host, peer_id = str(details.get("remote-host", "")), str(details.get("remote-id", ""))
        known = "" if name == _UNNAMED else str(name)
        yield Notice(code=code, text="", name=known, peer_id=peer_id, peer=host)


_LOG: tuple[tuple[re.Pattern[str], Reason, str], ...] = (
    (re.compile("certificate was revoked on"), Reason.CERTIFICATE_REVOKED,
     "the certificate of the peer was revoked"),
    (re.compile("constraint check failed: (?:AUTH_)?RULE_(?:CRL|OCSP)_VALIDATION"), Reason.REVOCATION_UNKNOWN,
     "it is not known whether the certificate of the peer was revoked"),
    (re.compile("received AUTHENTICATION_FAILED"), *_SPECIFIC[Code.LOCAL_AUTH_FAILED]),
    (re.compile("MAC mismatched|no shared key found"), *_SPECIFIC[Code.PEER_AUTH_FAILED]),
    (exchange.GARBLED, Reason.AUTHENTICATION_FAILED, _DIFFERENT_SECRETS),
    # The second and the third: IKEv1.
    (re.compile("received TS_UNACCEPTABLE|received INVALID_ID_INFORMATION|no matching CHILD_SA config found|"
                "traffic selectors .* (un|in)acceptable"), *_SPECIFIC[Code.TS_MISMATCH]),
    (re.compile("received NO_PROPOSAL_CHOSEN|no acceptable proposal found"), Reason.NO_PROPOSAL_CHOSEN,
     "no proposal is acceptable to both ends, or the peer has no matching tunnel"),
    (re.compile("unable to install (inbound|outbound|IPsec)"), Reason.INSTALL_FAILED,
     "the SA or policy could not be installed"),
    (re.compile("giving up after|DPD check timed out"), *_SPECIFIC[Code.RETRANSMIT_SEND_TIMEOUT]),
)  # fmt: skip
_CAUSES: tuple[tuple[re.Pattern[str], Reason, str], ...] = (
    (re.compile("^closing expired CHILD_SA"), Reason.LIFETIME_EXPIRED,
     "an SA came to its end before it was rekeyed"),
    (re.compile("^deleting (?:CHILD|IKE)_SA after [0-9]+ seconds of inactivity"), Reason.INACTIVE,
     "it carried nothing for too long"),
    (re.compile("received DELETE for (IKE_SA|ESP|AH)"), Reason.PEER_CLOSED, "the peer ended it"),
    (re.compile("received INITIAL_CONTACT"), Reason.PEER_RESTARTED, "the peer began anew"),
)  # fmt: skip
# The second: IKEv1.
_CHILD_REFUSED = re.compile("^failed to establish CHILD_SA, keeping IKE_SA$|^received [A-Z_]+ error notify$")
_RETRANSMIT = re.compile("^(?:sending )?retransmit ([0-9]+) of request")
_REAUTHENTICATION = re.compile("^reauthenticating IKE_SA")
_ANSWER = re.compile("^parsed [A-Z_0-9]+ response")


def on_log(facts: Facts, message: str, now: float, source: Source, *, sa: str = "") -> Facts:
    """Return the facts after a line of charon's log (level 0 or 1) about the tunnel's IKE_SA ``sa``.

    Beside error-notify the log does not say whether the peer answers: a line that comes late would raise
    the flag after it was cleared, for good.
    """
    before, now_said = facts.exchange, exchange.after(facts.exchange, message, sa)
    if exchange.is_end(message):
        facts = _without(facts, sa)
    facts = replace(facts, exchange=now_said)
    if sa in before.probed and exchange.is_probe(message):
        return transitions.unanswered(facts, facts.tries + 1, now)
    if sa in before.probed and sa not in now_said.probed and exchange.is_heard(message):
        return facts if now_said.missed else transitions.answered(facts, now)
    if source is not Source.ERROR_NOTIFY:
        if sent_again := _RETRANSMIT.match(message):
            tries = int(sent_again[1])
            repeated = facts.retransmitting and facts.tries >= tries  # an alert has said so
            return facts if repeated else transitions.unanswered(facts, tries, now)
        if _ANSWER.match(message):
            return transitions.answered(facts, now)
    if _REAUTHENTICATION.match(message):
        return transitions.reauthenticating(facts, now)
    for pattern, reason, text in _CAUSES:
        if reason is Reason.PEER_CLOSED and now_said.answering and not exchange.is_end(message):
            continue  # to our DELETE of a CHILD_SA it answers with one, to that of an IKE_SA it does not
        if pattern.search(message):
            return transitions.caused(facts, reason, f"{text} ({message})", now)
    for pattern, reason, text in _LOG:
        if pattern.search(message):
            if pattern is exchange.GARBLED and facts.up:
                continue  # anybody can send what nobody can read
            if reason is Reason.PEER_SILENT:
                facts = transitions.silent(facts, now)
                if now_said.opens and (now_said.heard or now_said.garbled):
                    reason, text = why_silent(now_said)
            if source is not Source.ALERT and _is_told(facts, reason, now):
                return facts  # error-notify has said so, with more detail
            return transitions.failed(facts, reason, f"{text} ({message})", now)
    return facts


def is_child_refused(message: str) -> bool:
    """Say whether a line of charon's log is that a CHILD_SA did not come to be, and its IKE_SA goes on: no
    event tells that."""
    return _CHILD_REFUSED.match(message) is not None


def on_updown(facts: Facts, event: str, sa: Section, up: bool, now: float) -> Facts:
    """Return the facts after ``ike-updown`` or ``child-updown`` with the section ``sa`` of one IKE_SA."""
    if event == "ike-updown":
        # charon says of each child by itself that it went with its IKE_SA.
        return transitions.answered(facts, now) if up else _without(facts, str(sa.get("uniqueid")))
    for child in children(sa):
        number = str(child.get("uniqueid"))
        facts = transitions.child_up(facts, number, now) if up else transitions.child_down(facts, number, now)
    return facts


def _without(facts: Facts, sa: str) -> Facts:
    """Return the facts once an IKE_SA is gone: of it no answer is missed any more."""
    said = exchange.settled_with(facts.exchange, sa)
    if facts.exchange.missed and not said.missed:
        facts = replace(facts, retransmitting=False, tries=0)
    return replace(facts, exchange=said)


@dataclass(frozen=True, slots=True)
class Rekeying:
    """What a rekeying put in place of what; ``spis`` are those of the new SA, by leaf of the model."""

    ike: bool
    old: str
    new: str
    spis: Mapping[str, str]


def rekeyings(event: str, section: Section) -> Iterator[Rekeying]:
    """Yield what ``ike-rekey`` or ``child-rekey`` says of the connection with this section."""
    ike = event == "ike-rekey"
    pairs = [section] if ike else children(section)
    for pair in pairs:
        old, new = pair.get("old"), pair.get("new")
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            keys = ("initiator-spi", "responder-spi") if ike else ("spi-in", "spi-out")
            spis = {key: str(new[key]) for key in keys if key in new}
            yield Rekeying(ike=ike, old=str(old.get("uniqueid")), new=str(new.get("uniqueid")), spis=spis)


def on_rekeying(facts: Facts, rekeying: Rekeying, now: float) -> Facts:
    """Return the facts after a rekeying."""
    if rekeying.ike:
        return transitions.ike_rekeyed(_without(facts, rekeying.old), now)
    return transitions.rekeyed(facts, rekeying.old, rekeying.new, now)


def names_in(section: Section) -> list[str]:
    """Return the connection names that an updown or rekey event is about."""
    return [name for name, value in section.items() if isinstance(value, Mapping)]


UNHEARD = "what the daemon logs was not heard when that happened: it may have said why"


def down_unheard(facts: Facts, now: float) -> Facts:
    """Return the facts where nobody has said why the tunnel went down just now, because nobody listened."""
    down = facts.last_down
    if facts.up or down is None or (down.reason, down.detail, down.at) != (Reason.UNKNOWN, "", now):
        return facts
    *before, last = facts.history
    history = (*before, replace(last, detail=UNHEARD) if last.kind is Kind.DOWN else last)
    return replace(facts, last_down=replace(down, detail=UNHEARD), history=history)
