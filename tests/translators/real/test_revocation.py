"""Revoked certificates, and authorities that are taken away, on two strongSwans. Alice looks at bob's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent.errors import BackendError
from agent.translator import EntryChange
from tests.lab import FAST_RETRANSMIT, Gateway, Lab
from tests.translators.authority import Authority, key_pem, new_key
from tests.translators.publisher import Publisher, published
from tests.translators.real.test_certificates import (
    NAMES,
    ROOT,
    Equipped,
    alices,
    bobs,
    certificate,
    refused,
    subject,
)
from tests.translators.real.test_tunnel import failed_for, spis
from tests.translators.systemctls import sockets_of
from tests.translators.tunnels import Json, at_alice, at_bob
from translators.strongswan.charon.daemon import ManagedCharon
from translators.strongswan.model import (
    CERTIFICATE_STATE_ROOT,
    CERTIFICATES_PATH,
    CRLS_PATH,
    FETCH_PATH,
    REVOCATION_PATH,
)
from translators.strongswan.options import Options
from translators.strongswan.translation.revocation import Mode, Revocation

pytestmark = pytest.mark.real

AS_BOB_SEES_ALICE = {"remote_id": {"dn": "O=ACME, CN=alice"}}


def crl(name: str, pem: str | None, before: str | None = None) -> EntryChange:
    old, new = (None if text is None else {"name": name, "pem": text} for text in (before, pem))
    return EntryChange((name,), f"{CRLS_PATH}[name='{name}']", old, new, CRLS_PATH)


def revocation(mode: str, before: str = "off") -> EntryChange:
    return EntryChange((), REVOCATION_PATH, {"revocation": before}, {"revocation": mode}, REVOCATION_PATH)


def fetch(enabled: bool, timeout: int = 5) -> EntryChange:
    after = {"enabled": enabled, "timeout": timeout}
    return EntryChange((), FETCH_PATH, {"enabled": True, "timeout": 5}, after, FETCH_PATH)


def places(**uris: list[str]) -> EntryChange:
    """Return the change by which the certificate ``root`` gets places to fetch from."""
    before = {"name": "root", "pem": ROOT.pem}
    after = before | {leaf.replace("_", "-"): uri for leaf, uri in uris.items()}
    return EntryChange(("root",), f"{CERTIFICATES_PATH}[name='root']", before, after, CERTIFICATES_PATH)


class Both:
    """Alice and bob with certificates and, after ``up``, a tunnel."""

    def __init__(self, lab: Lab) -> None:
        self.alice = Equipped(lab.alice(FAST_RETRANSMIT), "alice")
        self.bob = Equipped(lab.bob(FAST_RETRANSMIT), "bob")

    def up(self) -> None:
        self.begin()
        self.bob.gateway.wait_status("installed")

    def begin(self) -> None:
        self.alice.tunnel(alices())
        self.bob.tunnel(bobs(**AS_BOB_SEES_ALICE))

    def again(self) -> None:
        """Have bob authenticate anew."""
        self.bob.gateway.run(self.bob.gateway.translator.action(("1",), "restart", {}))

    def is_refused(self, reason: str) -> None:
        self.alice.gateway.wait_for(failed_for(reason))
        self.bob.gateway.wait_for(failed_for("authentication-failed"))
        assert self.alice.gateway.state()["status"] != "installed"

    def renew(self, **places: str) -> str:
        """Give bob another certificate, which says where to look, and return it."""
        pem = ROOT.certify(self.bob.key, subject("bob"), *NAMES["bob"], **places)  # type: ignore[arg-type]
        self.bob.commit(certificate("own", pem, self.bob.pem))
        self.bob.pem = pem
        return pem


@pytest.fixture
def both(lab: Lab) -> Both:
    return Both(lab)


@pytest.fixture
def publisher(lab: Lab) -> Iterator[Publisher]:
    with published(ROOT, lab.alice_ns, "192.168.0.1") as found:
        yield found


def digest(pem: str) -> str:
    loaded = x509.load_pem_x509_certificate(pem.encode())
    return hashlib.sha256(loaded.public_bytes(Encoding.DER)).hexdigest()


def held(gateway: Gateway, kind: str = "X509", flag: str = "CA") -> set[str]:
    """Return the digests of what charon holds."""
    session = gateway.translator.parts.shared.session
    assert session is not None
    return set(gateway.run(session.held(kind, flag)))


def state(gateway: Gateway) -> Json:
    return gateway.run(gateway.translator.root_state(CERTIFICATE_STATE_ROOT))


@pytest.mark.parametrize("mode", ["if-available", "strict"])
def test_a_revoked_certificate_is_refused_and_a_newer_one_accepted(both: Both, mode: str) -> None:
    both.alice.commit(revocation(mode), crl("root", ROOT.revoke(both.bob.pem)))
    both.begin()
    both.is_refused("certificate-revoked")
    both.renew()
    both.bob.gateway.wait_status("installed")


def test_with_off_a_crl_means_nothing(both: Both) -> None:
    both.alice.commit(crl("root", ROOT.revoke(both.bob.pem)))
    both.up()
    assert state(both.alice.gateway)["revocation"] == {"checked": False, "fetching": "disabled"}


def test_strict_without_a_crl_is_refused_with_the_reason_and_if_available_is_not(both: Both) -> None:
    both.alice.commit(revocation("strict"))
    both.begin()
    both.is_refused("revocation-unknown")
    assert "RULE_CRL_VALIDATION" in both.alice.gateway.state()["last-error"]["detail"]
    both.alice.commit(revocation("if-available", "strict"))
    both.bob.gateway.wait_status("installed")


def test_an_expired_crl_is_told_and_strict_is_not_content_with_it(both: Both) -> None:
    old = ROOT.revoke(days=-1, age_days=8)
    both.alice.commit(revocation("strict"), crl("root", old))
    both.begin()
    both.is_refused("revocation-unknown")
    told = [n["yangswan-pki:crl-expiring"] for n in both.alice.gateway.notifications if "crl-exp" in str(n)]
    assert [(one["name"], one["expired"]) for one in told] == [("root", True)]
    (shown,) = state(both.alice.gateway)["crl"]
    assert (shown["issuer"], shown["number"], shown["revoked"]) == ("O=ACME, CN=root", "1", 0)
    assert shown["expired"]
    both.alice.commit(crl("root", ROOT.revoke(number=2), old))
    both.bob.gateway.wait_status("installed")


def test_what_a_commit_revokes_its_undo_does_not(both: Both) -> None:
    """charon by itself never takes a CRL for an older one."""
    first = ROOT.revoke(number=1, age_days=2)
    both.alice.commit(revocation("strict"), crl("root", first))
    both.up()
    gateway = both.alice.gateway
    gateway.run(_commit_and_undo(gateway, crl("root", ROOT.revoke(both.bob.pem, number=2), first)))
    both.again()
    both.bob.gateway.wait_status("installed")
    assert len(held(gateway, "X509_CRL", "")) == 1


async def _commit_and_undo(gateway: Gateway, *changes: EntryChange) -> None:
    plan = await gateway.translator.prepare([*changes])
    await gateway.translator.apply(plan)
    await gateway.translator.undo(plan)


def test_a_crl_that_is_removed_revokes_nothing_and_secrets_and_keys_are_there(both: Both) -> None:
    listed = ROOT.revoke(both.bob.pem)
    both.alice.commit(revocation("if-available"), crl("root", listed))
    both.begin()
    both.is_refused("certificate-revoked")
    other = {"local_subnet": ["10.3.0.0/16"], "remote_subnet": ["10.4.0.0/16"]}
    both.alice.tunnel(at_alice(2, **other))
    both.bob.tunnel(at_bob(2, local_subnet=["10.4.0.0/16"], remote_subnet=["10.3.0.0/16"]))
    both.bob.gateway.wait_status("installed", 2)
    before = spis(both.alice.gateway, 2)
    steps = both.alice.commit(crl("root", None, listed))
    assert steps == ["forget the CRL root"]
    assert held(both.alice.gateway, "X509_CRL", "") == set()
    both.bob.gateway.wait_status("installed")
    assert spis(both.alice.gateway, 2) == before
    gateway = both.bob.gateway
    gateway.run(gateway.translator.action(("2",), "restart", {}))
    gateway.wait_for(lambda found: found["status"] == "installed" and not spis(gateway, 2) & before, 2)


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


@pytest.mark.parametrize("mode", ["off", "if-available", "strict"])
def test_a_crl_is_fetched_from_where_the_certificate_says(
    both: Both, publisher: Publisher, mode: str
) -> None:
    pem = both.renew(crl_uri=publisher.uri)
    publisher.crl = ROOT.revoke(pem)
    if mode != "off":
        both.alice.commit(revocation(mode))
    both.begin()
    if mode == "off":
        both.bob.gateway.wait_status("installed")
        assert publisher.asked == []
        return
    both.is_refused("certificate-revoked")
    assert state(both.alice.gateway)["revocation"] == {"checked": True, "fetching": "enabled"}
    publisher.crl = ROOT.revoke(number=2)
    both.renew(crl_uri=publisher.uri)
    both.bob.gateway.wait_status("installed")
    assert "GET" in publisher.asked


def test_a_crl_is_fetched_from_a_place_of_the_authority(both: Both, publisher: Publisher) -> None:
    publisher.crl = ROOT.revoke()
    both.alice.commit(revocation("strict"), places(crl_uri=[publisher.uri]))
    both.up()
    assert publisher.asked == ["GET"]


def test_an_ocsp_responder_is_asked(both: Both, publisher: Publisher) -> None:
    both.alice.commit(revocation("strict"), places(ocsp_uri=[publisher.uri]))
    both.up()
    assert publisher.asked == ["POST"]
    pem = both.renew(ocsp_uri=publisher.uri)
    publisher.revoked.append(pem)
    both.alice.commit(certificate("root", ROOT.pem, ROOT.pem))
    both.again()
    both.is_refused("certificate-revoked")


def test_a_place_that_does_not_answer_holds_a_peer_up_for_the_time_limit_only(
    both: Both, publisher: Publisher
) -> None:
    publisher.is_silent = True
    both.alice.commit(
        fetch(True, timeout=1),
        revocation("strict"),
        places(ocsp_uri=[publisher.uri]),
        crl("root", ROOT.revoke()),
    )
    both.up()
    assert set(publisher.asked) == {"POST"}
    assert "ocsp check failed, fallback to crl" in both.alice.gateway.log()


def test_strict_asks_of_the_authorities_in_between_too(lab: Lab) -> None:
    below = ROOT.subordinate("CN=below,O=ACME")
    alice = Equipped(lab.alice(FAST_RETRANSMIT), "alice")
    bob = Equipped(lab.bob(FAST_RETRANSMIT), "bob", below)
    of_root = ROOT.revoke()
    alice.commit(certificate("below", below.pem))
    alice.commit(revocation("strict"), crl("below", below.revoke()))
    alice.tunnel(alices(certificate={"own": "own", "trusted-ca": ["root", "below"]}))
    bob.tunnel(bobs(**AS_BOB_SEES_ALICE))
    alice.gateway.wait_for(failed_for("revocation-unknown"))
    alice.commit(crl("root", of_root))
    bob.gateway.wait_status("installed")
    alice.commit(crl("root", ROOT.revoke(below.pem, number=2), of_root))
    bob.gateway.run(bob.gateway.translator.action(("1",), "restart", {}))
    alice.gateway.wait_for(failed_for("certificate-revoked"))


def test_what_may_not_be_fetched_is_not(both: Both, publisher: Publisher) -> None:
    both.alice.commit(fetch(False), revocation("if-available"))
    assert state(both.alice.gateway)["revocation"]["fetching"] == "restart-needed"
    both.alice.gateway.run(both.alice.gateway.translator.rpc("restart-daemon", {}))
    assert state(both.alice.gateway)["revocation"]["fetching"] == "disabled"
    pem = both.renew(crl_uri=publisher.uri)
    publisher.crl = ROOT.revoke(pem)
    both.begin()
    both.bob.gateway.wait_status("installed")
    assert publisher.asked == []


def test_a_charon_that_cannot_look_is_never_told_to_be_strict(lab: Lab, tmp_path: Path) -> None:
    """It would take the condition for fulfilled."""
    alice = Equipped(lab.alice(FAST_RETRANSMIT), "alice")
    session = alice.gateway.translator.parts.shared.session
    assert session is not None
    session.plugins = [one for one in session.plugins if one != "revocation"]
    error = refused(alice.gateway, revocation("strict"))
    assert (error.path, error.app_tag) == (REVOCATION_PATH, "revocation-unavailable")


def test_places_to_fetch_from_need_a_charon_that_fetches(lab: Lab) -> None:
    alice = Equipped(lab.alice(FAST_RETRANSMIT), "alice")
    parts = alice.gateway.translator.parts
    assert parts.shared.session is not None
    parts.shared.session.plugins = [one for one in parts.shared.session.plugins if one != "curl"]
    daemon = parts.trust._daemon
    assert daemon is not None
    daemon.can_fetch = False
    for uris in ({"crl_uri": ["http://192.0.2.1/"]}, {"ocsp_uri": ["http://192.0.2.1/"]}):
        error = refused(alice.gateway, revocation("strict"), places(**uris))
        assert (error.path, error.app_tag) == (FETCH_PATH, "fetch-unavailable")
    assert state(alice.gateway)["revocation"] == {"checked": False, "fetching": "disabled"}
    alice.commit(revocation("if-available"))
    assert state(alice.gateway)["revocation"] == {"checked": True, "fetching": "no-plugin"}


def test_a_crl_that_charon_could_not_use_is_refused(both: Both) -> None:
    gateway = both.alice.gateway
    stranger = Authority("CN=stranger,O=ACME")
    impostor = Authority()
    delta = [x509.DeltaCRLIndicator(1)]
    for wrong, app_tag in (
        (ROOT.pem, "crl-malformed"),
        (stranger.revoke(), "crl-issuer-missing"),
        (impostor.revoke(), "crl-signature-invalid"),
        (ROOT.revoke(key_id=b""), "crl-unsupported"),
        (ROOT.revoke(key_id=b"elsewhere"), "crl-unsupported"),
        (ROOT.revoke(extensions=delta), "crl-unsupported"),
    ):
        error = refused(gateway, crl("x", wrong))
        assert (error.path, error.app_tag) == (f"{CRLS_PATH}[name='x']/pem", app_tag)
    listed = ROOT.revoke()
    both.alice.commit(crl("root", listed))
    assert refused(gateway, crl("again", ROOT.revoke(number=2))).app_tag == "crl-twice"
    assert refused(gateway, certificate("root", None, ROOT.pem)).app_tag == "crl-issuer-missing"
    both.alice.commit(crl("root", None, listed), certificate("root", None, ROOT.pem))
    own = both.alice.pem
    uris = {"name": "own", "pem": own, "crl-uri": ["http://192.0.2.1/"]}
    path = f"{CERTIFICATES_PATH}[name='own']"
    error = refused(
        gateway, EntryChange(("own",), path, {"name": "own", "pem": own}, uris, CERTIFICATES_PATH)
    )
    assert (error.path, error.app_tag) == (f"{path}/crl-uri", "certificate-not-ca")


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
