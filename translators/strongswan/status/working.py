"""Does a tunnel work as it is configured now, and if not, why? Pure: SAs, facts and the clock come in.

It works if each of its children has a CHILD_SA that carries traffic, that nothing in list-sas shows to be of
another configuration, and no request that the peer does not answer. SAs of before a change are ended by the
change, so that those which are there were negotiated with what is configured, or are not concerned by it.
"""

from __future__ import annotations

from collections.abc import Sequence

from translators.strongswan.status import drift, state
from translators.strongswan.status.facts import Facts, LastError, Reason
from translators.strongswan.status.state import Section, Status
from translators.strongswan.translation.connections import Messages

WAITS = {
    True: "it waits for its peer to answer, or for the next attempt",
    False: "it does not initiate, and its peer has not come",
}


def hindrance(messages: Messages, sas: Sequence[Section], facts: Facts, *, status: Status) -> str | None:
    """Return why a tunnel with these IKE_SAs does not work, None if it does."""
    current = [sa for sa in sas if drift.disagreement(messages, sa) is None]
    names = tuple(messages.children)
    if status is Status.INSTALLED and state.carries_all(current, names):
        return None
    return f"{status.value}: {_why(messages, sas, current, facts)}"


def _why(messages: Messages, sas: Sequence[Section], current: Sequence[Section], facts: Facts) -> str:
    if (error := _newest(facts)) is not None and error.reason is not Reason.CONFIGURATION_CHANGED:
        return f"{error.reason.value}, {error.detail}" if error.detail else error.reason.value
    if len(current) < len(sas):
        return "its SA is of another configuration"
    names = tuple(messages.children)
    if (missing := state.missing_children(current, names)) and 0 < len(missing) < len(names):
        return f"{len(missing)} of {len(names)} CHILD_SAs are missing"
    return WAITS[messages.initiator]


def _newest(facts: Facts) -> LastError | None:
    """Return what went wrong last; None if the tunnel came up after it."""
    began = facts.since if facts.up and facts.since is not None else 0.0
    told = [e for e in (facts.last_error, facts.last_down) if e is not None and e.at >= began]
    return max(told, key=lambda error: error.at, default=None)
