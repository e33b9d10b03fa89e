"""Bursts become few, and the last word is always told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from translators.strongswan.status.dampening import BURST, REFILL_S, Dampener, Release


def last(_held: int, later: int) -> int:
    return later


def test_what_comes_now_and_then_is_told_at_once() -> None:
    dampener = Dampener(last)
    for number in range(50):
        assert dampener.offer("a", number, number * REFILL_S) == Release(number, 0)
    assert dampener.next_due() is None


def test_a_burst_is_held_and_its_last_is_told_with_what_was_left_out() -> None:
    dampener = Dampener(last)
    told = [dampener.offer("a", number, 0.0) for number in range(BURST + 4)]
    assert told[:BURST] == [Release(number, 0) for number in range(BURST)]
    assert told[BURST:] == [None] * 4
    assert dampener.next_due() == REFILL_S
    assert dampener.due(REFILL_S / 2) == []
    assert dampener.due(REFILL_S) == [Release(BURST + 3, 3)]
    assert dampener.next_due() is None


def test_one_subject_does_not_spend_what_is_anothers() -> None:
    dampener = Dampener(last)
    for number in range(BURST * 2):
        dampener.offer("a", number, 0.0)
    assert dampener.offer("b", 1, 0.0) == Release(1, 0)


def test_what_cancels_out_is_not_told_but_is_counted() -> None:
    dampener: Dampener[int] = Dampener(lambda _held, _later: None)
    for number in range(BURST + 2):
        dampener.offer("a", number, 0.0)
    assert dampener.next_due() is None
    assert dampener.due(REFILL_S) == []
    assert dampener.offer("a", 99, REFILL_S) == Release(99, 2)


def test_a_subject_that_is_quiet_is_forgotten() -> None:
    dampener = Dampener(last)
    dampener.offer("a", 1, 0.0)
    dampener.due(REFILL_S * BURST)
    assert dampener._purses == {}


def test_at_the_end_all_that_is_held_is_told() -> None:
    dampener = Dampener(last)
    for number in range(BURST + 2):
        dampener.offer("a", number, 5.0)
        dampener.offer("b", -number, 5.0)
    assert dampener.flush() == [Release(BURST + 1, 1), Release(-BURST - 1, 1)]
    assert dampener.flush() == []


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60))
def test_the_last_is_always_told_and_nothing_is_told_twice_or_out_of_order(pauses: list[float]) -> None:
    dampener = Dampener(last)
    now, told = 0.0, []
    for number, pause in enumerate(pauses):
        now += pause
        told += dampener.due(now)
        if (release := dampener.offer("a", number, now)) is not None:
            told.append(release)
    while (due := dampener.next_due()) is not None:
        now = max(now, due) + 0.001
        told += dampener.due(now)
    numbers = [release.item for release in told]
    assert numbers[-1] == len(pauses) - 1
    assert numbers == sorted(set(numbers))
    assert len(told) + sum(release.suppressed for release in told) == len(pauses)
    assert len(told) <= BURST + now / REFILL_S + 1
