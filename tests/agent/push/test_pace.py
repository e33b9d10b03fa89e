"""When updates are due (RFC 8641 sections 3.1 and 4.2), by a clock that the test holds."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.push.pace import Dampening, next_update


def test_what_changes_after_a_pause_is_told_at_once() -> None:
    pace = Dampening(5.0)
    assert pace.due(100.0) is None
    pace.changed()
    assert pace.due(100.0) == 100.0
    pace.looked()
    pace.told(100.0)
    assert pace.due(103.0) is None
    pace.changed()
    assert pace.due(103.0) == 105.0
    assert pace.due(106.0) == 106.0


def test_a_change_that_was_undone_takes_no_time() -> None:
    pace = Dampening(5.0)
    pace.changed()
    pace.looked()  # and nothing was found
    pace.changed()
    assert pace.due(100.1) == 100.1


def test_what_changes_during_a_look_needs_another() -> None:
    pace = Dampening(5.0)
    pace.changed()
    pace.looked()
    pace.changed()
    pace.told(100.0)
    assert pace.due(100.0) == 105.0


def test_without_dampening_each_look_may_tell() -> None:
    pace = Dampening()
    pace.told(100.0)
    pace.changed()
    assert pace.due(100.0) == 100.0


@given(st.lists(st.floats(0.001, 0.1), max_size=400), st.sampled_from([0.5, 1.0, 7.0]))
def test_one_update_in_each_period_at_most_and_none_is_forgotten(gaps: list[float], period_s: float) -> None:
    """A tunnel that flaps a hundred times a second."""
    pace, now, value, known, told = Dampening(period_s), 0.0, 0, 0, []
    for gap in [*gaps, period_s]:
        end = now + gap
        if gap != period_s:
            value += 1
            pace.changed()
        while (due := pace.due(now)) is not None and due <= end:
            now = due
            pace.looked()
            if known != value:
                known = value
                told.append(now)
                pace.told(now)
        now = end
    assert known == value
    assert all(later - earlier >= period_s * 0.999 for earlier, later in pairwise(told))


@pytest.mark.parametrize(
    ("now", "period_s", "anchor", "expected"),
    [
        (100.0, 10.0, 100.0, 110.0),
        (100.0, 10.0, 95.0, 105.0),
        (100.0, 10.0, 195.0, 105.0),  # the anchor may lie ahead
        (100.0, 10.0, -5.0, 105.0),
        (104.9, 10.0, 95.0, 105.0),
        (105.0, 10.0, 95.0, 115.0),
    ],
)
def test_anchor_time(now: float, period_s: float, anchor: float, expected: float) -> None:
    assert next_update(now, period_s, anchor) == pytest.approx(expected)


@given(st.floats(0, 2e9), st.floats(0.01, 1e6), st.floats(0, 2e9))
def test_the_next_update_is_ahead_and_no_more_than_a_period(
    now: float, period_s: float, anchor: float
) -> None:
    due = next_update(now, period_s, anchor)
    assert now < due <= now + period_s * 1.001 + 1e-5
