"""The states of a dynamic subscription, and what leads from one to another (RFC 8639 section 2.4.1)."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """What a subscription does; the names of the first two are those of the receiver's state."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"


class Happening(Enum):
    """What happens to a subscription."""

    MODIFIED = "modified"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    DELETED = "deleted"
    TERMINATED = "terminated"
    COMPLETED = "completed"


TRANSITIONS = {
    # A successful modification ends a suspension, too.
    (State.ACTIVE, Happening.MODIFIED): State.ACTIVE,
    (State.SUSPENDED, Happening.MODIFIED): State.ACTIVE,
    (State.ACTIVE, Happening.SUSPENDED): State.SUSPENDED,
    (State.SUSPENDED, Happening.RESUMED): State.ACTIVE,
    (State.ACTIVE, Happening.DELETED): State.ENDED,
    (State.SUSPENDED, Happening.DELETED): State.ENDED,
    (State.ACTIVE, Happening.TERMINATED): State.ENDED,
    (State.SUSPENDED, Happening.TERMINATED): State.ENDED,
    (State.ACTIVE, Happening.COMPLETED): State.ENDED,
    (State.SUSPENDED, Happening.COMPLETED): State.ENDED,
}


class Unexpected(Exception):
    """Something happened to a subscription that cannot happen in its state, which is a fault of our own."""


def next_state(state: State, happening: Happening) -> State:
    """Return the state after ``happening``.

    Raises:
        Unexpected: it cannot happen in ``state``.
    """
    try:
        return TRANSITIONS[state, happening]
    except KeyError:
        raise Unexpected(f"{happening.value} while {state.value}") from None
