"""Barriers and further owners, held against a model of how charon looks for a connection and a secret."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.translators.translation.test_plan import Charon, holding, request
from tests.translators.tunnels import Json, tunnel
from translators.strongswan.pieces import at_once
from translators.strongswan.translation import strangers
from translators.strongswan.translation.connections import Messages, messages
from translators.strongswan.translation.credentials import Claim, Claims
from translators.strongswan.translation.desired import Desired
from translators.strongswan.translation.discretion import Discretion
from translators.strongswan.translation.plan import plan_steps
from translators.strongswan.translation.strangers import Fence, barred

KEY_1, KEY_2 = "key-number-one-1", "key-number-two-2"
A, B, C = {"name": "a"}, {"name": "b"}, {"name": "c"}
LOCALS, PEERS = ("192.0.2.1", "192.0.2.2"), ("198.51.100.1", "198.51.100.2")
IDENTITIES = ["fqdn:#61", "fqdn:#62", "fqdn:#7a", *LOCALS, PEERS[0], "203.0.113.9"]


def held(*entries: Json) -> list[strangers.Held]:
    return [(Claim.of(str(one["id"]), one), messages(str(one["id"]), one)) for one in entries]


def fence(*entries: Json, alone: bool = True) -> Fence:
    return strangers.fence(held(*entries), alone=alone)


def owners(found: Fence, id: int = 1) -> object:
    return found.further.get(f"ipsec-{id}-further", {}).get("owners")


def barred_identities(found: Fence) -> list[tuple[str, str]]:
    return sorted((one.tunnel, str(one.identity)) for one in found.barriers.values())


def test_where_no_tunnel_is_open_there_is_no_fence() -> None:
    assert (
        fence(tunnel(1, local_id=A, remote_id=B), tunnel(2, local_id=A, remote_id=C, secret=KEY_2)) == Fence()
    )


def test_where_all_secrets_are_equal_everybody_owns_the_secret_of_an_open_tunnel() -> None:
    found = fence(tunnel(1, local_id=A), tunnel(2, local_id=B, remote_id=C))
    assert (owners(found), found.barriers) == (["%any"], {})


def test_a_charon_that_others_use_too_gets_no_secret_for_everybody() -> None:
    assert fence(tunnel(1, local_id=A), alone=False) == Fence()
    with_peer = fence(tunnel(1, local_id=A, peer=PEERS[0]), alone=False)
    assert owners(with_peer) == [PEERS[0]]


def test_beside_another_secret_the_addresses_that_are_no_identity_of_its_tunnel_own_it() -> None:
    named = tunnel(2, local_id=C, remote_id={"inet": "0.0.0.1"}, secret=KEY_2)
    found = fence(tunnel(1, local_id=A, secret=KEY_1), named)
    assert owners(found) == [
        "0.0.0.0",
        "0.0.0.2-255.255.255.255",
        "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ]
    assert barred_identities(found) == [("1", "inet 0.0.0.1")]


def test_of_two_open_tunnels_each_is_barred_to_the_other_and_owned_by_its_own_peer() -> None:
    first = tunnel(1, local_address=LOCALS[0], peer=PEERS[0], local_id=A, secret=KEY_1)
    second = tunnel(2, local_address=LOCALS[0], peer=PEERS[1], local_id=B, secret=KEY_2)
    found = fence(first, second)
    assert (owners(found, 1), owners(found, 2)) == ([PEERS[0]], [PEERS[1]])
    assert barred_identities(found) == [
        ("1", f"inet {PEERS[1]}"), ("1", "name b"), ("2", f"inet {PEERS[0]}"), ("2", "name a"),
    ]  # fmt: skip


def test_a_barrier_is_as_its_tunnel_and_has_no_child_and_nothing_to_prove_itself_with() -> None:
    open_one = tunnel(1, local_id=A, secret=KEY_1, ike={"proposal": [], "dscp": 8})
    found = fence(open_one, tunnel(2, local_id=C, remote_id=B, secret=KEY_2))
    ((name, barrier),) = found.barriers.items()
    loaded = barrier.load_conn[name]
    assert isinstance(loaded, Mapping)
    ike = messages("1", open_one).ike
    assert {key: loaded[key] for key in loaded if key not in ("local", "remote", "unique")} == {
        key: value for key, value in ike.items() if key not in ("local", "remote", "unique")
    }
    assert loaded["local"] == {"auth": "pubkey", "id": "fqdn:#61"}
    assert loaded["remote"] == {"auth": "psk", "id": "fqdn:#62"}
    assert "children" not in loaded
    assert barred(name) == "1"


@pytest.mark.parametrize(
    "name", ["ipsec-1", "ipsec-01-not-0123456789abcdef", "mine-not-0123456789abcdef", "x"]
)
def test_other_names_are_no_barriers(name: str) -> None:
    assert barred(name) is None


def test_no_secret_is_shown() -> None:
    found = fence(tunnel(1, local_id=A, secret=KEY_1), tunnel(2, local_id=C, remote_id=B, secret=KEY_2))
    assert KEY_1 not in repr(found)
    assert KEY_2 not in repr(found)


def test_more_barriers_than_charon_is_to_hold_are_refused() -> None:
    entries = [tunnel(id, local_id={"name": f"a{id}"}, secret=f"key-of-number-{id}") for id in range(1, 48)]
    (refusal,) = filled(entries[:-1]).refusals([("47", entries[-1])])
    assert (refusal.tunnel, refusal.app_tag) == ("47", "too-many-open-tunnels")
    assert filled(entries[:45]).refusals([("45", entries[44])]) == []


# --- a model of charon: backend_manager.c, mem_cred.c, ike_auth.c ---

Identifier = str | None
"""None is what a peer does not send."""


def matches(one: Identifier, pattern: str) -> int:
    if pattern == "%any":
        return 1
    if one is None:
        return 0
    if "-" in pattern and not pattern.startswith("fqdn"):
        first, last = map(ipaddress.ip_address, pattern.split("-"))
        try:
            address = ipaddress.ip_address(one)
        except ValueError:
            return 0
        if address.version != first.version:
            return 0
        return 2 if int(first) <= int(address) <= int(last) else 0
    return 20 if one == pattern else 0


def of_identity(one: Identifier, pattern: str) -> int:
    return 1 if one is None else matches(one, pattern)


def of_address(one: str, configured: object) -> int:
    assert isinstance(configured, list)
    return 1 if configured == ["%any"] else 129 if configured == [one] else 0


def connections(everything: list[strangers.Held], found: Fence) -> dict[str, Mapping[str, Any]]:
    loaded = {name: body for barrier in found.barriers.values() for name, body in barrier.load_conn.items()}
    tunnels = [(made.is_open, made) for _claim, made in everything]
    named, open_ones = (
        {m.name: m.ike for is_open, m in tunnels if is_open is wanted} for wanted in (False, True)
    )
    return {**named, **loaded, **open_ones}  # type: ignore[dict-item]


def selected(loaded: Mapping[str, Mapping[str, Any]], came: tuple[str, str, Identifier, str]) -> str | None:
    me, other, idr, idi = came
    best: tuple[int, int] = (0, 0)
    name = None
    for one, section in loaded.items():
        ends = of_address(me, section["local_addrs"]), of_address(other, section["remote_addrs"])
        identities = of_identity(idr, section["local"]["id"]), of_identity(idi, section["remote"]["id"])
        if all((*ends, *identities)) and (sum(identities), sum(ends)) > best:
            best, name = (sum(identities), sum(ends)), one
    return name


def secrets_for(everything: list[strangers.Held], found: Fence, idr: Identifier, idi: str) -> set[str]:
    loaded = [secret for _claim, made in everything for secret in made.secrets]
    return {
        str(secret["data"])
        for secret in [*loaded, *found.further.values()]
        if any(matches(idr, owner) or matches(idi, owner) for owner in secret["owners"])  # type: ignore[attr-defined]
    }


def came_in() -> Iterator[tuple[str, str, Identifier, str]]:
    return product(LOCALS, PEERS, [None, *IDENTITIES], IDENTITIES)


NAMES = st.sampled_from([A, B, {"inet": LOCALS[0]}, {"inet": PEERS[0]}])
MEMBERS = st.fixed_dictionaries(
    {"secret": st.sampled_from([KEY_1, KEY_2]), "local_address": st.sampled_from(LOCALS)},
    optional={"local_id": NAMES, "remote_id": NAMES, "peer": st.sampled_from(PEERS)},
)


def permitted(members: list[dict[str, Any]]) -> list[Json]:
    """Return those of the tunnels that are not refused beside the ones before them."""
    claims, entries = Claims(), []
    for id, each in enumerate(members, 1):
        entry = tunnel(id, **each)
        claim = Claim.of(str(id), entry)
        if not claims.conflicts(frozenset(), [claim]):
            claims.add(claim)
            entries.append(entry)
    return entries


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


def charon(made: Desired) -> Charon:
    connections_, secrets = holding(*made.messages.values())
    for barrier in made.fence.barriers.values():
        connections_.update(barrier.load_conn)
    secrets.update({handle: dict(message) for handle, message in made.fence.further.items()})
    return connections_, secrets


def filled(entries: list[Json]) -> Desired:
    made = Desired()
    made.replace({str(entry["id"]): entry for entry in entries})
    return made


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


def test_messages_know_whether_the_peer_may_be_anybody() -> None:
    open_one: Messages = messages("1", tunnel(1))
    assert open_one.is_open
    assert not messages("1", tunnel(1, remote_id=B)).is_open


# --- what it costs, and what the count tells ---


def test_the_number_of_barriers_does_not_tell_whether_hidden_secrets_are_equal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(strangers, "BARRIERS_MAX", 20)

    def refused(secret: str) -> list[str]:
        entries = [tunnel(id, local_id={"name": f"a{id}"}, secret=KEY_1) for id in range(1, 21)]
        mine = tunnel(3000, local_id=A, secret=secret)
        discretion = Discretion(hides=lambda tunnel: tunnel != "3000")
        made = filled(entries).refusals([("3000", mine)], discretion=discretion)
        return [f"{one.app_tag}: {one.message}" for one in made]

    assert refused(KEY_1) == refused(KEY_2)
    assert refused(KEY_1)[0].startswith("too-many-open-tunnels: charon would need 40 ")


@pytest.mark.parametrize("members", [{"peer": PEERS[0]}, {"peer": PEERS[0], "local_address": LOCALS[0]}])
def test_nor_does_it_where_one_may_own_its_peer(members: Json) -> None:
    def counted(secret: str) -> int:
        entries = [tunnel(1, local_id=A, secret=KEY_1, **members), tunnel(2, local_id=B, secret=KEY_1)]
        mine = Claim.of("3", tunnel(3, local_id=C, secret=secret, **members))
        return strangers.count([*filled(entries).claims, mine], lambda one, other: "3" in (one, other))

    assert counted(KEY_1) == counted(KEY_2)


def test_without_an_open_tunnel_a_change_looks_at_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [tunnel(id, local_id={"name": f"a{id}"}, remote_id=B, secret=KEY_1) for id in range(1, 20)]
    made = filled(entries)
    looked: list[object] = []
    monkeypatch.setattr(Claims, "__iter__", lambda self: iter(looked.append(self) or ()))
    wanted = {"20": tunnel(20, local_id=A, remote_id=B, secret=KEY_1)}
    changes = [made.change(id, entry) for id, entry in wanted.items()]
    assert made.refusals(list(wanted.items())) == []
    assert made.fences(wanted, changes).during == Fence()
    made.put("20", wanted["20"])
    assert made.fence == Fence()
    assert looked == []
    made.put("21", tunnel(21, local_id=C))
    made.fence  # noqa: B018
    assert looked != [], "the test sees it"


def test_a_fence_is_built_once_until_something_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    made = filled([tunnel(1, local_id=A, secret=KEY_1), tunnel(2, local_id=C, remote_id=B, secret=KEY_2)])
    ((name, barrier),) = made.fence.barriers.items()
    line = f"{strangers.KEPT_OUT}'a'"
    built: list[object] = []
    build = strangers.fence_in_pieces
    monkeypatch.setattr(
        strangers, "fence_in_pieces", lambda *each, **more: built.append(each) or build(*each, **more)
    )
    for _time in range(3):
        assert str(barrier.identity) in str(made.why_barred(name, line))
    more = tunnel(2, local_id=C, remote_id=B, secret=KEY_2, description="x", dpd={"enabled": False})
    changes = [made.change("2", more)]
    fences = made.fences({"2": more}, changes)
    assert fences.before == fences.during == fences.after == made.fence
    made.put("2", more)
    assert str(barrier.identity) in str(made.why_barred(name, line))
    assert built == [], "nothing has changed that a fence depends on"
    made.put("2", None)
    assert made.why_barred(name, line) is None
    assert made.fence.barriers == {}
    assert len(built) == 1


def test_fences_are_made_a_tunnel_at_a_time() -> None:
    count = 50
    many = [
        tunnel(n, local_id={"name": f"a{n}"}, remote_id={"name": f"b{n}"}, secret=KEY_2)
        for n in range(1, count + 1)
    ]
    made = filled([*many, tunnel(count + 1, local_id=C, secret=KEY_1)])
    after = {**many[0], "secret": "another-key-of-this-tunnel"}
    pieces = made.fences_in_pieces({"1": after}, [made.change("1", after)])
    # each of the three is indexed twice, and there is a barrier against each of the others
    assert sum(1 for _ in pieces) > 3 * 3 * count
    assert sum(1 for _ in made.refusals_in_pieces([("1", after)])) > 3 * count


def test_a_fence_of_which_the_tunnels_change_meanwhile_is_not_kept() -> None:
    made = filled([tunnel(1, local_id=A, secret=KEY_1), tunnel(2, local_id=C, remote_id=B, secret=KEY_2)])
    pieces = made._fence_in_pieces()
    next(pieces)
    made.put("2", None)
    assert at_once(pieces).barriers
    assert made.fence.barriers == {}


@given(st.lists(MEMBERS, max_size=4), st.lists(MEMBERS, max_size=2))
def test_the_fence_that_is_kept_is_the_one_that_would_be_built(
    members: list[dict[str, Any]], more: list[dict[str, Any]]
) -> None:
    entries = permitted([*members, *more])
    made = filled(entries[: len(members)])
    for entry in entries[len(members) :]:
        assert made.fence == strangers.fence(held(*made.entries.values()))
        made.put(str(entry["id"]), entry)
    assert made.fence == strangers.fence(held(*entries))
    for entry in entries:
        made.put(str(entry["id"]), {**entry, "ike": {"proposal": [], "dscp": 8}})
        assert made.fence == strangers.fence(held(*made.entries.values()))
        made.put(str(entry["id"]), None)
        assert made.fence == strangers.fence(held(*made.entries.values()))


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
