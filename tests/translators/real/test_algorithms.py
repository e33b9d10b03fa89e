"""Every keyword of the model, negotiated by two strongSwans and read back as it was configured."""

from __future__ import annotations

from itertools import cycle

import pytest

from agent.errors import RpcErrors
from tests.lab import Gateway, Lab, carries
from tests.translators.tunnels import Json, at_alice, at_bob
from translators.strongswan.translation.proposals import CIPHERS, GROUPS, INTEGRITY, KEY_EXCHANGES, PRFS

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


FURTHER = (["ecp384"], ["mlkem768"], ["mlkem1024", "curve448"])


def with_further(words: list[str]) -> Json:
    """Return proposals for both phases with these key exchanges after x25519."""
    both: Json = {"priority": 1, "cipher": "aes256gcm16", "dh": "x25519", "ke": words}
    return {"ike": {"proposal": [{**both, "prf": "prfsha384"}]}, "esp": {"proposal": [both]}}


def are_refused(gateway: Gateway, words: list[str], tag: str) -> None:
    """See a commit with these key exchanges refused: charon would take them, and never come up."""
    print(f"this strongSwan lacks them: {tag}")
    with pytest.raises(RpcErrors) as raised:
        gateway.commit(at_alice(**with_further(words)))
    assert {error.app_tag for error in raised.value.errors} == {tag}
    entry = "/yangswan-ipsec:tunnels/ipsec[id='1']"
    assert {str(error.path).partition("/ke")[0] for error in raised.value.errors} == {
        f"{entry}/{phase}/proposal[priority='1']" for phase in ("ike", "esp")
    }
    assert gateway.vici("get-conns")["conns"] == []


def refusal(gateway: Gateway, words: list[str]) -> str | None:
    """Return the app-tag for proposals with key exchanges that the charon of ``gateway`` lacks."""
    known = gateway.vici("get-algorithms").get("ke")
    if known is None:
        return "ke-not-supported"
    return None if {KEY_EXCHANGES[word].name for word in words} <= {*known} else "algorithm-not-loaded"


@pytest.mark.parametrize("words", FURTHER, ids="-".join)
def test_additional_key_exchanges_are_negotiated_and_again_by_each_rekeying_or_refused(
    lab: Lab, words: list[str]
) -> None:
    alice, bob = lab.both()
    if tag := refusal(alice, words):
        are_refused(alice, words, tag)
        return
    alice.commit(at_alice(**with_further(words)))
    bob.commit(at_bob(**with_further(words)))
    bob.wait_status("installed")
    first = newest_of(bob.state(), "ike-sa")
    assert (first["dh"], first["ke"]) == ("x25519", words)
    bob.vici("rekey", {"child": "ipsec-1"})
    bob.vici("rekey", {"ike": "ipsec-1"})
    for gateway in (alice, bob):
        state = gateway.wait_for(
            lambda state: (
                one_child(state)
                and "ke" in newest(state)
                and newest_of(state, "ike-sa")["unique-id"] != first["unique-id"]
                and newest_of(state, "ike-sa")["state"] == "established"
            )
        )
        assert (newest(state)["dh"], newest(state)["ke"]) == ("x25519", words)
        assert newest_of(state, "ike-sa")["ke"] == words
    assert carries(lab.alice_ns, "10.1.0.1", lab.bob_ns, "10.2.0.1")


def test_proposals_without_them_are_there_for_a_peer_that_has_none(lab: Lab) -> None:
    alice, bob = lab.both()
    if tag := refusal(alice, ["ecp384"]):
        are_refused(alice, ["ecp384"], tag)
        return
    hybrid = with_further(["ecp384"])
    plain = with_further([])
    either = {
        phase: {"proposal": [*hybrid[phase]["proposal"], {**plain[phase]["proposal"][0], "priority": 2}]}
        for phase in hybrid
    }
    alice.commit(at_alice(**plain))
    bob.commit(at_bob(**either))
    bob.wait_status("installed")
    assert "ke" not in newest_of(bob.state(), "ike-sa")


def newest_of(state: Json, sas: str) -> Json:
    return max(state[sas], key=lambda sa: sa["unique-id"])
