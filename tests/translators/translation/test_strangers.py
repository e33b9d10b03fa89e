"""Barriers and further owners: what a fence is made of, what it costs, and what it must not tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translators.translation.charon_model import (
    KEY_1,
    KEY_2,
    LOCALS,
    MEMBERS,
    PEERS,
    A,
    B,
    C,
    filled,
    held,
    permitted,
)
from tests.translators.tunnels import Json, tunnel
from translators.strongswan.pieces import at_once
from translators.strongswan.translation import strangers
from translators.strongswan.translation.claims import Claims
from translators.strongswan.translation.connections import Messages, messages
from translators.strongswan.translation.credentials import Claim
from translators.strongswan.translation.discretion import Discretion
from translators.strongswan.translation.strangers import Fence, barred


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
