"""Where charon fetches CRLs and asks responders of OCSP, and what it does when nobody answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import FAST_RETRANSMIT, Lab
from tests.translators.publisher import Publisher
from tests.translators.real.pairs import failed_for
from tests.translators.real.revoked import AS_BOB_SEES_ALICE, Both, crl, fetch, places, revocation, state
from tests.translators.real.test_certificates import ROOT, Equipped, alices, bobs, certificate, refused
from translators.strongswan.model import FETCH_PATH, REVOCATION_PATH

pytestmark = pytest.mark.real


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
