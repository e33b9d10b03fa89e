"""Secrets: who owns them, and which tunnels would open each other."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translators.tunnels import tunnel
from translators.strongswan.translation import credentials
from translators.strongswan.translation.claims import Claims
from translators.strongswan.translation.credentials import Claim
from translators.strongswan.translation.refusals import Refused

KEY_1, KEY_2 = "key-number-one-1", "key-number-two-2"


def claim(id: int, **members: Any) -> Claim:
    return Claim.of(str(id), tunnel(id, **members))


def claims(*held: Claim) -> Claims:
    index = Claims()
    for each in held:
        index.add(each)
    return index


def test_the_remote_identity_alone_owns_the_secret() -> None:
    (message,) = credentials.load_shared("ipsec-1", tunnel(local_id={"name": "a"}, remote_id={"name": "b"}))
    assert message == {"id": "ipsec-1", "type": "IKE", "data": "right-secret-0001", "owners": ["fqdn:#62"]}


def test_the_local_identity_owns_the_secret_of_a_tunnel_open_to_all() -> None:
    (message,) = credentials.load_shared("ipsec-1", tunnel(local_id={"name": "a"}))
    assert message["owners"] == ["fqdn:#61"]


def test_a_tunnel_without_secret_is_refused() -> None:
    with pytest.raises(Refused, match="needs a secret"):
        credentials.load_shared("ipsec-1", tunnel(secret=None))


A, B, C = {"name": "a"}, {"name": "b"}, {"name": "c"}
V1: dict[str, Any] = {"peer": "192.0.2.9", "ike": {"version": "ikev1"}}
INITIATOR: dict[str, Any] = {"peer": "192.0.2.9", "initiator": True}


@pytest.mark.parametrize(
    ("first", "second", "app_tags"),
    [
        # A hub with one identity and a peer each: the usual case.
        (
            {"local_id": A, "remote_id": B, "secret": KEY_1},
            {"local_id": A, "remote_id": C, "secret": KEY_2},
            [],
        ),
        # The second is open to all and its key is owned by "a", which the first also uses.
        (
            {"local_id": A, "remote_id": B, "secret": KEY_1},
            {"local_id": A, "secret": KEY_2},
            ["secret-shadowed"],
        ),
        (
            {"local_id": A, "secret": KEY_1},
            {"local_id": A, "remote_id": B, "secret": KEY_2},
            ["secret-shadowed"],
        ),
        ({"local_id": A, "remote_id": B, "secret": KEY_1}, {"local_id": C, "secret": KEY_2}, []),
        # One remote identity, two keys: charon would try either for both.
        (
            {"local_id": A, "remote_id": B, "secret": KEY_1},
            {"local_id": C, "remote_id": B, "secret": KEY_2},
            ["secret-shadowed"],
        ),
        (
            {"local_id": A, "remote_id": B, "secret": KEY_1},
            {"local_id": C, "remote_id": B, "secret": KEY_1},
            [],
        ),
        # The peer of the first has the identity that we have in the second.
        (
            {"local_id": A, "remote_id": B, "secret": KEY_1},
            {"local_id": B, "remote_id": C, "secret": KEY_2},
            ["secret-shadowed"],
        ),
        # Equal pairs, whatever the addresses; case does not make another name.
        (
            {"local_id": A, "remote_id": B},
            {"local_id": A, "remote_id": {"name": "B"}, "peer": "192.0.2.9"},
            ["identity-conflict"],
        ),
        ({"local_id": A, "remote_id": B}, {"local_id": A, "remote_id": {"key": "b"}}, []),
        # Open to all: addresses tell them apart, if they differ.
        ({"local_id": A}, {"local_id": A}, ["identity-conflict"]),
        ({"local_id": A}, {"local_id": A, "peer": "192.0.2.9"}, []),
        (
            {"local_id": A, "secret": KEY_1},
            {"local_id": A, "peer": "192.0.2.9", "secret": KEY_2},
            ["secret-shadowed"],
        ),
        (
            {"local_id": A, "secret": KEY_1},
            {"local_id": A, "secret": KEY_2},
            ["identity-conflict", "secret-shadowed"],
        ),
        # charon finds a secret of IKEv1 by the addresses, before it knows who the peer is.
        (V1 | {"remote_id": A, "secret": KEY_1}, V1 | {"remote_id": B, "secret": KEY_2}, ["secret-shadowed"]),
        (V1 | {"remote_id": A, "secret": KEY_1}, V1 | {"remote_id": B, "secret": KEY_1}, []),
        (
            V1 | {"remote_id": A, "secret": KEY_1},
            V1 | {"remote_id": B, "peer": "192.0.2.8", "secret": KEY_2},
            [],
        ),
        (
            V1 | {"local_id": A, "remote_id": B, "secret": KEY_1},
            {"local_id": C, "remote_id": {"inet": "192.0.2.9"}, "secret": KEY_2},
            ["secret-shadowed"],
        ),
        # Whether an IKE SA may be without child charon has to decide by the addresses.
        ({"remote_id": A}, {"remote_id": B, "ike": {"childless": "never"}}, ["childless-conflict"]),
        (
            {"remote_id": A, "ike": {"childless": "force"}},
            {"remote_id": B, "ike": {"childless": "never"}},
            ["childless-conflict"],
        ),
        (
            {"remote_id": A, "ike": {"childless": "never"}},
            {"remote_id": B, "ike": {"childless": "never"}},
            [],
        ),
        ({"remote_id": A, "ike": {"childless": "force"}}, {"remote_id": B}, []),
        ({"remote_id": A}, {"remote_id": B, "peer": "192.0.2.9", "ike": {"childless": "never"}}, []),
        (INITIATOR | {"remote_id": A}, INITIATOR | {"remote_id": B, "ike": {"childless": "never"}}, []),
        (
            INITIATOR | {"remote_id": A},
            {"peer": "192.0.2.9", "remote_id": B, "ike": {"childless": "never"}},
            ["childless-conflict"],
        ),
    ],
)
def test_tunnels_that_shadow_each_other_are_found(first: Any, second: Any, app_tags: list[str]) -> None:
    held, new = claim(1, **first), claim(2, **second)
    found = claims(held).conflicts(frozenset(), [new])
    assert [conflict.app_tag for conflict in found] == app_tags
    assert all((conflict.tunnel, conflict.other) == ("2", "1") for conflict in found)
    # Together in one change they are found just the same.
    assert [conflict.app_tag for conflict in Claims().conflicts(frozenset(), [held, new])] == app_tags


def test_a_tunnel_is_not_in_its_own_way_and_what_is_replaced_is_not_either() -> None:
    index = claims(claim(1, remote_id=B), claim(2, remote_id=C))
    assert index.conflicts(frozenset({"1"}), [claim(1, remote_id=B)]) == []
    swapped = [claim(1, remote_id=C, secret=KEY_1), claim(2, remote_id=B, secret=KEY_2)]
    assert index.conflicts(frozenset({"1", "2"}), swapped) == []


def test_a_conflict_names_both_tunnels_and_no_secret() -> None:
    ((conflict),) = claims(claim(1, remote_id=B, secret=KEY_1)).conflicts(
        frozenset(), [claim(2, local_id=A, remote_id=B, secret=KEY_2)]
    )
    assert "tunnel 1" in conflict.message
    assert "tunnel 2" in conflict.message
    assert KEY_1 not in repr(conflict)
    assert KEY_2 not in repr(conflict)
    assert KEY_1 not in repr(claim(1, secret=KEY_1))


def test_an_open_tunnel_entered_with_the_identity_of_another_tunnels_key_is_noticed() -> None:
    index = claims(claim(1, local_id=A, secret=KEY_1), claim(2, local_id=C, remote_id=B, secret=KEY_2))
    assert index.opened_by_another("1", "B") == "2"
    assert index.opened_by_another("1", "somebody else") is None
    assert index.opened_by_another("2", "b") is None
    assert index.opened_by_another("9", "b") is None


NAMES = st.sampled_from(["a", "b", "c"])
MEMBERS = st.fixed_dictionaries(
    {"local_id": st.builds(lambda n: {"name": n}, NAMES)},
    optional={
        "remote_id": st.builds(lambda n: {"name": n}, NAMES),
        "secret": st.sampled_from([KEY_1, KEY_2]),
        "peer": st.sampled_from(["192.0.2.1", "192.0.2.2"]),
    },
)


@given(st.lists(st.tuples(st.integers(1, 4), st.one_of(st.none(), MEMBERS)), max_size=12), MEMBERS)
def test_the_index_kept_through_changes_equals_one_built_anew(changes: Any, probe: Any) -> None:
    kept, wanted = Claims(), {}
    for id, members in changes:
        if members is None:
            kept.remove(str(id))
            wanted.pop(id, None)
        else:
            wanted[id] = claim(id, **members)
            kept.add(wanted[id])
    anew = claims(*wanted.values())
    assert len(kept) == len(anew)
    for index in (kept, anew):
        assert index._owners.keys() == anew._owners.keys()
        assert index._known.keys() == anew._known.keys()
        assert index._pairs == anew._pairs
    tags = [[c.app_tag for c in index.conflicts(frozenset(), [claim(9, **probe)])] for index in (kept, anew)]
    assert tags[0] == tags[1]


def calls_of_a_check(tunnels: int) -> int:
    """Return how many functions a check of one change calls beside ``tunnels`` others."""
    index = claims(
        *(
            claim(id, local_id=A, remote_id={"name": f"peer{id}"}, secret=f"secret-of-{id:06}")
            for id in range(1, tunnels + 1)
        )
    )
    changed = [claim(1, local_id=A, remote_id={"name": "another"})]
    calls = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    gc.disable()  # whoever watches the collector would be counted with it
    sys.setprofile(count)
    try:
        assert index.conflicts(frozenset({"1"}), changed) == []
    finally:
        sys.setprofile(None)
        gc.enable()
    return calls


def test_a_check_costs_the_same_beside_ten_and_beside_two_thousand_tunnels() -> None:
    assert calls_of_a_check(2000) == calls_of_a_check(10)
