"""Signals of charon to facts, as strongSwan 5.9.8 was seen to send them."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest

from translators.strongswan import events
from translators.strongswan.events import NOTICE, Facts, Notice, Reason, parse_notice

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


def test_a_general_reason_replaces_a_specific_one_that_is_old() -> None:
    facts = events.on_notice(noticed(10), notice(27), NOW + 60)
    assert reason(facts) is Reason.UNKNOWN


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("received AUTHENTICATION_FAILED notify error", Reason.AUTHENTICATION_FAILED),
        ("tried 1 shared key for 'a' - 'b', but MAC mismatched", Reason.AUTHENTICATION_FAILED),
        ("no shared key found for 'a' - 'b'", Reason.AUTHENTICATION_FAILED),
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
    assert reason(events.on_log(Facts(), line, NOW, liveness=False)) is expected


def test_the_log_does_not_replace_the_same_reason_with_less_detail() -> None:
    first = noticed(2)
    assert events.on_log(first, "received AUTHENTICATION_FAILED notify error", NOW + 1, False) == first


def test_a_retransmission_is_noticed_and_cleared() -> None:
    assert noticed(20).retransmitting
    assert not noticed(20, 21).retransmitting
    assert not noticed(20, 6).retransmitting


def test_the_log_tells_of_retransmissions_only_where_error_notify_does_not() -> None:
    line = "retransmit 1 of request with message ID 2"
    assert not events.on_log(Facts(), line, NOW, liveness=False).retransmitting
    silent = events.on_log(Facts(), line, NOW, liveness=True)
    assert silent.retransmitting
    assert not events.on_log(silent, "parsed INFORMATIONAL response 2 [ ]", NOW, liveness=True).retransmitting


UP = {"up": "yes", "ipsec-1": {}}
DOWN: dict[str, Any] = {"ipsec-1": {}}


def test_up_and_down_move_since_and_end_a_retransmission() -> None:
    up = events.on_updown(Facts(retransmitting=True), "child-updown", UP, 10.0)
    assert (up.up, up.since, up.retransmitting) == (True, 10.0, False)
    again = events.on_updown(up, "child-updown", UP, 20.0)
    assert again.since == 10.0, "a second child is no new beginning"
    down = events.on_updown(again, "ike-updown", DOWN, 30.0)
    assert (down.up, down.since) == (False, 30.0)


def test_an_ike_sa_alone_is_not_up() -> None:
    assert not events.on_updown(Facts(), "ike-updown", UP, 10.0).up


def test_a_peer_is_given_up_only_when_the_tunnel_was_up_in_whatever_order_one_hears_of_it() -> None:
    up = events.on_updown(Facts(), "child-updown", UP, NOW - 100)
    down = events.on_updown(up, "child-updown", DOWN, NOW)
    assert noticed(6, facts=up).gave_up
    assert noticed(6, facts=down).gave_up
    assert not noticed(6).gave_up, "an initiator that never reached its peer goes on trying"
    assert not events.on_updown(noticed(6, facts=up), "child-updown", UP, NOW).gave_up
    assert not events.revived(noticed(6, facts=up)).gave_up


def test_after_charon_was_out_of_sight_the_age_of_the_child_says_since_when() -> None:
    assert events.reseeded(Facts(), 40, NOW).since == 960.0
    kept = events.reseeded(Facts(up=True, since=5.0, retransmitting=True), 40, NOW)
    assert (kept.since, kept.retransmitting) == (5.0, False)
    lost = events.reseeded(Facts(up=True, since=5.0), None, NOW)
    assert (lost.up, lost.since) == (False, NOW)


def test_a_long_detail_is_cut() -> None:
    facts = events.with_error(Facts(), Reason.OTHER, "x" * 1000, NOW)
    assert facts.last_error is not None
    assert len(facts.last_error.detail) == events.DETAIL_CHARACTERS_MAX
