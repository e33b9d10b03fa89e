"""What is told of a tunnel, and that all of it is valid data of the model."""

from __future__ import annotations

import json
from typing import Any

import libyang
import pytest
from libyang.util import DataType

from tests.translators.status.test_state import context as _context
from translators.strongswan.status import announcements
from translators.strongswan.status import facts as transitions
from translators.strongswan.status.announcements import Drift, Happening, Told, content, news
from translators.strongswan.status.facts import Facts, LastError, Reason
from translators.strongswan.status.state import Status

yang = _context

NOW = 1000.0
SILENCE = LastError(Reason.PEER_SILENT, "no answer", NOW)


def told_of(
    told: Told, status: Status, facts: Facts, without_sas: Status = Status.DOWN
) -> list[tuple[str, ...]]:
    found = news("1", told, Told.of(status, facts.counters), facts, NOW, without_sas)
    return [
        (h.name, *([h.old.value, h.new.value] if h.old and h.new else []), str(h.members.get("reason", "")))
        for h in found
    ]


UP = transitions.child_up(Facts(), "1", 10.0)
WAS_UP = Told.of(Status.INSTALLED, UP.counters)
CHANGED = "tunnel-state-changed"


def test_nothing_is_told_of_a_tunnel_to_which_nothing_happened() -> None:
    assert told_of(Told(), Status.DOWN, Facts()) == []
    assert told_of(WAS_UP, Status.INSTALLED, UP) == []


def test_a_tunnel_that_goes_up_has_no_reason_and_one_that_goes_down_has_that_of_its_down() -> None:
    assert told_of(Told(Status.CONNECTING), Status.INSTALLED, UP) == [
        (CHANGED, "connecting", "installed", "")
    ]
    down = transitions.child_down(transitions.failed(UP, Reason.PEER_SILENT, "x", NOW), "1", NOW)
    assert (CHANGED, "installed", "connecting", "peer-silent") in told_of(WAS_UP, Status.CONNECTING, down)


def test_a_dead_peer_of_a_tunnel_that_was_up_is_no_failed_negotiation() -> None:
    dead = transitions.child_down(
        transitions.failed(transitions.silent(UP, NOW), Reason.PEER_SILENT, "x", NOW), "1", NOW
    )
    assert told_of(WAS_UP, Status.DOWN, dead) == [(CHANGED, "installed", "down", "peer-silent")]


def test_failures_between_two_looks_are_told_once_and_before_what_they_led_to() -> None:
    facts = Facts()
    for reason in (Reason.UNKNOWN, Reason.SELECTORS_MISMATCH):
        facts = transitions.failed(facts, reason, "x", NOW)
    assert told_of(Told(Status.CONNECTING), Status.IKE_ESTABLISHED, facts) == [
        ("negotiation-failed", "selectors-mismatch"),
        (CHANGED, "connecting", "ike-established", "selectors-mismatch"),
    ]


def test_a_tunnel_that_went_down_and_up_between_two_looks_is_told_as_both() -> None:
    again = transitions.child_up(transitions.child_down(UP, "1", 20.0), "2", 20.1)
    assert told_of(WAS_UP, Status.INSTALLED, again) == [
        (CHANGED, "installed", "down", "unknown"),
        (CHANGED, "down", "installed", ""),
    ]
    brief = transitions.child_down(UP, "1", 20.0)
    assert told_of(Told(Status.CONNECTING), Status.CONNECTING, brief) == [
        (CHANGED, "connecting", "installed", ""),
        (CHANGED, "installed", "connecting", "unknown"),
    ]


def test_an_initiator_is_told_as_connecting_however_late_one_looks() -> None:
    """As if somebody had looked in time: while charon was lost, or when the first IKE_SA was up again."""
    lost = transitions.all_down(UP, Reason.DAEMON_LOST, "killed", 20.0)
    again = transitions.child_up(lost, "2", 20.1)
    first = (CHANGED, "installed", "connecting", "daemon-lost")
    assert told_of(WAS_UP, Status.CONNECTING, lost, Status.CONNECTING) == [first]
    assert told_of(WAS_UP, Status.INSTALLED, again, Status.CONNECTING) == [
        first,
        (CHANGED, "connecting", "installed", ""),
    ]
    assert told_of(Told(), Status.INSTALLED, again, Status.CONNECTING) == [
        (CHANGED, "down", "installed", ""),
        first,
        (CHANGED, "connecting", "installed", ""),
    ]
    assert [line[:3] for line in told_of(WAS_UP, Status.IKE_ESTABLISHED, lost, Status.CONNECTING)] == [
        first[:3],
        (CHANGED, "connecting", "ike-established"),
    ]


def test_an_ike_sa_that_stays_up_without_its_child_is_not_told_as_begun_anew() -> None:
    down = transitions.child_down(UP, "1", NOW)
    assert told_of(WAS_UP, Status.IKE_ESTABLISHED, down, Status.CONNECTING) == [
        (CHANGED, "installed", "ike-established", "unknown")
    ]


def test_an_old_failure_is_not_why_a_status_changes_now() -> None:
    facts = transitions.failed(Facts(), Reason.NO_PROPOSAL_CHOSEN, "x", NOW - 60)
    told = Told(Status.DOWN, failures=1)
    assert told_of(told, Status.CONNECTING, facts) == [(CHANGED, "down", "connecting", "")]


def test_a_silent_peer_is_told_as_such() -> None:
    facts = transitions.unanswered(UP, 1, NOW)
    assert told_of(WAS_UP, Status.RETRANSMISSION, facts) == [
        (CHANGED, "installed", "retransmission", "peer-silent")
    ]


def test_of_held_changes_the_first_old_and_the_last_new_status_are_told() -> None:
    first = announcements.status_changed("1", Status.INSTALLED, Status.DOWN, SILENCE)
    second = announcements.status_changed("1", Status.DOWN, Status.CONNECTING, None)
    back = announcements.status_changed("1", Status.CONNECTING, Status.INSTALLED, None)
    merged = announcements.merge(first, second)
    assert merged is not None
    assert (merged.old, merged.new) == (Status.INSTALLED, Status.CONNECTING)
    assert announcements.merge(merged, back) is None
    failures = [announcements.negotiation_failed("1", SILENCE) for _ in range(2)]
    assert announcements.merge(failures[0], failures[1]) is failures[1]


EVERY = [
    *[
        announcements.status_changed("1", old, new, SILENCE if new is Status.DOWN else None)
        for old in Status
        for new in Status
    ],
    *[announcements.negotiation_failed("7", LastError(reason, "", NOW)) for reason in Reason],
    announcements.rekeyed("1", True, {"initiator-spi": "0" * 16, "responder-spi": "f" * 16}),
    announcements.rekeyed("1", False, {"spi-in": "0" * 8, "spi-out": "f" * 8}),
    *[announcements.drift_repaired("65535", what, "x") for what in Drift],
]


def valid(yang: Any, data: Any) -> None:
    node = yang.parse_op_mem("json", json.dumps(data), dtype=DataType.NOTIF_YANG)
    assert node is not None
    node.free()


@pytest.mark.parametrize("happening", EVERY, ids=lambda happening: str(happening.members)[:40])
def test_every_notification_is_valid_data_of_the_model(yang: Any, happening: Happening) -> None:
    for suppressed in (0, 3):
        valid(yang, content(happening, suppressed))


def test_the_notifications_of_the_daemon_are_valid_data_of_the_model(yang: Any) -> None:
    valid(yang, announcements.daemon_started("5.9.8"))
    valid(yang, announcements.daemon_stopped("the connection to it was lost"))


def test_a_notification_that_is_not_valid_is_seen_to_be_refused(yang: Any) -> None:
    with pytest.raises(libyang.LibyangError):
        valid(yang, {"yangswan-ipsec:rekeyed": {"id": 0}})
