"""What a certificate says, and when to tell that it ends."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from textwrap import indent

import pytest
from cryptography import x509

from tests.translators.authority import Authority, key_pem, new_key
from translators.strongswan.pki import expiry
from translators.strongswan.pki.expiry import DAYS_BEFORE, Told
from translators.strongswan.translation import certificates, revocation
from translators.strongswan.translation.identities import Identity, IdentityKind, local_identity
from translators.strongswan.translation.refusals import Refused

ROOT = Authority()
KEY = new_key()
PEM = ROOT.certify(KEY, "CN=gw1,O=ACME", "gw1.example.com", "gw1@example.com", "192.0.2.1", "2001:db8::1")


def identity(kind: str, text: str) -> Identity:
    return local_identity({"local-id": {kind: text}})


def test_what_a_certificate_says() -> None:
    found = certificates.parse(PEM)
    assert (found.subject, found.issuer) == ("O=ACME, CN=gw1", "O=ACME, CN=root")
    assert not found.is_authority
    assert [(one.kind, one.text) for one in found.alt_names] == [
        (IdentityKind.NAME, "gw1.example.com"),
        (IdentityKind.EMAIL, "gw1@example.com"),
        (IdentityKind.INET, "192.0.2.1"),
        (IdentityKind.INET, "2001:db8::1"),
    ]
    assert found.not_before < datetime.now(UTC) < found.not_after
    assert certificates.parse(ROOT.pem).is_authority
    assert found.key_digest != certificates.parse(ROOT.pem).key_digest


def test_an_indented_certificate_is_the_same() -> None:
    assert certificates.parse("\n   " + indent(PEM, "        ")) == certificates.parse(PEM)
    assert certificates.parse(PEM.replace("\n", "\r\n")) == certificates.parse(PEM)


@pytest.mark.parametrize(
    ("kind", "text", "proven"),
    [
        ("name", "gw1.example.com", True),
        ("name", "GW1.example.com", True),
        ("name", "gw2.example.com", False),
        ("name", "192.0.2.1", False),
        ("email", "gw1@example.com", True),
        ("email", "gw2@example.com", False),
        ("inet", "192.0.2.1", True),
        ("inet", "2001:db8:0::1", True),
        ("inet", "192.0.2.2", False),
        ("dn", "CN=gw1, O=ACME", False),
        ("dn", "O=ACME, CN=gw1", True),
        ("dn", "O=acme, CN=GW1", False),
        ("dn", "O=ACME", False),
        ("dn", "O=ACME, CN=gw1, OU=x", False),
        ("key", "gw1", False),
    ],
)
def test_a_certificate_proves_its_subject_and_its_alternative_names(
    kind: str, text: str, proven: bool
) -> None:
    """The text of RFC 4514, which the authority of the tests takes, begins with the last part; ours is in the
    order of the certificate."""
    assert certificates.parse(PEM).proves(identity(kind, text)) is proven


@pytest.mark.parametrize(
    "pem",
    [
        "",
        "hello",
        PEM + PEM,
        PEM.replace("A", "B"),
        PEM[:200],
        key_pem(KEY),
        PEM + key_pem(KEY),
        key_pem(KEY) + PEM,
        "Issuer: CN=root\n" + PEM,
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\n\x00é\n-----END CERTIFICATE-----",
    ],
)
def test_what_is_not_one_certificate_is_refused(pem: str) -> None:
    with pytest.raises(Refused) as refused:
        certificates.parse(pem)
    assert (refused.value.leaf, refused.value.app_tag) == ("pem", "certificate-malformed")
    assert not re.search(r"[{}]|asn1|https:|Error", refused.value.message)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda pem: pem.replace("\n", "\n#\n", 1), "are not base64, or some are missing"),
        (lambda pem: pem.replace(pem.splitlines()[2] + "\n", ""), "is damaged, cut off, or something else"),
        (lambda pem: "\n".join([*pem.splitlines()[:4], pem.splitlines()[-1]]), "is damaged, cut off"),
        (lambda pem: "\n".join(pem.splitlines()[:: len(pem.splitlines()) - 1]), "is damaged, cut off"),
    ],
)
def test_what_is_damaged_is_said_in_words_for_people(damage: Callable[[str], str], reason: str) -> None:
    crl = Authority().revoke()
    for parse, pem in ((certificates.parse, PEM), (revocation.parse, crl)):
        with pytest.raises(Refused) as refused:
            parse(damage(pem.strip()))
        assert reason in refused.value.message
        assert not re.search(r"[{}]|asn1|https:|Error", refused.value.message)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x01b", "CN=a\\01b"),
        ("a\0b", "CN=a\\00b"),
        ("a\nb", "CN=a\\0Ab"),
        ("a\ufffe", "CN=a\\EF\\BF\\BE"),
        ("\u00e5ngstr\u00f6m", "CN=\u00e5ngstr\u00f6m"),
    ],
)
def test_a_name_that_cannot_be_shown_is_shown_in_hexadecimal(name: str, shown: str) -> None:
    """XML could not hold it, and every get would fail; in a log it could pass for a line of its own."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = ROOT._signed(subject, KEY.public_key(), [], 1)
    assert certificates.parse(made).subject == shown


def test_a_date_that_is_none_is_refused() -> None:
    der = base64.b64decode("".join(ROOT.certify(KEY, "CN=x", days=365 * 60).splitlines()[1:-1]))
    last = re.search(rb"\x18\x0f(\d{14}Z)", der)
    assert last is not None
    broken = base64.encodebytes(der.replace(last[1], b"00000101000000Z")).decode()
    with pytest.raises(Refused, match="year 0"):
        certificates.parse(f"-----BEGIN CERTIFICATE-----\n{broken}-----END CERTIFICATE-----")


def test_a_private_key_in_its_place_is_not_repeated() -> None:
    with pytest.raises(Refused) as refused:
        certificates.parse(key_pem(KEY))
    assert not any(line in str(refused.value) for line in key_pem(KEY).splitlines())


def test_it_is_told_once_at_each_stage_and_again_of_another_certificate() -> None:
    found = certificates.parse(PEM)
    told, heard = Told(), []
    for days in range(40, -3, -1):
        now = found.not_after - timedelta(days=days, seconds=-1)
        heard += [days for _name in told.due({"gw": found}, now)]
    assert heard == [*DAYS_BEFORE]
    late = found.not_after + timedelta(days=1)
    assert told.due({"gw": found}, late) == []
    assert told.due({}, late) == []
    assert told.due({"gw": found}, late) == ["gw"], "one that was away and came back"
    renewed = certificates.parse(ROOT.certify(KEY, "CN=gw1,O=ACME", days=800))
    assert told.due({"gw": renewed}, late) == []
    assert told.due({"gw": found}, late) == ["gw"]


def test_there_is_no_stage_while_there_is_time() -> None:
    found = certificates.parse(PEM)
    assert expiry.stage(found, found.not_after - timedelta(days=31)) is None
    assert expiry.stage(found, found.not_after) == 0
