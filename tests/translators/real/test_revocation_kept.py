"""What charon holds of authorities, CRLs and keys after restarts, changes and others that meddle."""

from __future__ import annotations

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent.errors import BackendError
from agent.translator import EntryChange
from tests.lab import FAST_RETRANSMIT, Lab
from tests.translators.authority import Authority, key_pem, new_key
from tests.translators.real.pairs import failed_for
from tests.translators.real.revoked import AS_BOB_SEES_ALICE, Both, crl, held, revocation, state
from tests.translators.real.test_certificates import NAMES, ROOT, Equipped, alices, bobs, certificate, subject
from tests.translators.systemctls import sockets_of
from tests.translators.tunnels import Json
from translators.strongswan.charon.daemon import ManagedCharon
from translators.strongswan.model import CERTIFICATES_PATH, CRLS_PATH, REVOCATION_PATH
from translators.strongswan.options import Options
from translators.strongswan.translation.revocation import Mode, Revocation

pytestmark = pytest.mark.real


def digest(pem: str) -> str:
    loaded = x509.load_pem_x509_certificate(pem.encode())
    return hashlib.sha256(loaded.public_bytes(Encoding.DER)).hexdigest()


def test_crls_are_loaded_again_after_the_daemon_and_the_agent(lab: Lab, both: Both) -> None:
    listed = ROOT.revoke(both.bob.pem)
    both.alice.commit(revocation("strict"), crl("root", listed))
    both.begin()
    both.is_refused("certificate-revoked")
    both.alice.gateway.run(both.alice.gateway.translator.rpc("restart-daemon", {}))
    assert len(held(both.alice.gateway, "X509_CRL", "")) == 1
    both.is_refused("certificate-revoked")
    both.alice.gateway.crash()
    again = lab.alice(FAST_RETRANSMIT)
    for path, entries in (
        (CERTIFICATES_PATH, {("own",): both.alice.pem, ("root",): ROOT.pem}),
        (CRLS_PATH, {("root",): listed}),
    ):
        again.translator.know(path, {key: {"name": key[0], "pem": pem} for key, pem in entries.items()})
    again.translator.know(REVOCATION_PATH, {(): {"revocation": "strict"}})
    again.start(alices())
    again.wait_for(failed_for("certificate-revoked"))
    assert len(held(again, "X509_CRL", "")) == 1


def test_what_somebody_takes_from_charon_is_given_back(lab: Lab) -> None:
    alice = Equipped(lab.alice({**FAST_RETRANSMIT, "audit-interval": 0.2}), "alice")
    alice.commit(crl("root", ROOT.revoke()))
    alice.tunnel(alices())
    gateway = alice.gateway
    (name,) = gateway.vici("get-authorities")["authorities"]
    gateway.vici("clear-creds")
    gateway.vici("unload-authority", {"name": name})
    gateway.wait_for(lambda _state: gateway.vici("get-authorities").get("authorities") == [name])
    gateway.wait_for(lambda _state: held(gateway, "X509_CRL", ""))


def test_an_authority_that_is_removed_is_trusted_no_more(lab: Lab) -> None:
    other = Authority("CN=other,O=Other")
    alice = Equipped(lab.alice(FAST_RETRANSMIT), "alice")
    bob = Equipped(lab.bob(FAST_RETRANSMIT), "bob", other)
    alice.commit(certificate("other", other.pem))
    alice.tunnel(alices(certificate={"own": "own", "trusted-ca": ["root", "other"]}))
    bob.tunnel(bobs(**AS_BOB_SEES_ALICE))
    bob.gateway.wait_status("installed")
    assert held(alice.gateway) == {digest(ROOT.pem), digest(other.pem)}
    # In one commit, as a person does it.
    entry = alice.gateway.entries["1"]
    both = [change_of(entry, alices()), certificate("other", None, other.pem)]
    steps = alice.commit(*both)
    assert [step.rsplit("-", 1)[0] for step in steps[:1]] == ["unload the authority ipsec-ca-other"]
    assert held(alice.gateway) == {digest(ROOT.pem)}
    bob.gateway.wait_for(failed_for("authentication-failed"))
    assert alice.gateway.state()["status"] != "installed"
    # And with a certificate of the other one it works at once: the own certificate and key are there.
    good = ROOT.certify(bob.key, subject("bob"), *NAMES["bob"])
    bob.commit(certificate("own", good, bob.pem))
    bob.gateway.wait_status("installed")


def change_of(before: Json, after: Json) -> EntryChange:
    return EntryChange(("1",), "/yangswan-ipsec:tunnels/ipsec[id='1']", before, after)


def test_an_authority_stays_while_it_is_configured_and_no_longer(both: Both) -> None:
    both.up()
    gateway = both.alice.gateway
    cleared = gateway.log().count("loaded ")
    gateway.commit(delete=(1,))
    assert gateway.log().count("loaded ") == cleared, "secrets and keys of others are left alone"
    both.alice.commit(certificate("root", None, ROOT.pem))
    assert held(gateway) == set()
    both.alice.commit(certificate("root", ROOT.pem))
    gateway.commit(alices())
    assert held(gateway) == {digest(ROOT.pem)}
    both.bob.gateway.wait_status("installed")


def test_the_key_that_was_imported_stays_with_charon_when_it_forgets(both: Both) -> None:
    both.up()
    extra = new_key()
    gateway = both.alice.gateway
    gateway.run(gateway.translator.rpc("import-private-key", {"name": "extra", "pem": key_pem(extra)}))
    keys = set(gateway.vici("get-keys")["keys"])
    gateway.commit(delete=(1,))
    both.alice.commit(certificate("root", None, ROOT.pem))
    assert held(gateway) == set()
    assert set(gateway.vici("get-keys")["keys"]) == keys
    assert len(keys) == 2


def test_an_external_charon_is_not_made_to_forget_what_others_gave_it(lab: Lab) -> None:
    owner = lab.alice()
    looks = Revocation(Mode.IF_AVAILABLE)
    owner.run(ManagedCharon(owner.folder, Options.parse(FAST_RETRANSMIT), revocation=lambda: looks).start())
    guest = lab.external(lab.alice_ns, "guest", {**sockets_of(owner.folder), **FAST_RETRANSMIT})
    alice, bob = Equipped(guest, "alice"), Equipped(lab.bob(FAST_RETRANSMIT), "bob")
    owner.vici("load-shared", {"id": "theirs", "type": "IKE", "data": "a-secret-of-others", "owners": ["x"]})
    listed = ROOT.revoke(bob.pem)
    alice.commit(revocation("strict"), crl("root", listed))
    alice.tunnel(alices())
    bob.tunnel(bobs(**AS_BOB_SEES_ALICE))
    guest.wait_for(failed_for("certificate-revoked"))
    alice.commit(crl("root", None, listed))
    assert state(guest)["revocation"] == {
        "checked": True,
        "fetching": "enabled",
        "kept": ["a CRL of O=ACME, CN=root"],
    }
    assert owner.vici("get-shared")["keys"] == ["theirs"]


def test_a_change_that_charon_refuses_leaves_it_as_it_was(both: Both) -> None:
    both.up()
    gateway = both.alice.gateway
    changes = [revocation("strict"), crl("root", ROOT.revoke(both.bob.pem))]
    with pytest.raises(BackendError):
        gateway.run(gateway._commit_broken(changes, "ipsec-1"))
    assert held(gateway, "X509_CRL", "") == set()
    assert "enable_crl = no" in (gateway.folder / "strongswan.conf").read_text()
    assert state(gateway)["revocation"] == {"checked": False, "fetching": "disabled"}
    both.again()
    both.bob.gateway.wait_status("installed")
