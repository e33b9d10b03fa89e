"""Who is let in, and who is not, with real strongSwans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.agent.lab import errors_of
from tests.lab import Gateway, Lab
from tests.translators.real.test_algorithms import foreign
from tests.translators.tunnels import Json, at_alice, at_bob

pytestmark = pytest.mark.real

# (identity in the model, the same as strongSwan itself would be configured with it)
IDENTITIES: list[tuple[Json, str]] = [
    ({"inet": "192.0.2.7"}, "192.0.2.7"),
    ({"inet": "2001:db8::7"}, "2001:db8::7"),
    ({"name": "bob.example.com"}, "fqdn:bob.example.com"),
    ({"name": "bob@work"}, "fqdn:bob@work"),
    ({"name": "10.0.0.1"}, "fqdn:10.0.0.1"),
    ({"email": "bob@example.com"}, "email:bob@example.com"),
    ({"key": "my_vpn_key"}, "keyid:my_vpn_key"),
    ({"key": "a key, with = and /"}, "keyid:a key, with = and /"),
    ({"dn": "CN=John Doe, OU=IT, O=Company"}, "CN=John Doe, OU=IT, O=Company"),
    ({"dn": "C=SE,O=ACME/Nordic, CN=b, E=b@example.com"}, "C=SE, O=ACME/Nordic, CN=b, E=b@example.com"),
    (
        {"dn": "O=" + "x" * 60 + ", OU=" + "y" * 60 + ", CN=bob"},
        "O=" + "x" * 60 + ", OU=" + "y" * 60 + ", CN=bob",
    ),
]


@pytest.fixture
def gateways(lab: Lab) -> tuple[Gateway, Gateway]:
    return lab.both()


def test_each_identity_type_is_what_strongswan_itself_takes_it_for(gateways: tuple[Gateway, Gateway]) -> None:
    alice, bob = gateways
    for configured, native in IDENTITIES:
        alice.commit(at_alice(remote_id=configured))
        foreign(bob, native, "fqdn:alice1", "fqdn:alice1", "right-secret-0001")
        bob.vici("initiate", {"ike": "foreign", "child": "foreign", "timeout": "-1"})
        alice.wait_status("installed")
        alice.commit(delete=(1,))


def test_each_identity_type_is_presented_and_accepted(gateways: tuple[Gateway, Gateway]) -> None:
    alice, bob = gateways
    for configured, _native in IDENTITIES:
        alice.commit(at_alice(remote_id=configured))
        bob.commit(at_bob(local_id=configured))
        bob.wait_status("installed")
        alice.commit(delete=(1,))
        bob.commit(delete=(1,))


@pytest.mark.parametrize(
    ("expected", "presented"),
    [
        ({"name": "bob1"}, {"name": "bob2"}),
        ({"name": "bob1"}, {"key": "bob1"}),
        ({"key": "bob1"}, {"key": "BOB1"}),
        ({"inet": "192.0.2.7"}, {"name": "192.0.2.7"}),
        ({"email": "bob@example.com"}, {"name": "bob@example.com"}),
        ({"dn": "CN=bob"}, {"dn": "CN=bob, O=x"}),
    ],
    ids=str,
)
def test_another_identity_is_refused_with_the_reason_in_state(
    gateways: tuple[Gateway, Gateway], expected: Json, presented: Json
) -> None:
    alice, bob = gateways
    alice.commit(at_alice(remote_id=expected))
    bob.commit(at_bob(local_id=presented))
    state = bob.wait_for(lambda state: "last-error" in state)
    assert state["last-error"]["reason"] == "authentication-failed"
    assert alice.sas("ipsec-1") == []


def test_without_identities_the_addresses_are_the_identities(gateways: tuple[Gateway, Gateway]) -> None:
    alice, bob = gateways
    alice.commit(at_alice(local_id=None, remote_id=None))
    bob.commit(at_bob(local_id=None, remote_id=None))
    state = bob.wait_status("installed")
    assert (state["ike-sa"][0]["local-id"], state["ike-sa"][0]["remote-id"]) == ("192.168.0.2", "192.168.0.1")


def test_a_responder_accepts_any_peer_and_any_identity(gateways: tuple[Gateway, Gateway]) -> None:
    alice, bob = gateways
    alice.commit(at_alice(peer=None, remote_id=None, remote_subnet=None, local_id={"name": "alice"}))
    bob.commit(at_bob(local_id={"key": "whoever"}, remote_id={"name": "alice"}, local_subnet=None))
    state = alice.wait_status("installed")
    assert state["remote-address-in-use"] == "192.168.0.2"


# --- one peer's key must not open another's tunnel ---


def two_tunnels(**ends: Any) -> tuple[Json, Json]:
    """Tunnels to bob and to carol on one gateway with one identity, a key each."""
    to_bob = at_alice(1, local_id={"name": "alice"}, remote_id={"name": "bob"}, secret="key-of-bob-0001")
    to_carol = at_alice(
        2,
        **{
            "local_id": {"name": "alice"},
            "remote_id": {"name": "carol"},
            "remote_subnet": ["10.4.0.0/16"],
            "secret": "key-of-carol-02",
            **ends,
        },
    )
    return to_bob, to_carol


def refused(attempt: Callable[[], object]) -> list[tuple[str | None, str | None, str]]:
    return [(error.app_tag, error.path, error.message) for error in errors_of(attempt)]


def test_a_peer_with_carols_key_cannot_come_as_bob(gateways: tuple[Gateway, Gateway]) -> None:
    alice, impostor = gateways
    alice.commit(*two_tunnels())
    foreign(impostor, "fqdn:bob", "fqdn:alice", "fqdn:alice", "key-of-carol-02")
    impostor.vici("initiate", {"ike": "foreign", "child": "foreign", "timeout": "-1"})
    state = alice.wait_for(lambda state: "last-error" in state, 1)
    assert state["last-error"]["reason"] == "authentication-failed"
    assert "authentication of 'bob' with pre-shared key successful" not in alice.log()
    assert alice.sas() == []


def test_an_open_tunnel_beside_one_with_its_identity_is_refused(gateways: tuple[Gateway, Gateway]) -> None:
    alice, _bob = gateways
    found = refused(lambda: alice.commit(*two_tunnels(remote_id=None)))
    assert [(tag, path) for tag, path, _text in found] == [
        ("secret-shadowed", "/yangswan-ipsec:tunnels/ipsec[id='2']")
    ]
    assert "tunnel 1" in found[0][2]
    assert "tunnel 2" in found[0][2]
    assert alice.vici("get-conns").get("conns", []) == []


def test_a_peer_that_opens_an_open_tunnel_with_anothers_key_is_thrown_out(
    gateways: tuple[Gateway, Gateway],
) -> None:
    alice, impostor = gateways
    open_to_all = at_alice(1, local_id={"name": "open"}, remote_id=None, secret="key-of-all-0001")
    to_carol = at_alice(2, peer="192.168.0.77", remote_id={"name": "carol"}, secret="key-of-carol-02")
    alice.commit(open_to_all, to_carol)
    foreign(impostor, "fqdn:carol", "fqdn:open", "fqdn:open", "key-of-carol-02")
    impostor.vici("initiate", {"ike": "foreign", "child": "foreign", "timeout": "-1"})
    state = alice.wait_for(lambda state: "last-error" in state)
    assert state["last-error"]["reason"] == "identity-conflict"
    alice.wait_for(lambda _state: alice.sas() == [])


def test_two_tunnels_between_the_same_identities_are_refused(gateways: tuple[Gateway, Gateway]) -> None:
    alice, _bob = gateways
    alice.commit(at_alice(1))
    same = at_alice(2, local_id={"name": "alice1"}, remote_id={"name": "BOB1"})
    assert [tag for tag, _path, _text in refused(lambda: alice.commit(same))] == ["identity-conflict"]


def test_an_algorithm_that_charon_has_not_loaded_is_refused(gateways: tuple[Gateway, Gateway]) -> None:
    alice, _bob = gateways
    translator = alice.translator
    assert translator.parts.shared.session is not None
    loaded = translator.parts.shared.session.algorithms
    groups = "ke" if "ke" in loaded else "dh"  # since strongSwan 6.0, and before
    translator.parts.shared.desired.available = {**loaded, groups: frozenset({"MODP_2048"})}
    ike = {"proposal": [{"priority": 3, "cipher": "aes128", "auth": "sha256", "dh": "x25519"}]}
    ((tag, path, _text),) = refused(lambda: alice.commit(at_alice(ike=ike)))
    assert tag == "algorithm-not-loaded"
    assert path == "/yangswan-ipsec:tunnels/ipsec[id='1']/ike/proposal[priority='3']/dh"
