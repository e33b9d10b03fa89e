"""Signals of charon to facts, as strongSwan 5.9.8 was seen to send them."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest

from translators.strongswan.status import events
from translators.strongswan.status import facts as transitions
from translators.strongswan.status.events import NOTICE, Notice, Source, parse_notice
from translators.strongswan.status.facts import Facts, Reason

NOW = 1000.0


def notice(code: int, text: str = "text") -> Notice:
    return Notice(code, text, "ipsec-1", "bob", "192.0.2.1[500]")


def noticed(*codes: int, facts: Facts | None = None) -> Facts:
    return reduce(lambda f, code: events.on_notice(f, notice(code), NOW), codes, facts or Facts())


def reason(facts: Facts) -> Reason | None:
    return facts.last_error.reason if facts.last_error else None


def test_a_record_of_error_notify_is_decoded() -> None:
    record = NOTICE.pack(20, b"IKE message retransmission number 1", b"ipsec-1", b"bob", b"192.0.2.1[4500]")
    found = Notice(20, "IKE message retransmission number 1", "ipsec-1", "bob", "192.0.2.1[4500]")
    assert parse_notice(record) == found
    with pytest.raises(ValueError, match="768 octets"):
        parse_notice(record[:-1])


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([3], Reason.AUTHENTICATION_FAILED),
        ([2], Reason.AUTHENTICATION_FAILED),
        ([8], Reason.NO_PROPOSAL_CHOSEN),
        ([9, 27], Reason.NO_PROPOSAL_CHOSEN),
        ([10, 27], Reason.SELECTORS_MISMATCH),
        ([27, 10], Reason.SELECTORS_MISMATCH),
        ([26, 12, 27], Reason.INSTALL_FAILED),
        ([27], Reason.UNKNOWN),
        ([6], Reason.PEER_SILENT),
        ([26], None),
        ([20], None),
        ([999], None),
    ],
)
def test_a_failure_has_the_most_specific_reason(codes: list[int], expected: Reason | None) -> None:
    assert reason(noticed(*codes)) is expected


OFFERS = [f"IKE:AES_CBC_{n}/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048" for n in range(128, 138)]


@pytest.mark.parametrize(
    ("code", "name", "before"),
    [
        (8, "ipsec-1", "IKE: no proposal is acceptable to both ends; we offered "),
        (8, "", "IKE: no proposal is acceptable to both ends; the peer offered "),
        (9, "ipsec-1", "ESP: no proposal is acceptable to both ends; offered were "),
        (10, "ipsec-1", "the subnets do not match the peer's; offered were "),
    ],
)
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 10])
def test_offers_are_told_whole_and_as_whose_they_are(code: int, name: str, before: str, count: int) -> None:
    said = f"the received IKE_SA proposals did not match: {', '.join(OFFERS[:count])}"[:383]
    facts = events.on_notice(Facts(), Notice(code, said, name, "bob", "192.0.2.1[500]"), NOW)
    assert facts.last_error is not None
    detail = facts.last_error.detail
    assert "received" not in detail
    told = detail.removeprefix(before)
    assert told != detail
    listed = told.removesuffix(" ...").split(", ")
    assert listed == OFFERS[: len(listed)]
    assert told.endswith(" ...") == (len(listed) < count)


def test_a_general_reason_replaces_a_specific_one_that_is_old() -> None:
    facts = events.on_notice(noticed(10), notice(27), NOW + 60)
    assert reason(facts) is Reason.UNKNOWN


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("received AUTHENTICATION_FAILED notify error", Reason.AUTHENTICATION_FAILED),
        ("tried 1 shared key for 'a' - 'b', but MAC mismatched", Reason.AUTHENTICATION_FAILED),
        ("no shared key found for 'a' - 'b'", Reason.AUTHENTICATION_FAILED),
        ("certificate was revoked on Nov 26 15:57:35 UTC 2026", Reason.CERTIFICATE_REVOKED),
        (
            "constraint check failed: RULE_CRL_VALIDATION is FAILED, but requires at least GOOD",
            Reason.REVOCATION_UNKNOWN,
        ),
        ("received NO_PROPOSAL_CHOSEN notify error", Reason.NO_PROPOSAL_CHOSEN),
        ("received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built", Reason.NO_PROPOSAL_CHOSEN),
        ("no acceptable proposal found", Reason.NO_PROPOSAL_CHOSEN),
        ("received TS_UNACCEPTABLE notify, no CHILD_SA built", Reason.SELECTORS_MISMATCH),
        ("traffic selectors 10.1.0.0/16 === 10.9.0.0/16 unacceptable", Reason.SELECTORS_MISMATCH),
        ("unable to install IPsec policies (SPD) in kernel", Reason.INSTALL_FAILED),
        ("giving up after 5 retransmits", Reason.PEER_SILENT),
        ("sending packet: from 192.0.2.1[500] to 192.0.2.2[500] (57 bytes)", None),
    ],
)
def test_the_log_says_why_where_error_notify_is_not_loaded(line: str, expected: Reason | None) -> None:
    assert reason(events.on_log(Facts(), line, NOW, Source.ERROR_NOTIFY)) is expected


def test_the_log_does_not_replace_the_same_reason_with_less_detail() -> None:
    first = noticed(2)
    assert (
        events.on_log(first, "received AUTHENTICATION_FAILED notify error", NOW + 1, Source.ERROR_NOTIFY)
        == first
    )


@pytest.mark.parametrize("first", ["log", "notice"])
def test_that_a_certificate_was_revoked_says_more_than_that_the_peer_was_refused(first: str) -> None:
    line = "certificate was revoked on Nov 26 15:57:35 UTC 2026, reason: unspecified"
    facts = Facts() if first == "log" else noticed(3)
    facts = events.on_log(facts, line, NOW, Source.ERROR_NOTIFY)
    if first == "log":
        facts = events.on_notice(facts, notice(3), NOW)
    assert reason(facts) is Reason.CERTIFICATE_REVOKED
    assert facts.counters.failures == 1
    later = events.on_notice(facts, notice(3), NOW + 1)
    assert reason(later) is Reason.AUTHENTICATION_FAILED


def test_a_retransmission_is_noticed_and_cleared() -> None:
    assert noticed(20).retransmitting
    assert not noticed(20, 21).retransmitting
    assert not noticed(20, 6).retransmitting


def test_the_log_tells_of_retransmissions_only_where_error_notify_does_not() -> None:
    line = "retransmit 1 of request with message ID 2"
    assert not events.on_log(Facts(), line, NOW, Source.ERROR_NOTIFY).retransmitting
    silent = events.on_log(Facts(), line, NOW, Source.LOG)
    assert silent.retransmitting
    assert not events.on_log(silent, "parsed INFORMATIONAL response 2 [ ]", NOW, Source.LOG).retransmitting


def child(number: str, state: str = "INSTALLED") -> dict[str, Any]:
    return {"child-sas": {f"ipsec-1-{number}": {"uniqueid": number, "state": state}}}


def updown(facts: Facts, event: str, sa: dict[str, Any], up: bool, now: float = NOW) -> Facts:
    return events.on_updown(facts, event, sa, up, now)


def test_up_and_down_move_since_and_end_a_retransmission() -> None:
    up = updown(Facts(retransmitting=True), "child-updown", child("1"), True, 10.0)
    assert (up.up, up.since, up.retransmitting) == (True, 10.0, False)
    again = updown(up, "child-updown", child("2"), True, 20.0)
    assert again.since == 10.0, "a second child is no new beginning"
    one_left = updown(again, "child-updown", child("1"), False, 30.0)
    assert (one_left.up, one_left.since) == (True, 10.0), "nor is the end of one of two the end"
    down = updown(one_left, "child-updown", child("2"), False, 40.0)
    assert (down.up, down.since) == (False, 40.0)
    assert (down.counters.ups, down.counters.downs) == (1, 1)


def test_an_ike_sa_alone_is_not_up() -> None:
    assert not updown(Facts(), "ike-updown", {}, True).up


def test_an_attempt_that_ends_takes_nothing_down() -> None:
    up = updown(Facts(), "child-updown", child("1"), True)
    assert updown(up, "ike-updown", {"state": "CONNECTING"}, False) == up


def test_a_peer_is_given_up_only_when_the_tunnel_was_up_in_whatever_order_one_hears_of_it() -> None:
    up = updown(Facts(), "child-updown", child("1"), True, NOW - 100)
    down = updown(up, "child-updown", child("1"), False)
    assert noticed(6, facts=up).gave_up
    assert noticed(6, facts=down).gave_up
    assert not noticed(6).gave_up, "an initiator that never reached its peer goes on trying"
    assert not updown(noticed(6, facts=up), "child-updown", child("2"), True).gave_up
    assert not transitions.revived(noticed(6, facts=up)).gave_up


CLOSED = "received DELETE for IKE_SA ipsec-1[2]"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (CLOSED, Reason.PEER_CLOSED),
        ("received DELETE for ESP CHILD_SA with SPI c1a2b3d4", Reason.PEER_CLOSED),
        ("destroying duplicate IKE_SA for peer 'bob', received INITIAL_CONTACT", Reason.PEER_RESTARTED),
    ],
)
def test_the_log_says_what_the_peer_did_before_the_tunnel_went_down_or_just_after(
    line: str, expected: Reason
) -> None:
    up = updown(Facts(), "child-updown", child("1"), True, 1.0)
    before = updown(events.on_log(up, line, NOW, Source.ERROR_NOTIFY), "child-updown", child("1"), False)
    after = events.on_log(updown(up, "child-updown", child("1"), False), line, NOW + 0.1, Source.ERROR_NOTIFY)
    for facts in (before, after):
        assert facts.last_down is not None
        assert (facts.last_down.reason, facts.last_down.at) == (expected, NOW)
        assert [(e.kind.value, e.reason) for e in facts.history] == [("up", None), ("down", expected)]
        assert facts.last_error is None, "it did not fail"


@pytest.mark.parametrize("line", [CLOSED, "received DELETE for ESP CHILD_SA with SPI c1a2b3d4"])
@pytest.mark.parametrize("payloads", ["IDr AUTH SA TSi TSr", ""])
def test_what_the_peer_did_is_told_by_lines_in_any_order(line: str, payloads: str) -> None:
    """Two threads of charon may hand on what came, and what is in it, the wrong way round."""
    up = updown(Facts(), "child-updown", child("1"), True, 1.0)
    for said in (f"parsed IKE_AUTH response 1 [ {payloads} ]", line, "parsed INFORMATIONAL request 0 [ D ]"):
        up = events.on_log(up, said, NOW, Source.ERROR_NOTIFY)
    down = updown(up, "child-updown", child("1"), False)
    assert down.last_down is not None
    assert (down.last_down.reason, down.closed) == (Reason.PEER_CLOSED, True)


@pytest.mark.parametrize(("payloads", "reason"), [("D", Reason.UNKNOWN), ("", Reason.PEER_CLOSED)])
def test_an_answer_with_a_delete_says_nothing_of_the_peer(payloads: str, reason: Reason) -> None:
    facts = updown(Facts(), "child-updown", child("1"), True, 1.0)
    for said in (
        f"parsed INFORMATIONAL response 3 [ {payloads} ]",
        "received DELETE for ESP CHILD_SA with SPI c1a2b3d4",
    ):
        facts = events.on_log(facts, said, NOW, Source.ERROR_NOTIFY)
    down = updown(facts, "child-updown", child("1"), False)
    assert down.last_down is not None
    assert down.last_down.reason is reason


def test_a_cause_that_comes_after_the_tunnel_is_up_again_is_that_of_its_last_down_only() -> None:
    down = updown(updown(Facts(), "child-updown", child("1"), True, 1.0), "child-updown", child("1"), False)
    again = updown(down, "child-updown", child("2"), True, NOW + 0.1)
    line = "destroying duplicate IKE_SA for peer 'bob', received INITIAL_CONTACT"
    told = events.on_log(again, line, NOW + 0.2, Source.ERROR_NOTIFY)
    assert told.last_down is not None
    assert (told.last_down.reason, told.up, told.cause) == (Reason.PEER_RESTARTED, True, None)


def test_a_cause_of_long_ago_is_not_why_a_tunnel_goes_down() -> None:
    up = updown(Facts(), "child-updown", child("1"), True, 1.0)
    closed = events.on_log(up, CLOSED, NOW, Source.ERROR_NOTIFY)
    down = updown(closed, "child-updown", child("1"), False, NOW + 2)
    assert down.last_down is not None
    assert down.last_down.reason is Reason.UNKNOWN


def test_our_own_delete_to_which_the_peer_answers_with_one_is_ours() -> None:
    up = updown(Facts(), "child-updown", child("1"), True, 1.0)
    ending = transitions.caused(up, Reason.TERMINATED, "the action terminate was called", NOW)
    down = updown(
        events.on_log(ending, CLOSED, NOW + 3, Source.ERROR_NOTIFY),
        "child-updown",
        child("1"),
        False,
        NOW + 3,
    )
    assert down.last_down is not None
    assert down.last_down.reason is Reason.TERMINATED


OLD_CHILD = {"uniqueid": "1", "state": "REKEYED", "spi-in": "0dfd3ae0", "spi-out": "9e16962b"}
NEW_CHILD = {"uniqueid": "2", "state": "INSTALLED", "spi-in": "c5a0d6bd", "spi-out": "296dd5f2"}
NEW_IKE = {"uniqueid": "2", "initiator-spi": "c089c0ce4f6c9c79", "responder-spi": "a773a860ae238853"}


def test_a_rekeying_is_no_new_beginning() -> None:
    up = updown(Facts(), "child-updown", child("1"), True, 10.0)
    section = {"uniqueid": "1", "child-sas": {"ipsec-1": {"old": OLD_CHILD, "new": NEW_CHILD}}}
    (rekeying,) = events.rekeyings("child-rekey", section)
    assert rekeying.spis == {"spi-in": "c5a0d6bd", "spi-out": "296dd5f2"}
    facts = events.on_rekeying(up, rekeying, 20.0)
    assert (facts.children, facts.since, facts.counters.rekeys) == (frozenset({"2"}), 10.0, 1)
    assert facts.counters.ups == 1
    (rekeying,) = events.rekeyings("ike-rekey", {"old": {"uniqueid": "1"}, "new": NEW_IKE})
    assert rekeying.spis == {"initiator-spi": "c089c0ce4f6c9c79", "responder-spi": "a773a860ae238853"}
    facts = events.on_rekeying(facts, rekeying, 30.0)
    assert [entry.kind.value for entry in facts.history] == ["up", "rekeyed", "ike-rekeyed"]


def test_the_tries_of_a_request_are_counted_and_forgotten_with_its_answer() -> None:
    up = updown(Facts(), "child-updown", child("1"), True, 1.0)
    for number in (1, 2, 3):
        up = events.on_notice(up, notice(20, f"IKE message retransmission number {number}"), NOW)
    assert (up.tries, up.counters.retransmissions) == (3, 3)
    answered = events.on_notice(up, notice(21), NOW)
    assert (answered.tries, answered.counters.retransmissions) == (0, 3)
    assert [entry.kind.value for entry in answered.history] == ["up", "retransmission", "answered"]


def alert(kind: str, name: str = "ipsec-1") -> dict[str, Any]:
    """Return an alert event as strongSwan 6.1.0 sent it, without what is of no use here."""
    sa = {
        "uniqueid": "1",
        "version": "2",
        "state": "CONNECTING",
        "local-host": "192.168.0.1",
        "local-port": "4500",
        "local-id": "alice1",
        "remote-host": "192.168.0.2",
        "remote-port": "4500",
        "remote-id": "bob1",
        "initiator-spi": "c55a6c8464084199",
        "responder-spi": "d3b9d1a878696d9e",
        "tasks-passive": ["IKE_AUTH", "IKE_CERT_POST", "IKE_CONFIG", "CHILD_CREATE"],
    }
    return {"type": kind, "ike-sa": {name: sa}}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("peer-auth-failed", Reason.AUTHENTICATION_FAILED),
        ("local-auth-failed", Reason.AUTHENTICATION_FAILED),
        ("proposal-mismatch-ike", Reason.NO_PROPOSAL_CHOSEN),
        ("proposal-mismatch-child", Reason.NO_PROPOSAL_CHOSEN),
        ("ts-mismatch", Reason.SELECTORS_MISMATCH),
        ("install-child-sa-failed", Reason.INSTALL_FAILED),
        ("install-child-policy-failed", Reason.INSTALL_FAILED),
        ("peer-init-unreachable", Reason.PEER_SILENT),
        ("retransmit-send-timeout", Reason.PEER_SILENT),
        ("ike-sa-expired", Reason.LIFETIME_EXPIRED),
        ("keep-on-child-sa-failure", Reason.UNKNOWN),
    ],
)
def test_an_alert_says_why(kind: str, expected: Reason) -> None:
    (found,) = events.notices_in_alert(alert(kind))
    assert (found.name, found.peer_address, found.peer_id) == ("ipsec-1", "192.168.0.2", "bob1")
    facts = events.on_notice(Facts(), found, NOW)
    assert reason(facts) is expected
    assert facts.last_error is not None
    assert "()" not in facts.last_error.detail


def test_an_alert_says_that_the_peer_answered() -> None:
    up = updown(Facts(), "child-updown", child("1"), True, 1.0)
    waiting = events.on_log(up, "retransmit 1 of request with message ID 7", NOW, Source.ALERT)
    (found,) = events.notices_in_alert(alert("retransmit-send-cleared"))
    answered = events.on_notice(waiting, found, NOW)
    assert (answered.retransmitting, answered.tries) == (False, 0)


def test_an_alert_of_an_ike_sa_without_a_name_is_of_its_peer() -> None:
    (found,) = events.notices_in_alert(alert("proposal-mismatch-ike", "(unnamed)"))
    assert (found.name, found.peer_address) == ("", "192.168.0.2")


@pytest.mark.parametrize(
    "message",
    [
        alert("novel-alert"),
        alert("retransmit-send"),
        alert("retransmit-receive"),
        {"type": "ts-mismatch"},
        {"type": "ts-mismatch", "ike-sa": {}},
        {},
    ],
)
def test_an_alert_that_says_nothing_to_us_is_nothing(message: dict[str, Any]) -> None:
    assert list(events.notices_in_alert(message)) == []


AUTH_FAILED = "received AUTHENTICATION_FAILED notify error"


@pytest.mark.parametrize("alert_first", [True, False])
def test_an_alert_and_the_log_tell_of_one_failure_with_the_detail_of_the_log(alert_first: bool) -> None:
    (found,) = events.notices_in_alert(alert("local-auth-failed"))

    def by_alert(facts: Facts, now: float) -> Facts:
        return events.on_notice(facts, found, now)

    def by_log(facts: Facts, now: float) -> Facts:
        return events.on_log(facts, AUTH_FAILED, now, Source.ALERT)

    facts = Facts()
    for attempt in range(1, 4):
        for told in (by_alert, by_log) if alert_first else (by_log, by_alert):
            facts = told(facts, NOW + 2.0 * attempt)
        assert facts.counters.failures == attempt
        assert facts.last_error is not None
        assert AUTH_FAILED in facts.last_error.detail


def test_with_alerts_the_log_tells_of_retransmissions() -> None:
    line = "retransmit 2 of request with message ID 7"
    facts = events.on_log(Facts(), line, NOW, Source.ALERT)
    assert (facts.retransmitting, facts.tries) == (True, 2)
    assert events.on_log(facts, line, NOW, Source.ALERT) == facts, "one line is one retransmission"


def test_a_peer_address_of_a_notice_comes_without_its_port() -> None:
    assert notice(8).peer_address == "192.0.2.1"
    assert Notice(8, "", "", "", "2001:db8::1[4500]").peer_address == "2001:db8::1"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("failed to establish CHILD_SA, keeping IKE_SA", True),
        ("received NO_PROPOSAL_CHOSEN error notify", True),  # IKEv1
        ("received INVALID_ID_INFORMATION error notify", True),
        ("received TS_UNACCEPTABLE notify, no CHILD_SA built", False),  # the first follows
        ("received AUTHENTICATION_FAILED notify error", False),  # ike-updown follows
    ],
)
def test_lines_after_which_a_child_will_not_come_up(line: str, expected: bool) -> None:
    assert events.is_child_refused(line) is expected
