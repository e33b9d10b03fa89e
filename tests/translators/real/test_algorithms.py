"""Every keyword of the model, negotiated by two strongSwans and read back as it was configured."""

from __future__ import annotations

from itertools import cycle

import pytest

from tests.lab import Gateway, Lab, carries
from tests.translators.tunnels import Json, at_alice, at_bob
from translators.strongswan.translation.proposals import CIPHERS, GROUPS, INTEGRITY, PRFS

pytestmark = pytest.mark.real

IKE_DEFAULT = {"version": "2", "proposals": ["default"]}


def suites() -> list[tuple[Json, Json]]:
    """Return (ike, esp) proposals that hold every keyword of the model at least once."""
    auths, groups = cycle(INTEGRITY), cycle(GROUPS)
    prfs = cycle(prf for prf in PRFS if prf != "prfsha1")
    found = []
    for cipher in CIPHERS.values():
        ike: Json = {"priority": 1, "cipher": cipher.keyword, "dh": next(groups)}
        esp: Json = {"priority": 1, "cipher": cipher.keyword, "dh": ike["dh"]}
        if cipher.aead:
            ike["prf"] = next(prfs)
        else:
            ike["auth"] = esp["auth"] = next(auths)
        found.append((ike, esp))
    return found


def test_the_suites_hold_every_keyword() -> None:
    used = {value for ike, _esp in suites() for value in ike.values()}
    assert used >= {*CIPHERS, *INTEGRITY, *GROUPS, *PRFS} - {"prfsha1"}


def in_use(gateway: Gateway) -> tuple[Json, Json]:
    state = gateway.wait_status("installed")
    (child,) = (sa for sa in state["child-sa"] if sa["state"] == "installed")
    (ike,) = (sa for sa in state["ike-sa"] if sa["state"] == "established")
    return ike, child


def test_every_keyword_is_negotiated_and_read_back_as_it_was_configured(lab: Lab) -> None:
    alice, bob = lab.both()
    for ike, esp in suites():
        proposals = {"ike": {"proposal": [ike]}, "esp": {"proposal": [esp]}}
        alice.commit(at_alice(**proposals))
        bob.commit(at_bob(**proposals))
        bob.vici("rekey", {"child": "ipsec-1"}) if bob.wait_status("installed") else None
        for gateway in (alice, bob):
            gateway.wait_for(lambda state: any("dh" in sa for sa in state.get("child-sa", ())))
            gateway.wait_for(one_child)
            ike_sa, child = in_use(gateway)
            assert {leaf: ike_sa.get(leaf) for leaf in ike if leaf != "priority"} == without_priority(ike)
            assert {leaf: child.get(leaf) for leaf in esp if leaf != "priority"} == without_priority(esp)


def one_child(state: Json) -> bool:
    return [sa["state"] for sa in state["child-sa"]].count("installed") == 1


def without_priority(proposal: Json) -> Json:
    return {leaf: value for leaf, value in proposal.items() if leaf != "priority"}


def foreign(gateway: Gateway, local: str, remote: str, owner: str, secret: str, **ends: str) -> None:
    """Give a charon a connection behind its translator's back, with strongSwan's own defaults."""
    gateway.vici("load-shared", {"id": "foreign", "type": "IKE", "data": secret, "owners": [owner]})
    connection = {
        "version": "2",
        "local_addrs": [ends.get("local_address", "192.168.0.2")],
        "remote_addrs": ["192.168.0.1"],
        "local": {"auth": "psk", "id": local},
        "remote": {"auth": "psk", "id": remote},
        "children": {"foreign": {"local_ts": ["10.2.0.0/16"], "remote_ts": ["10.1.0.0/16"]}},
    }
    gateway.vici("load-conn", {"foreign": connection})


def test_the_automatic_proposals_suit_a_peer_with_the_daemons_defaults_also_when_rekeying(lab: Lab) -> None:
    alice, bob = lab.alice(), lab.bob()
    secret = "right-secret-0001"
    alice.start(at_alice())
    bob.start()
    foreign(bob, "fqdn:bob1", "fqdn:alice1", "fqdn:alice1", secret)
    bob.vici("initiate", {"ike": "foreign", "child": "foreign", "timeout": "-1"})
    first = alice.wait_status("installed")["child-sa"][0]["unique-id"]
    alice.vici("rekey", {"child": "ipsec-1"})
    alice.wait_for(lambda state: one_child(state) and newest(state)["unique-id"] != first)
    second = newest(alice.state())["unique-id"]
    bob.vici("rekey", {"child": "foreign"})
    alice.wait_for(lambda state: one_child(state) and newest(state)["unique-id"] != second)
    assert carries(lab.alice_ns, "10.1.0.1", lab.bob_ns, "10.2.0.1")


def newest(state: Json) -> Json:
    return max((sa for sa in state["child-sa"] if sa["state"] == "installed"), key=lambda sa: sa["unique-id"])
