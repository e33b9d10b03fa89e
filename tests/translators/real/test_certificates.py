"""Certificates in place of secrets, on two strongSwans."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.errors import RpcError
from agent.translator import EntryChange
from tests.agent.lab import errors_of
from tests.lab import FAST_RETRANSMIT, Gateway, Lab, carries, change
from tests.translators.authority import Authority, key_pem, new_key
from tests.translators.real.pairs import failed_for, pair, spis
from tests.translators.tunnels import Json, at_alice, at_bob
from translators.strongswan.model import CERTIFICATE_STATE_ROOT, CERTIFICATES_PATH

pytestmark = pytest.mark.real

ROOT = Authority()
NAMES = {
    "alice": ("alice.example.com", "192.168.0.1"),
    "bob": ("bob.example.com", "192.168.0.2", "bob@acme.org"),
}


def subject(who: str) -> str:
    return f"CN={who},O=ACME"


def certificate(name: str, pem: str | None, before: str | None = None) -> EntryChange:
    path = f"{CERTIFICATES_PATH}[name='{name}']"
    old, new = (None if text is None else {"name": name, "pem": text} for text in (before, pem))
    return EntryChange((name,), path, old, new, CERTIFICATES_PATH)


class Equipped:
    """A gateway with a private key, and the certificates ``own`` and ``root``."""

    def __init__(self, gateway: Gateway, who: str, authority: Authority = ROOT, days: float = 365) -> None:
        self.gateway = gateway
        self.key = new_key()
        self.pem = authority.certify(self.key, subject(who), *NAMES[who], days=days)
        gateway.start()
        gateway.run(gateway.translator.rpc("import-private-key", {"name": who, "pem": key_pem(self.key)}))
        self.commit(certificate("own", self.pem), certificate("root", ROOT.pem))

    def commit(self, *changes: EntryChange) -> list[str]:
        return self.gateway.run(self.gateway._commit([*changes]))

    def tunnel(self, *entries: Json) -> None:
        self.gateway.commit(*entries)


CERTIFIED: Json = {"secret": None, "certificate": {"own": "own", "trusted-ca": ["root"]}}


def alices(**members: Any) -> Json:
    return at_alice(**{"local_id": {}, "remote_id": {}, **CERTIFIED, **members})


def bobs(**members: Any) -> Json:
    return at_bob(**{"local_id": {}, "remote_id": {"name": "alice.example.com"}, **CERTIFIED, **members})


def refused(gateway: Gateway, *changes: EntryChange) -> RpcError:
    (error,) = errors_of(lambda: gateway.run(gateway.translator.prepare([*changes])))
    return error


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"local_id": {"name": "alice.example.com"}}, {"remote_id": {"name": "alice.example.com"}}),
        ({"local_id": {"inet": "192.168.0.1"}}, {"remote_id": {}}),
        ({}, {"remote_id": {"dn": "O=ACME, CN=alice"}}),
        (
            {"local_id": {"dn": "O=ACME, CN=alice"}, "remote_id": {"email": "bob@acme.org"}},
            {"remote_id": {"dn": "O=ACME, CN=alice"}, "local_id": {"email": "bob@acme.org"}},
        ),
    ],
    ids=["name", "address", "subject", "email"],
)
def test_a_tunnel_with_certificates_carries_data(ours: Json, theirs: Json, lab: Lab) -> None:
    """Counterpart of strongSwan's ikev2/net2net-cert; kinds of identities of either side."""
    alice, bob = Equipped(lab.alice(), "alice"), Equipped(lab.bob(), "bob")
    alice.tunnel(alices(**ours))
    bob.tunnel(bobs(**theirs))
    bob.gateway.wait_status("installed")
    assert carries(lab.alice_ns, "10.1.0.1", lab.bob_ns, "10.2.0.1")
    assert "with ECDSA" in alice.gateway.log()
    for gateway in (alice.gateway, bob.gateway):
        assert "PRIVATE KEY" not in gateway.log()
        assert CERTIFICATE_STATE_ROOT in gateway.changed_paths


def test_a_certificate_that_fits_no_packet_comes_in_fragments(lab: Lab) -> None:
    """Counterpart of strongSwan's ike/frags-ipv4."""
    alice, bob = Equipped(lab.alice(), "alice"), Equipped(lab.bob(), "bob")
    names = [f"name-{number}.of-a-gateway-with-many-names.example.com" for number in range(60)]
    large = ROOT.certify(alice.key, subject("alice"), *NAMES["alice"], *names)
    alice.commit(certificate("own", large, alice.pem))
    alice.tunnel(alices())
    bob.tunnel(bobs(remote_id={"name": names[-1]}))
    alice.tunnel(alices(local_id={"name": names[-1]}))
    bob.gateway.wait_status("installed")
    assert "EF(3/" in bob.gateway.log()


def test_a_certificate_of_a_subordinate_authority_is_sent_with_that_of_the_authority(lab: Lab) -> None:
    """Counterpart of strongSwan's ikev2/multi-level-ca: bob knows the root alone."""
    below = ROOT.subordinate("CN=below,O=ACME")
    alice = Equipped(lab.alice(), "alice", below)
    bob = Equipped(lab.bob(), "bob")
    alice.commit(certificate("below", below.pem))
    alice.tunnel(alices(certificate={"own": "own", "trusted-ca": ["root", "below"]}))
    bob.tunnel(bobs(remote_id={"dn": "O=ACME, CN=alice"}))
    bob.gateway.wait_status("installed")
    assert "received issuer cert" in bob.gateway.log()


def test_who_has_no_certificate_of_the_authority_or_another_name_is_refused(lab: Lab) -> None:
    alice = Equipped(lab.alice(FAST_RETRANSMIT), "alice")
    bob = Equipped(lab.bob(FAST_RETRANSMIT), "bob", Authority("CN=other,O=Evil"))
    alice.tunnel(alices())
    bob.tunnel(bobs(remote_id={"dn": "O=ACME, CN=alice"}))
    bob.gateway.wait_for(failed_for("authentication-failed"))
    assert alice.gateway.state()["status"] != "installed"
    # With the right one, but as somebody else than alice expects; then as whom she expects.
    good = ROOT.certify(bob.key, subject("bob"), *NAMES["bob"])
    bob.commit(certificate("own", good, bob.pem))
    bob.gateway.wait_status("installed")
    alice.tunnel(alices(remote_id={"name": "carol.example.com"}))
    bob.gateway.wait_for(lambda state: state["status"] == "connecting" and "last-error" in state)
    bob.tunnel(bobs(remote_id={"dn": "O=ACME, CN=alice"}, local_id={"name": "bob.example.com"}))
    alice.tunnel(alices(remote_id={"name": "bob.example.com"}))
    bob.gateway.wait_status("installed")


def test_an_authority_of_one_tunnel_vouches_for_nobody_in_another(lab: Lab) -> None:
    """All authorities are in charon's memory; each tunnel accepts its own alone."""
    other = Authority("CN=other,O=Other")
    alice = Equipped(lab.alice(FAST_RETRANSMIT), "alice")
    bob = Equipped(lab.bob(FAST_RETRANSMIT), "bob", other)
    alice.commit(certificate("other", other.pem))
    elsewhere = {"local_subnet": ["10.8.0.0/16"], "remote_subnet": ["10.9.0.0/16"]}
    others = {"own": "own", "trusted-ca": ["other"]}
    second = at_alice(2, **{"secret": None, "local_id": {}, "certificate": others, **elsewhere})
    alice.tunnel(alices(), second)
    bob.tunnel(bobs(remote_id={"dn": "O=ACME, CN=alice"}))
    bob.gateway.wait_for(failed_for("authentication-failed"))
    assert "constraint check failed" in alice.gateway.log()
    assert alice.gateway.state()["status"] != "installed"


def test_an_expired_certificate_is_refused_by_the_peer_and_told_here(lab: Lab) -> None:
    alice, bob = (
        Equipped(lab.alice(FAST_RETRANSMIT), "alice"),
        Equipped(lab.bob(FAST_RETRANSMIT), "bob", days=-1),
    )
    alice.tunnel(alices())
    bob.tunnel(bobs(remote_id={"dn": "O=ACME, CN=alice"}))
    bob.gateway.wait_for(failed_for("authentication-failed"))
    told = [
        one for note in bob.gateway.notifications for name, one in note.items() if name.endswith("expiring")
    ]
    assert [(one["name"], one["expired"], one["tunnel"]) for one in told] == [("own", True, [])]
    state = bob.gateway.run(bob.gateway.translator.root_state(CERTIFICATE_STATE_ROOT))
    assert {one["name"]: one["expired"] for one in state["certificate"]} == {"own": True, "root": False}
    assert [one["tunnel"] for one in state["certificate"]] == [[1], [1]]


def test_a_renewed_certificate_takes_effect_and_no_other_tunnel_is_touched(lab: Lab) -> None:
    alice, bob = pair(lab, 2)
    for gateway, who in ((alice, "alice"), (bob, "bob")):
        key = new_key()
        gateway.run(gateway.translator.rpc("import-private-key", {"name": who, "pem": key_pem(key)}))
        pem = ROOT.certify(key, subject(who), *NAMES[who])
        gateway.run(gateway._commit([certificate("own", pem), certificate("root", ROOT.pem)]))
    alice.commit(alices())
    bob.commit(bobs(remote_id={"dn": "O=ACME, CN=alice"}))
    bob.wait_status("installed")
    before = spis(bob, 1), spis(bob, 2)
    renewed = ROOT.certify(key, subject("bob"), *NAMES["bob"], days=700)
    steps = bob.run(bob._commit([certificate("own", renewed, pem)]))
    assert steps == [
        "ipsec-1: load the connection",
        "ipsec-1: end the SAs and the IKE SA",
        "ipsec-1: initiate",
    ]
    bob.wait_for(lambda state: state["status"] == "installed" and spis(bob, 1) != before[0])
    assert spis(bob, 2) == before[1]
    bob.vici("rekey", {"child": "ipsec-2"})


def test_everything_that_does_not_fit_is_refused_with_its_path(lab: Lab) -> None:
    alice = Equipped(lab.alice(), "alice")
    gateway = alice.gateway
    entry = "/yangswan-ipsec:tunnels/ipsec[id='1']"

    def tunnel(**certificate: object) -> EntryChange:
        return change(None, alices(certificate={"own": "own", "trusted-ca": ["root"], **certificate}))

    cases = [
        (tunnel(own="none"), f"{entry}/certificate/own", "certificate-missing"),
        (
            tunnel(**{"trusted-ca": ["none"]}),
            f"{entry}/certificate/trusted-ca[.='none']",
            "certificate-missing",
        ),
        (tunnel(**{"trusted-ca": ["own"]}), f"{entry}/certificate/trusted-ca[.='own']", "certificate-not-ca"),
        (tunnel(own="root"), f"{entry}/certificate/own", "private-key-missing"),
        (
            change(None, alices(local_id={"name": "elsewhere.example.com"})),
            f"{entry}/local-id",
            "identity-not-in-certificate",
        ),
        (
            tunnel(**{"trusted-ca": ["below"]}),
            f"{entry}/certificate/trusted-ca[.='below']",
            "certificate-issuer-missing",
        ),
        (tunnel(own="nameless"), f"{entry}/local-id", "identity-not-in-certificate"),
        (certificate("x", "hello"), f"{CERTIFICATES_PATH}[name='x']/pem", "certificate-malformed"),
        (
            certificate("again", ROOT.renewed()),
            f"{CERTIFICATES_PATH}[name='again']/pem",
            "certificate-authority-twice",
        ),
    ]
    nameless = ROOT.certify(alice.key, "", *NAMES["alice"])
    below = ROOT.subordinate("CN=below,O=ACME")
    alice.commit(certificate("nameless", nameless), certificate("below", below.pem))
    for wrong, path, app_tag in cases:
        error = refused(gateway, wrong)
        assert (error.path, error.app_tag) == (path, app_tag)
    # What a tunnel needs is not taken away from it.
    alice.tunnel(alices())
    error = refused(gateway, certificate("own", None, alice.pem))
    assert (error.path, error.app_tag) == (f"{entry}/certificate/own", "certificate-missing")
    with pytest.raises(RpcError) as caught:
        gateway.run(gateway.translator.rpc("delete-private-key", {"name": "alice"}))
    assert caught.value.app_tag == "private-key-in-use"
    alice.tunnel(alices(enabled=False))
    gateway.run(gateway.translator.rpc("delete-private-key", {"name": "alice"}))
    assert gateway.vici("get-keys").get("keys", []) == []
    error = refused(gateway, change(alices(enabled=False), alices()))
    assert error.app_tag == "private-key-missing"


def test_keys_and_certificates_are_there_again_after_the_daemon_and_the_agent(
    lab: Lab, tmp_path: Path
) -> None:
    alice, bob = Equipped(lab.alice(FAST_RETRANSMIT), "alice"), Equipped(lab.bob(FAST_RETRANSMIT), "bob")
    alice.tunnel(alices())
    bob.tunnel(bobs(remote_id={"dn": "O=ACME, CN=alice"}))
    bob.gateway.wait_status("installed")
    bob.gateway.run(bob.gateway.translator.rpc("restart-daemon", {}))
    bob.gateway.wait_status("installed")
    before = spis(bob.gateway)
    bob.gateway.crash()
    again = lab.bob(FAST_RETRANSMIT)
    known = {("own",): {"name": "own", "pem": bob.pem}, ("root",): {"name": "root", "pem": ROOT.pem}}
    again.translator.know(CERTIFICATES_PATH, known)
    again.start(bobs(remote_id={"dn": "O=ACME, CN=alice"}))
    again.wait_status("installed")
    assert spis(again) == before


def test_a_tunnel_that_lost_its_key_works_when_the_key_is_back(lab: Lab) -> None:
    gateway = lab.alice()
    key = new_key()
    pem = ROOT.certify(key, subject("alice"), *NAMES["alice"])
    known = {("own",): {"name": "own", "pem": pem}, ("root",): {"name": "root", "pem": ROOT.pem}}
    gateway.translator.know(CERTIFICATES_PATH, known)
    gateway.start(alices())
    assert gateway.state()["applied"] == "refused"
    assert "no private key" in gateway.state()["last-error"]["detail"]
    gateway.run(gateway.translator.rpc("import-private-key", {"name": "alice", "pem": key_pem(key)}))
    assert gateway.state()["applied"] == "applied"


def test_a_private_key_that_somebody_unloads_is_given_back(lab: Lab) -> None:
    bob = Equipped(lab.bob({**FAST_RETRANSMIT, "audit-interval": 0.2}), "bob")
    bob.tunnel(bobs())
    (key,) = bob.gateway.vici("get-keys")["keys"]
    bob.gateway.vici("unload-key", {"id": key})
    bob.gateway.wait_for(lambda _state: bob.gateway.vici("get-keys").get("keys") == [key])
    bob.gateway.wait_for(lambda state: state["event"][-1]["what"] == "repaired")
    told = [n["yangswan-ipsec:drift-repaired"] for n in bob.gateway.notifications if "drift" in str(n)]
    assert [(one["id"], one["what"]) for one in told] == [(1, "private-key-missing")]


def test_a_renewed_authority_is_trusted_where_its_content_was_replaced(lab: Lab) -> None:
    alice, bob = Equipped(lab.alice(), "alice"), Equipped(lab.bob(), "bob")
    alice.tunnel(alices())
    bob.tunnel(bobs(remote_id={"dn": "O=ACME, CN=alice"}))
    bob.gateway.wait_status("installed")
    before = spis(bob.gateway)
    alice.commit(certificate("root", ROOT.renewed(), ROOT.pem))
    bob.gateway.wait_for(lambda _state: spis(bob.gateway) and not spis(bob.gateway) & before)
    bob.gateway.wait_status("installed")


def test_a_secret_and_certificates_side_by_side(lab: Lab) -> None:
    alice, bob = Equipped(lab.alice(), "alice"), Equipped(lab.bob(), "bob")
    alice.tunnel(alices(), at_alice(2, local_subnet=["10.3.0.0/16"], remote_subnet=["10.4.0.0/16"]))
    bob.tunnel(
        bobs(remote_id={"dn": "O=ACME, CN=alice"}),
        at_bob(2, local_subnet=["10.4.0.0/16"], remote_subnet=["10.3.0.0/16"]),
    )
    for number in (1, 2):
        bob.gateway.wait_status("installed", number)
    assert carries(lab.alice_ns, "10.3.0.1", lab.bob_ns, "10.4.0.1")
