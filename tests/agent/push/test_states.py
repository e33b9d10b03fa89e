"""What leads from one state of a subscription to another (RFC 8639 section 2.4.1)."""

from __future__ import annotations

import itertools

import pytest

from agent.push.subscription import TRANSITIONS, Happening, State, Unexpected, next_state


@pytest.mark.parametrize(
    ("state", "happening", "after"),
    [
        (State.ACTIVE, Happening.MODIFIED, State.ACTIVE),
        (State.ACTIVE, Happening.SUSPENDED, State.SUSPENDED),
        (State.SUSPENDED, Happening.RESUMED, State.ACTIVE),
        (State.SUSPENDED, Happening.MODIFIED, State.ACTIVE),
        (State.SUSPENDED, Happening.TERMINATED, State.ENDED),
        (State.ACTIVE, Happening.DELETED, State.ENDED),
        (State.ACTIVE, Happening.COMPLETED, State.ENDED),
    ],
)
def test_rfc8639_2_4_1(state: State, happening: Happening, after: State) -> None:
    assert next_state(state, happening) is after


def test_nothing_happens_to_what_has_ended() -> None:
    for happening in Happening:
        with pytest.raises(Unexpected):
            next_state(State.ENDED, happening)


def test_whatever_else_is_not_in_the_table_is_a_fault() -> None:
    pairs = set(itertools.product(State, Happening))
    for state, happening in pairs - set(TRANSITIONS):
        with pytest.raises(Unexpected):
            next_state(state, happening)
    assert (State.ACTIVE, Happening.RESUMED) in pairs - set(TRANSITIONS)
    assert (State.SUSPENDED, Happening.SUSPENDED) in pairs - set(TRANSITIONS)
