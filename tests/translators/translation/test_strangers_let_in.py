"""By a model of charon no secret opens the tunnel of another, at any step of any change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.translators.translation.charon_model import (
    KEY_1,
    KEY_2,
    MEMBERS,
    PEERS,
    A,
    B,
    C,
    came_in,
    charon,
    connections,
    filled,
    held,
    matches,
    permitted,
    secrets_for,
    selected,
)
from tests.translators.translation.test_plan import Charon, request
from tests.translators.tunnels import tunnel
from translators.strongswan.translation import strangers
from translators.strongswan.translation.desired import Desired
from translators.strongswan.translation.plan import plan_steps
from translators.strongswan.translation.strangers import Fence, barred


@given(st.lists(MEMBERS, min_size=1, max_size=4))
def test_no_secret_opens_the_tunnel_of_another(members: list[dict[str, Any]]) -> None:
    everything = held(*permitted(members))
    found = strangers.fence(everything)
    loaded = connections(everything, found)
    own = {made.name: str(made.secrets[0]["data"]) for _claim, made in everything}
    for came in came_in():
        name = selected(loaded, came)
        if name is not None and barred(name) is None:
            assert secrets_for(everything, found, came[2], came[3]) <= {own[name]}, (came, name)


@given(st.lists(MEMBERS, min_size=1, max_size=4))
def test_a_peer_that_says_whom_it_wants_finds_its_tunnel_as_if_there_were_no_fence(
    members: list[dict[str, Any]],
) -> None:
    everything = held(*permitted(members))
    found = strangers.fence(everything)
    with_fence, without = connections(everything, found), connections(everything, Fence())
    own = {made.name: str(made.secrets[0]["data"]) for _claim, made in everything}
    for came in came_in():
        name = selected(without, came)
        if name is None or selected(with_fence, came) == name:
            continue
        # Kept out is only who comes with the owner of another secret; this one can be verified with that.
        assert secrets_for(everything, found, None, came[3]) - {own[name]} or came[2] is None


def test_the_model_shows_the_impostor_where_there_is_no_fence() -> None:
    everything = held(tunnel(1, local_id=A, secret=KEY_1), tunnel(2, local_id=B, secret=KEY_2))
    came = ("192.168.0.1", PEERS[0], "fqdn:#61", "fqdn:#62")
    assert selected(connections(everything, Fence()), came) == "ipsec-1"
    assert secrets_for(everything, Fence(), came[2], came[3]) == {KEY_1, KEY_2}
    barrier = selected(connections(everything, strangers.fence(everything)), came)
    assert barrier is not None
    assert barred(barrier) == "1"


# --- a change, and its undo ---


_ALL_ARE_OUT = ("NARROW", "LOAD", "DOUBLE", "RENEW", "UNLOAD_BARRIER", "WIDEN", "WITHDRAW")
"""How the phases begin after each step of which no secret may open the tunnel of another."""


@settings(max_examples=30)
@given(st.lists(MEMBERS, max_size=3), st.lists(MEMBERS, max_size=3), st.integers(0, 40))
def test_at_each_step_of_a_change_no_secret_opens_the_tunnel_of_another(
    before: list[dict[str, Any]], after: list[dict[str, Any]], count: int
) -> None:
    made, wanted = filled(permitted(before)), filled(permitted(after))
    entries = {id: wanted.entries.get(id) for id in made.entries.keys() | wanted.entries.keys()}
    changes = [made.change(id, entry) for id, entry in entries.items()]
    steps = plan_steps(changes, made.fences(entries, changes))
    own = {
        each.name: {str(one.messages[id].secrets[0]["data"]) for one in (made, wanted) if id in one.messages}
        for id, each in (made.messages | wanted.messages).items()
    }
    there = charon(made)
    for step in steps[:count]:
        request(there, step.do)
    for step in reversed(steps[:count]):
        request(there, step.undo)
    assert there == charon(made)
    for step in steps:
        request(there, step.do)
        if step.phase.name.startswith(_ALL_ARE_OUT):
            _nothing_is_open(there, own)
    assert there == charon(wanted)


def _nothing_is_open(there: Charon, own: Mapping[str, set[str]]) -> None:
    """Whoever can be verified for a tunnel has a secret that is its own before or after the change."""
    sections: Any = there[0]
    secrets: Any = there[1]
    for came in came_in():
        name = selected(sections, came)
        if name is None or barred(name) is not None:
            continue
        for secret in secrets.values():
            if any(matches(came[2], one) or matches(came[3], one) for one in secret["owners"]):
                assert secret["data"] in own[name], (came, name)


# --- of two that match equally charon takes the older one ---


def late(there: Charon, made: Desired) -> list[str]:
    return made.misplaced(list(there[0]))


@given(st.lists(MEMBERS, max_size=4), st.lists(MEMBERS, max_size=4), st.data())
def test_a_change_and_its_undo_leave_each_barrier_after_the_tunnels_that_it_names(
    before: list[dict[str, Any]], after: list[dict[str, Any]], data: st.DataObject
) -> None:
    dscps = st.sampled_from([{}, {"ike": {"proposal": [], "dscp": 8}}])
    before, after = ([{**one, **data.draw(dscps)} for one in each] for each in (before, after))
    made, wanted = filled(permitted(before)), filled(permitted(after))
    entries = {id: wanted.entries.get(id) for id in made.entries.keys() | wanted.entries.keys()}
    changes = [made.change(id, entry) for id, entry in entries.items()]
    steps = plan_steps(changes, fences := made.fences(entries, changes))
    back = plan_steps((change.reversed() for change in changes), fences.reversed())
    there = loaded_in_order(made)
    for count in range(len(steps) + 1):
        for step in steps[:count]:
            request(there, step.do)
        for step in reversed(steps[:count]):
            request(there, step.undo)
        assert (late(there, made), there) == ([], charon(made)), steps[:count]
    for step in steps:
        request(there, step.do)
    assert (late(there, wanted), there) == ([], charon(wanted))
    for step in back:
        request(there, step.do)
    assert (late(there, made), there) == ([], charon(made))


def loaded_in_order(made: Desired) -> Charon:
    there: Charon = ({}, {})
    entries = dict(made.entries)
    nothing = Desired()
    changes = [nothing.change(id, entry) for id, entry in entries.items()]
    for step in plan_steps(changes, nothing.fences(entries, changes)):
        request(there, step.do)
    return there


def test_a_barrier_before_a_tunnel_that_it_names_is_misplaced() -> None:
    made = filled([tunnel(1, local_id=A, secret=KEY_1), tunnel(2, local_id=C, remote_id=B, secret=KEY_2)])
    (barrier,) = made.fence.barriers
    assert made.misplaced(["ipsec-2", barrier, "ipsec-1"]) == []
    assert made.misplaced([barrier, "theirs", "ipsec-2", "ipsec-1"]) == [barrier]
    assert made.misplaced(["ipsec-2"]) == []
    assert made.misplaced([barrier]) == []
