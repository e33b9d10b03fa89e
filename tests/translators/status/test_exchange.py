"""What is being said with the peer, and what it means for causes, silence and renewal."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import pytest

from translators.strongswan.status import events, exchange, state
from translators.strongswan.status import facts as transitions
from translators.strongswan.status.events import Notice, Source
from translators.strongswan.status.exchange import Exchange
from translators.strongswan.status.facts import Facts, Kind, Reason
from translators.strongswan.status.state import Status

NOW = 1000.0
UP = transitions.child_up(Facts(), "1", NOW - 100)
INIT = [
    "initiating IKE_SA ipsec-1[1] to 192.168.0.1",
    "generating IKE_SA_INIT request 0 [ SA KE No N(NATD_S_IP) ]",
    "sending packet: from 192.168.0.2[500] to 192.168.0.1[500] (464 bytes)",
]
AUTH = [
    "parsed IKE_SA_INIT response 0 [ SA KE No ]",
    "generating IKE_AUTH request 1 [ IDi IDr AUTH SA TSi TSr ]",
    "sending packet: from 192.168.0.2[4500] to 192.168.0.1[4500] (371 bytes)",
]
OUR_DELETE = [
    "sending DELETE for ESP CHILD_SA with SPI eed959ce",
    "generating INFORMATIONAL request 2 [ D ]",
    "parsed INFORMATIONAL response 2 [ D ]",
    "received DELETE for ESP CHILD_SA with SPI 6be7cc0e",
]
THEIR_DELETE = [
    "parsed INFORMATIONAL request 2 [ D ]",
    "received DELETE for ESP CHILD_SA with SPI 6be7cc0e",
    "generating INFORMATIONAL response 2 [ D ]",
]
EXPIRED = "closing expired CHILD_SA ipsec-1{1} with SPIs eed959ce_i 6be7cc0e_o"


def logged(facts: Facts, *lines: str, source: Source = Source.ERROR_NOTIFY) -> Facts:
    return reduce(lambda f, line: events.on_log(f, line, NOW, source), lines, facts)


def last_down(facts: Facts) -> Reason | None:
    return facts.last_down.reason if facts.last_down else None


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([EXPIRED, *OUR_DELETE], Reason.LIFETIME_EXPIRED),
        (["deleting CHILD_SA after 3 seconds of inactivity", *OUR_DELETE], Reason.INACTIVE),
        (["deleting IKE_SA after 3 seconds of inactivity"], Reason.INACTIVE),
        (THEIR_DELETE, Reason.PEER_CLOSED),
        (OUR_DELETE, Reason.UNKNOWN),
    ],
)
def test_what_we_end_ourselves_is_not_laid_at_the_peers_door(lines: list[str], expected: Reason) -> None:
    down = transitions.child_down(logged(UP, *lines), "1", NOW)
    assert last_down(down) is expected
    assert down.closed is (expected is Reason.PEER_CLOSED), "close-action is about the peer"


def test_the_same_said_late_explains_a_down_that_came_before_it() -> None:
    down = transitions.child_down(UP, "1", NOW)
    assert last_down(logged(down, EXPIRED, *OUR_DELETE)) is Reason.LIFETIME_EXPIRED
    assert last_down(logged(down, *THEIR_DELETE)) is Reason.PEER_CLOSED


@pytest.mark.parametrize(
    ("lines", "silence"),
    [
        (INIT, "the peer did not answer the first message"),
        (
            [*INIT, *AUTH],
            "the peer answered the first message, but none after it: UDP port 4500 may be blocked on the way",
        ),
        ([*INIT, *AUTH[:2]], "the peer answered the first message, but none after it"),
        ([*INIT, *AUTH, *INIT], "the peer did not answer the first message"),
    ],
)
def test_silence_is_told_by_what_was_asked_last(lines: list[str], silence: str) -> None:
    assert reduce(exchange.after, lines, Exchange()).silence == silence


def test_a_blocked_port_is_not_told_as_a_peer_that_is_not_there() -> None:
    text = "peer did not respond to initial message, try 1"
    unreachable = Notice(24, text, "ipsec-1", "", "192.0.2.1[500]")
    for lines, word in ((INIT, "first message (peer did not"), ([*INIT, *AUTH], "UDP port 4500")):
        error = events.on_notice(logged(Facts(), *lines), unreachable, NOW).last_error
        assert error is not None
        assert error.reason is Reason.PEER_SILENT
        assert word in error.detail


# --- reauthentication ---

AGAIN = "reauthenticating IKE_SA ipsec-1[1]"
NEW_SA = [{"state": "CONNECTING", "uniqueid": "2"}]


def kinds(facts: Facts) -> list[Kind]:
    return [entry.kind for entry in facts.history]


def test_a_reauthentication_is_no_down() -> None:
    gap = transitions.child_down(logged(UP, AGAIN), "1", NOW)
    assert state.status(NEW_SA, gap, True) is Status.INSTALLED
    back = transitions.child_up(gap, "2", NOW + 0.1)
    assert (back.counters, back.since, back.last_down) == (UP.counters, UP.since, None)
    assert kinds(back) == [Kind.UP, Kind.REAUTHENTICATED]
    later = transitions.child_down(back, "2", NOW + 60)
    assert later.counters.downs == 1, "what comes after it is one"


def test_that_it_was_one_may_be_said_just_after_the_down() -> None:
    before = transitions.child_up(transitions.child_down(UP, "1", NOW - 50), "2", NOW - 40)
    gap = logged(transitions.child_down(before, "2", NOW), AGAIN)
    assert (gap.counters.downs, gap.last_down) == (1, before.last_down)
    assert kinds(transitions.child_up(gap, "3", NOW))[-2:] == [Kind.UP, Kind.REAUTHENTICATED]


@pytest.mark.parametrize("how", ["refused", "silent", "looked at", "charon lost"])
def test_one_that_does_not_come_back_is_a_down(how: str) -> None:
    gap = transitions.child_down(logged(UP, AGAIN), "1", NOW)
    lost = {
        "refused": lambda: transitions.failed(gap, Reason.AUTHENTICATION_FAILED, "no", NOW + 1),
        "silent": lambda: transitions.silent(gap, NOW + 1),
        "looked at": lambda: transitions.not_renewed(gap, NOW + 1),
        "charon lost": lambda: transitions.all_down(gap, Reason.DAEMON_LOST, "", NOW + 1),
    }[how]()
    assert (lost.counters.downs, lost.renewing) == (1, None)
    assert Kind.DOWN in kinds(lost)
    assert last_down(lost) is not Reason.UNKNOWN
    assert state.status(NEW_SA, lost, True) is Status.CONNECTING


def test_a_peer_that_is_silent_meanwhile_is_not_shown_as_up() -> None:
    gap = transitions.unanswered(transitions.child_down(logged(UP, AGAIN), "1", NOW), 1, NOW)
    assert state.status(NEW_SA, gap, True) is Status.CONNECTING


# --- several peers ---


def sa(number: int, *, asks: bool) -> dict[str, object]:
    return {
        "state": "ESTABLISHED",
        "uniqueid": str(number),
        "tasks-active": ["IKE_DPD"] if asks else [],
        "child-sas": {"ipsec-1": {"name": "ipsec-1", "uniqueid": str(number), "state": "INSTALLED"}},
    }


@pytest.mark.parametrize(
    ("asking", "expected"),
    [
        ([True], Status.RETRANSMISSION),
        ([False], Status.RETRANSMISSION),
        ([True, False], Status.INSTALLED),
        ([True, True], Status.RETRANSMISSION),
    ],
)
def test_one_silent_peer_of_two_leaves_the_tunnel_up(asking: list[bool], expected: Status) -> None:
    sas = [sa(number, asks=asks) for number, asks in enumerate(asking, 1)]
    assert state.status(sas, Facts(retransmitting=True), False) is expected


# --- IKEv1 ---

PROBE = "generating INFORMATIONAL_V1 request 2424469558 [ HASH N(DPD) ]"
PROBE_ANSWERED = "parsed INFORMATIONAL_V1 request 4028114238 [ HASH N(DPD_ACK) ]"
MAIN_MODE = ["initiating Main Mode IKE_SA ipsec-1[1] to 192.168.0.1", "generating ID_PROT request 0 [ SA V ]"]
GARBLED = "invalid HASH_V1 payload length, decryption failed?"


def test_a_second_probe_before_an_answer_is_a_retransmission_until_there_is_one() -> None:
    assert not logged(UP, PROBE).retransmitting
    assert not logged(UP, PROBE, PROBE_ANSWERED, PROBE).retransmitting
    silent = logged(UP, PROBE, PROBE, PROBE)
    assert (silent.retransmitting, silent.tries) == (True, 2)
    assert not logged(silent, PROBE_ANSWERED).retransmitting
    gone = logged(silent, "DPD check timed out, enforcing DPD action")
    assert (gone.gave_up, gone.last_error and gone.last_error.reason) == (True, Reason.PEER_SILENT)


def said(facts: Facts, *lines: tuple[str, str]) -> Facts:
    """Return the facts after lines, each about an IKE_SA."""
    return reduce(lambda f, one: events.on_log(f, one[1], NOW, Source.LOG, sa=one[0]), lines, facts)


def test_of_several_peers_each_has_its_own_probes() -> None:
    # Both are asked before either answers.
    assert not said(
        UP, ("1", PROBE), ("2", PROBE), ("2", PROBE_ANSWERED), ("1", PROBE_ANSWERED)
    ).retransmitting
    assert not said(UP, ("1", PROBE), ("2", PROBE), ("2", PROBE_ANSWERED), ("2", PROBE)).retransmitting
    silent = said(UP, ("1", PROBE), ("2", PROBE), ("1", PROBE), ("2", PROBE_ANSWERED))
    assert silent.retransmitting
    peers = [sa(number, asks=False) for number in (1, 2)]
    assert state.status(peers, silent, False) is Status.INSTALLED
    assert state.status(peers[:1], silent, False) is Status.RETRANSMISSION
    both = said(silent, ("2", PROBE), ("2", PROBE))
    assert state.status(peers, both, False) is Status.RETRANSMISSION
    assert not said(silent, ("1", PROBE_ANSWERED)).retransmitting
    # The one that is gone is not missed any more, however it went.
    assert said(silent, ("1", "DPD check timed out, enforcing DPD action")).exchange.missed == frozenset()
    gone = events.on_updown(silent, "ike-updown", {"uniqueid": "1"}, False, NOW)
    assert not gone.retransmitting
    assert state.status(peers[1:], gone, False) is Status.INSTALLED
    assert events.on_updown(silent, "ike-updown", {"uniqueid": "2"}, False, NOW).retransmitting


def lost(facts: Facts) -> Facts:
    return transitions.all_down(facts, Reason.DAEMON_LOST, "killed", NOW)


def restarted(facts: Facts) -> Facts:
    return transitions.reseeded(facts, ["9"], 1, NOW)


def deleted(facts: Facts) -> Facts:
    return said(facts, ("1", "deleting IKE_SA ipsec-1[1] between 192.168.0.2[bob]...192.168.0.1[alice]"))


def closed(facts: Facts) -> Facts:
    return said(facts, ("1", "received DELETE for IKE_SA ipsec-1[1]"))


def replaced(facts: Facts) -> Facts:
    return events.on_rekeying(facts, events.Rekeying(ike=True, old="1", new="3", spis={}), NOW)


@pytest.mark.parametrize("end", [lost, restarted, deleted, closed, replaced])
def test_of_an_ike_sa_that_is_gone_no_answer_is_missed(end: Callable[[Facts], Facts]) -> None:
    silent = said(UP, ("1", PROBE), ("1", PROBE))
    assert silent.exchange.missed == frozenset("1")
    facts = end(silent)
    assert (facts.retransmitting, facts.tries, facts.exchange.missed) == (False, 0, frozenset())
    # The next one may have the same number, or another.
    for number in ("1", "2"):
        facts = transitions.child_up(facts, "5", NOW)
        assert not said(facts, (number, PROBE)).retransmitting
        asked = said(facts, (number, PROBE), (number, PROBE))
        assert asked.retransmitting
        answered = said(asked, (number, PROBE_ANSWERED))
        assert state.status([sa(int(number), asks=False)], answered, False) is Status.INSTALLED


def test_the_status_misses_nothing_of_an_ike_sa_that_is_not_there_any_more() -> None:
    silent = said(UP, ("1", PROBE), ("1", PROBE))
    assert state.status([sa(1, asks=False)], silent, False) is Status.RETRANSMISSION
    assert state.status([sa(2, asks=False)], silent, False) is Status.INSTALLED


@pytest.mark.parametrize(
    "line",
    [
        "received INVALID_ID_INFORMATION error notify",
        "no matching CHILD_SA config found for 10.2.0.0/16 === 10.1.0.0/16",
    ],
)
def test_subnets_that_do_not_match_are_told_in_ikev1(line: str) -> None:
    error = logged(Facts(), line).last_error
    assert error is not None
    assert error.reason is Reason.SELECTORS_MISMATCH


@pytest.mark.parametrize("source", [Source.LOG, Source.ERROR_NOTIFY])
def test_different_secrets_are_told_in_ikev1_also_once_the_attempt_is_given_up(source: Source) -> None:
    answered = "parsed ID_PROT response 0 [ KE No NAT-D NAT-D ]"
    facts = logged(Facts(), *MAIN_MODE, answered, GARBLED, source=source)
    later = events.on_log(facts, "giving up after 3 retransmits", NOW + 60, source)
    for code in (6, 24):
        later = events.on_notice(later, Notice(code, "text", "ipsec-1", "", "192.0.2.1[500]"), NOW + 60)
    for found in (facts, later):
        assert found.last_error is not None
        assert found.last_error.reason is Reason.AUTHENTICATION_FAILED
    again = logged(later, *MAIN_MODE, source=source)
    assert not again.exchange.garbled


def test_a_retransmission_of_ikev1_is_told_by_the_log() -> None:
    line = "sending retransmit 2 of request message ID 0, seq 3"
    assert logged(UP, line, source=Source.LOG).tries == 2
