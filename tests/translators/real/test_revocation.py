"""Revoked certificates and CRLs on two strongSwans. Alice looks at bob's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from cryptography import x509

from agent.translator import EntryChange
from tests.lab import Gateway
from tests.translators.authority import Authority
from tests.translators.real.pairs import spis
from tests.translators.real.revoked import Both, crl, held, revocation, state
from tests.translators.real.test_certificates import ROOT, certificate, refused
from tests.translators.tunnels import at_alice, at_bob
from translators.strongswan.model import CERTIFICATES_PATH, CRLS_PATH
from translators.strongswan.protection import hush, nft

pytestmark = pytest.mark.real


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


@pytest.mark.parametrize("held_back", [True, False])
def test_who_authenticates_while_charon_forgets_is_not_refused(
    both: Both, held_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bob comes just when alice's charon has no secret and no key."""
    listed = ROOT.revoke()
    both.alice.commit(crl("root", listed))
    both.up()
    alice, bob = both.alice.gateway, both.bob.gateway
    session = alice.translator.parts.shared.session
    assert session is not None
    together = session.together

    async def with_bob_in_between(requests: Sequence[tuple[str, Mapping[str, object]]]) -> None:
        assert requests[0][0] == "clear-creds"
        await together(requests[:1])
        await asyncio.to_thread(come)
        await together(requests[1:])

    def come() -> None:
        both.again()
        counters = ("retransmissions", "failures")
        bob.wait_for(lambda found: any(found["counters"][name] for name in counters))

    monkeypatch.setattr(session, "together", with_bob_in_between)
    if not held_back:
        monkeypatch.setattr(nft, "listing", _nothing)
        monkeypatch.setattr(hush, "_COMMAND", "list tables\n")
        monkeypatch.setattr(hush, "IN_FORCE_LIMIT_S", 0.1)
    both.alice.commit(crl("root", None, listed))
    bob.wait_status("installed")
    assert (bob.state()["counters"]["failures"] == 0) is held_back


async def _nothing(_table: str) -> None:
    await asyncio.sleep(0)


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
