"""The record of a tunnel: what is counted, what is kept, and for how long."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from translators.strongswan.status import facts as transitions
from translators.strongswan.status.facts import (
    DETAIL_CHARACTERS_MAX,
    HISTORY_MAX,
    Entry,
    Facts,
    Kind,
    LastError,
    Reason,
)

NOW = 1000.0
UP = transitions.child_up(Facts(), "1", 10.0)


def test_failures_of_one_kind_in_a_row_are_one_entry_with_a_count() -> None:
    facts = UP
    for at in (1, 2, 3):
        facts = transitions.failed(facts, Reason.AUTHENTICATION_FAILED, f"try {at}", NOW + at)
    facts = transitions.failed(facts, Reason.PEER_SILENT, "none", NOW + 4)
    assert facts.counters.failures == 4
    assert facts.history[1:] == (
        Entry(2, NOW + 3, Kind.FAILED, Reason.AUTHENTICATION_FAILED, "try 3", 3),
        Entry(3, NOW + 4, Kind.FAILED, Reason.PEER_SILENT, "none", 1),
    )


def test_one_failure_that_two_sources_tell_of_is_one() -> None:
    first = transitions.failed(UP, Reason.UNKNOWN, "keeping the IKE_SA", NOW)
    second = transitions.failed(first, Reason.SELECTORS_MISMATCH, "log", NOW + 0.01)
    third = transitions.failed(second, Reason.SELECTORS_MISMATCH, "error-notify", NOW + 0.02)
    assert third.counters.failures == 1
    assert third.history[1:] == (Entry(2, NOW, Kind.FAILED, Reason.SELECTORS_MISMATCH, "error-notify"),)
    assert transitions.failed(third, Reason.SELECTORS_MISMATCH, "again", NOW + 1).counters.failures == 2
    assert transitions.failed(third, Reason.PEER_SILENT, "another", NOW + 0.03).counters.failures == 2


def test_a_failure_of_before_it_was_up_is_not_why_a_tunnel_goes_down() -> None:
    up = transitions.child_up(
        transitions.failed(Facts(), Reason.NO_PROPOSAL_CHOSEN, "x", NOW), "1", NOW + 0.1
    )
    down = transitions.child_down(up, "1", NOW + 0.2)
    assert down.last_down is not None
    assert down.last_down.reason is Reason.UNKNOWN


def test_a_charon_that_takes_leave_before_it_ends_is_why_its_tunnels_are_down() -> None:
    left = transitions.all_down(
        transitions.child_down(UP, "1", NOW), Reason.DAEMON_LOST, "it ended", NOW + 0.1
    )
    assert left.last_down == LastError(Reason.DAEMON_LOST, "it ended", NOW)
    assert left.counters.downs == 1


def test_the_history_keeps_the_last_and_goes_on_counting() -> None:
    facts = Facts()
    for number in range(HISTORY_MAX + 5):
        facts = transitions.ike_rekeyed(facts, NOW + number)
    assert len(facts.history) == HISTORY_MAX
    assert [entry.index for entry in facts.history] == list(range(6, HISTORY_MAX + 6))


def test_a_long_detail_is_cut() -> None:
    facts = transitions.failed(Facts(), Reason.OTHER, "x" * 1000, NOW)
    assert facts.last_error is not None
    assert len(facts.last_error.detail) == len(facts.history[0].detail) == DETAIL_CHARACTERS_MAX


def test_a_tunnel_met_for_the_first_time_is_as_it_is_found() -> None:
    found = transitions.reseeded(None, {"7"}, 40, NOW)
    assert (found.up, found.since, found.counters.ups, found.history) == (True, 960.0, 0, ())
    assert transitions.reseeded(None, (), 0, NOW) == Facts()


def test_after_charon_was_out_of_sight_what_is_up_says_what_happened() -> None:
    lost = transitions.all_down(UP, Reason.DAEMON_LOST, "it was killed", NOW)
    assert lost.last_down == LastError(Reason.DAEMON_LOST, "it was killed", NOW)
    assert (lost.up, lost.since, lost.counters.downs) == (False, NOW, 1)
    back = transitions.reseeded(lost, {"9"}, 3, NOW + 10)
    assert (back.up, back.since, back.counters.ups) == (True, NOW + 7, 2)
    kept = transitions.reseeded(UP, {"1"}, 990, NOW)
    assert (kept.since, kept.counters) == (UP.since, UP.counters), "nothing happened to it"
    gone = transitions.reseeded(UP, (), 0, NOW)
    assert (gone.up, gone.counters.downs) == (False, 1)


def test_a_tunnel_that_was_down_is_not_taken_down_by_the_loss_of_charon() -> None:
    assert transitions.all_down(Facts(), Reason.DAEMON_LOST, "it was killed", NOW) == Facts()


def test_what_failed_before_a_change_of_configuration_says_nothing_after_it() -> None:
    facts = transitions.reconfigured(
        transitions.silent(transitions.failed(UP, Reason.PEER_SILENT, "x", NOW), NOW)
    )
    assert (facts.last_error, facts.gave_up) == (None, False)
    assert facts.counters.failures == 1, "what is counted goes on"
    assert len(facts.history) == 2


def test_a_reason_that_comes_late_is_not_taken_for_an_old_down() -> None:
    down = transitions.child_down(UP, "1", NOW)
    late = transitions.failed(down, Reason.PEER_SILENT, "x", NOW + 60)
    assert late.last_down is not None
    assert late.last_down.reason is Reason.UNKNOWN


@given(st.lists(st.tuples(st.sampled_from(["up", "down", "rekey"]), st.sampled_from("123"))))
def test_ups_and_downs_take_turns_whatever_children_do(happenings: list[tuple[str, str]]) -> None:
    facts, now = Facts(), 0.0
    for what, child in happenings:
        now += 1
        if what == "up":
            facts = transitions.child_up(facts, child, now)
        elif what == "down":
            facts = transitions.child_down(facts, child, now)
        elif child in facts.children:
            facts = transitions.rekeyed(facts, child, f"{child}'", now)
        assert facts.counters.ups - facts.counters.downs == facts.up
        turns = [entry.kind for entry in facts.history if entry.kind in (Kind.UP, Kind.DOWN)]
        assert all(one is not other for one, other in pairwise(turns))
