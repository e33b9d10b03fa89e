"""Lists of revoked certificates, and what charon is to hold of authorities and of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from textwrap import indent
from typing import Any

import pytest
from cryptography import x509

from tests.translators.authority import Authority
from tests.translators.translation.test_desired import desired
from tests.translators.tunnels import tunnel
from translators.strongswan.pki.expiry import CRL_DAYS_BEFORE, Told
from translators.strongswan.translation import certificates, revocation
from translators.strongswan.translation.desired import Desired
from translators.strongswan.translation.refusals import Refused
from translators.strongswan.translation.revocation import Crl, Mode, Revocation, Trust

ROOT, OTHER = Authority(), Authority("CN=other,O=ACME")
KEY_DIGEST = certificates.parse(ROOT.pem).key_digest
BY_NAME = {"root": certificates.parse(ROOT.pem), "other": certificates.parse(OTHER.pem)}
CERTIFIED = {"secret": None, "certificate": {"own": "own", "trusted-ca": ["root"]}, "local_id": {}}


def parsed(**how: Any) -> Crl:
    return revocation.parse(ROOT.revoke(**how))


def test_what_a_crl_says() -> None:
    found = revocation.parse(ROOT.revoke(ROOT.pem, OTHER.pem, number=4097))
    assert (found.issuer, found.number, found.revoked) == ("O=ACME, CN=root", 4097, 2)
    assert found.issuer_key_id == BY_NAME["root"].key_id
    assert found.next_update is not None
    assert found.this_update < datetime.now(UTC) < found.next_update
    assert not found.is_expired(datetime.now(UTC))
    assert found.is_expired(found.next_update)


def test_an_indented_crl_is_the_same() -> None:
    pem = ROOT.revoke()
    assert revocation.parse("\n  " + indent(pem, "      ")) == revocation.parse(pem)


@pytest.mark.parametrize(
    ("pem", "app_tag"),
    [
        (ROOT.pem, "crl-malformed"),
        (ROOT.revoke() * 2, "crl-malformed"),
        ("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----", "crl-malformed"),
        (ROOT.revoke(key_id=b""), "crl-unsupported"),
        (ROOT.revoke(extensions=[x509.DeltaCRLIndicator(1)]), "crl-unsupported"),
    ],
)
def test_what_is_no_crl_that_charon_could_use_is_refused(pem: str, app_tag: str) -> None:
    with pytest.raises(Refused) as refused:
        revocation.parse(pem)
    assert (refused.value.leaf, refused.value.app_tag) == ("pem", app_tag)


def test_a_crl_that_fits_no_message_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocation, "CRL_OCTETS_MAX", 100)
    with pytest.raises(Refused, match="crl-uri") as refused:
        parsed()
    assert refused.value.app_tag == "crl-too-large"


def test_a_crl_is_of_an_authority_that_has_signed_it() -> None:
    revocation.check_issuer(parsed(), BY_NAME.values())
    for crl, app_tag in (
        (revocation.parse(Authority("CN=stranger").revoke()), "crl-issuer-missing"),
        (revocation.parse(Authority().revoke()), "crl-signature-invalid"),
        (parsed(key_id=b"elsewhere"), "crl-unsupported"),
    ):
        with pytest.raises(Refused) as refused:
            revocation.check_issuer(crl, BY_NAME.values())
        assert refused.value.app_tag == app_tag


def test_places_to_fetch_from_are_of_authorities() -> None:
    uris = {"crl-uri": ["http://a.example/"], "ocsp-uri": ["http://b.example/"]}
    found = certificates.of_entry({"pem": ROOT.pem, **uris})
    assert (found.crl_uris, found.ocsp_uris) == (("http://a.example/",), ("http://b.example/",))
    (message,) = revocation.trust({"root": found}, {}).authorities.values()
    assert message["crl_uris"] == ["http://a.example/"]
    assert message["ocsp_uris"] == ["http://b.example/"]


def test_a_name_in_charon_stands_for_what_was_loaded_under_it() -> None:
    plain = certificates.of_entry({"pem": ROOT.pem})
    placed = certificates.of_entry({"pem": ROOT.pem, "crl-uri": ["http://a.example/"]})
    names = {
        name
        for found in (plain, placed, certificates.parse(ROOT.renewed()))
        for name in revocation.trust({"root": found}, {}).authorities
    }
    assert len(names) == 3
    assert all(name.startswith("ipsec-ca-root-") for name in names)


def trusting(*entries: Any, mode: Mode = Mode.OFF, plugins: Any = None) -> Desired:
    made = Desired(lambda: {KEY_DIGEST})
    made.certificates = {**BY_NAME, "own": certificates.parse(ROOT.pem)}
    made.revocation = Revocation(mode)
    made.plugins = plugins
    made.replace({str(entry["id"]): entry for entry in entries})
    return made


def trusted(made: Desired, **changed: Any) -> list[str]:
    entries = {name.removeprefix("t"): entry for name, entry in changed.items()}
    found = made.trust(entries, made.certificates, {}).authorities
    return [name.removeprefix("ipsec-ca-").rsplit("-", 1)[0] for name in found]


def test_what_enabled_tunnels_trust_is_trusted_and_nothing_else() -> None:
    assert trusted(trusting()) == []
    made = trusting(tunnel(1, **CERTIFIED))
    assert trusted(made) == ["root"]
    assert trusted(made, t1=None) == []
    assert trusted(made, t1=tunnel(1, **{**CERTIFIED, "enabled": False})) == []
    both = {"own": "own", "trusted-ca": ["root", "other"]}
    assert trusted(made, t2=tunnel(2, **{**CERTIFIED, "certificate": both})) == ["root", "other"]
    assert trusted(desired(tunnel(1))) == []


@pytest.mark.parametrize("mode", list(Mode))
def test_strict_alone_is_a_condition_of_the_connection(mode: Mode) -> None:
    made = trusting(tunnel(1, **CERTIFIED), tunnel(2, remote_id={"name": "b"}), mode=mode)
    remote = made.messages["1"].ike["remote"]
    assert isinstance(remote, dict)
    assert remote.get("revocation") == ("strict" if mode is Mode.STRICT else None)
    other = made.messages["2"].ike["remote"]
    assert isinstance(other, dict)
    assert "revocation" not in other


def test_a_charon_that_cannot_look_does_not_get_a_tunnel_that_is_strict() -> None:
    """It would take the condition for fulfilled."""
    made = trusting(tunnel(1, **CERTIFIED), mode=Mode.STRICT, plugins=["vici"])
    assert made.refused == {"1"}
    assert made.messages == {}
    assert trusting(tunnel(1, **CERTIFIED), mode=Mode.STRICT, plugins=["revocation"]).refused == set()
    assert trusting(tunnel(1, **CERTIFIED), mode=Mode.IF_AVAILABLE, plugins=["vici"]).refused == set()


def test_the_settings_as_they_are_configured() -> None:
    assert Revocation.of(None, None) == Revocation(Mode.OFF, fetch=True, timeout_s=5)
    strict = Revocation().changed({"revocation": "strict"}, None)
    assert strict == Revocation(Mode.STRICT)
    assert strict.changed(None, {"enabled": False, "timeout": 9}) == Revocation(Mode.STRICT, False, 9)
    assert strict.changed({}, {}) == Revocation()
    assert [one.checks for one in (Revocation(), strict)] == [False, True]


def test_a_change_is_described() -> None:
    before = revocation.trust({"root": BY_NAME["root"]}, {"a": parsed()})
    after = revocation.trust({"other": BY_NAME["other"]}, {"a": parsed(number=2), "b": parsed()})
    lines = [line.rsplit("-", 1)[0] for line in revocation.differences(before, after)]
    assert lines == [
        "load the authority ipsec-ca-other",
        "load the CRL a",
        "load the CRL b",
        "unload the authority ipsec-ca-root",
    ]
    assert revocation.differences(after, Trust())[-2:] == ["forget the CRL a", "forget the CRL b"]
    assert revocation.differences(before, before) == []


def test_that_a_crl_ends_is_told_in_the_last_quarter_of_its_time() -> None:
    long, short = parsed(days=40, age_days=0), parsed(days=1, age_days=0)
    for crl, stages in ((long, CRL_DAYS_BEFORE), (short, (0,))):
        assert crl.next_update is not None
        told, heard = Told(), []
        for days in range(40, -3, -1):
            now = crl.next_update - timedelta(days=days, seconds=-1)
            heard += [days for _name in told.due({"x": crl}, now)]
        assert heard == [*stages]
