"""Identities: whatever the text, what goes out is typed and matches nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.strongswan.translation import distinguished_name as dn
from translators.strongswan.translation.identities import (
    OWNER_OCTETS_MAX,
    Identity,
    IdentityKind,
    local_identity,
    remote_identity,
)
from translators.strongswan.translation.refusals import Refused, UnsupportedLeaf


def local(**case: str) -> Identity:
    return local_identity({"local-address": "192.0.2.1", "local-id": case})


@pytest.mark.parametrize(
    ("case", "vici"),
    [
        ({"inet": "192.168.1.10"}, "192.168.1.10"),
        ({"inet": "2001:DB8:0::1"}, "2001:db8::1"),
        ({"name": "alice"}, "fqdn:#616c696365"),
        ({"name": "10.0.0.1"}, "fqdn:#31302e302e302e31"),
        ({"name": "#616c"}, "fqdn:#2336313663"),
        ({"email": "u@d"}, "email:#754064"),
        ({"key": "my_vpn_key"}, "keyid:#6d795f76706e5f6b6579"),
        ({"key": "*"}, "keyid:#2a"),
        (
            {"dn": "CN=John Doe, OU=IT, O=Company"},
            "asn1dn:#30323111300f060355040313084a6f686e20446f65310b3009060355040b13024954"
            "3110300e060355040a1307436f6d70616e79",
        ),
    ],
)
def test_each_type_is_sent_in_the_form_that_is_not_parsed(case: dict[str, str], vici: str) -> None:
    assert local(**case).vici == vici


@given(st.sampled_from(["name", "email", "key"]), st.text(min_size=1, max_size=300))
def test_any_text_is_sent_octet_by_octet_or_refused(case: str, text: str) -> None:
    try:
        sent = local(**{case: text}).vici
    except (Refused, UnicodeEncodeError):
        return
    assert sent.isascii()
    assert sent.isprintable()
    assert len(sent) <= OWNER_OCTETS_MAX
    prefix, _colon, value = sent.partition(":")
    assert prefix == {"name": "fqdn", "email": "email", "key": "keyid"}[case]
    octets = bytes.fromhex(value[1:]) if value.startswith("#") else value.encode()
    assert octets == text.encode()
    assert case == "key" or not octets.startswith(b"*")


@given(st.text(min_size=1, max_size=200))
def test_any_distinguished_name_is_encoded_or_refused_and_means_the_same_written_again(text: str) -> None:
    try:
        name = dn.parse(text)
    except ValueError:
        return
    assert dn.parse(dn.render(name)) == name
    try:
        encoded = dn.encode(name)
    except UnicodeEncodeError:
        return
    assert encoded[0] == dn.SEQUENCE


@pytest.mark.parametrize(
    ("case", "app_tag"),
    [
        ({"name": "*"}, "identity-wildcard"),
        ({"name": "*.example.com"}, "identity-wildcard"),
        ({"email": "*@example.com"}, "identity-wildcard"),
        ({"name": "^.*$"}, "identity-wildcard"),
        ({"dn": "CN=*, O=Company"}, "identity-wildcard"),
        ({"dn": "John=Doe"}, "bad-dn"),
        ({"dn": "CN="}, "bad-dn"),
        ({"dn": "plain text"}, "bad-dn"),
        ({"dn": "CN=a,"}, "bad-dn"),
        ({"dn": "CN=a\\"}, "bad-dn"),
        ({"inet": "alice"}, "bad-address"),
        ({"name": "ä" * 100}, "identity-too-long"),
        ({"name": ""}, "identity-empty"),
        ({"dn": "CN=" + "ä" * 100}, "identity-too-long"),
    ],
)
def test_what_charon_would_take_for_something_else_is_refused(case: dict[str, str], app_tag: str) -> None:
    with pytest.raises(Refused) as refused:
        local(**case)
    assert refused.value.app_tag == app_tag
    assert refused.value.leaf == f"local-id/{next(iter(case))}"


def test_a_type_that_is_not_known_is_refused() -> None:
    with pytest.raises(UnsupportedLeaf):
        local(null="")


def test_a_long_name_is_sent_as_text_where_that_is_the_same() -> None:
    assert local(name="a" * 124).vici == "fqdn:#" + "61" * 124
    assert local(name="a" * 200).vici == "fqdn:" + "a" * 200


def test_a_long_distinguished_name_is_sent_as_text_where_that_is_the_same() -> None:
    text = "C=SE, O=" + "x" * 60 + ", OU=" + "y" * 60 + ", CN=bob"
    assert local(dn=text).vici == text


def test_spelling_that_strongswan_does_not_tell_apart_is_the_same_identity() -> None:
    assert local(name="Alice").key == local(name="aLICE").key
    assert local(email="A@B").key == local(email="a@b").key
    assert local(dn="cn=A,o=B").key == local(dn="CN=a, O=b").key
    assert local(inet="2001:db8::0").key == local(inet="2001:DB8::").key
    assert local(key="A").key != local(key="a").key
    assert local(name="a").key != local(key="a").key


@pytest.mark.parametrize("container", [{}, {"local-id": {}}, {"local-id": None}])
def test_without_local_id_the_address_is_the_identity(container: Any) -> None:
    identity = local_identity({"local-address": "2001:DB8::1", **container})
    assert (identity.kind, identity.vici) == (IdentityKind.INET, "2001:db8::1")


def test_without_remote_id_an_initiator_expects_its_peer_and_a_responder_anybody() -> None:
    assert remote_identity({"initiator": True, "peer": "192.0.2.9"}).vici == "192.0.2.9"
    assert remote_identity({"initiator": False, "peer": "192.0.2.9"}).is_any
    assert remote_identity({}).vici == "%any"


def test_an_initiator_without_peer_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        remote_identity({"initiator": True})
    assert (refused.value.leaf, refused.value.app_tag) == ("peer", "initiator-without-peer")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("CN=a,O=b", [("CN", "a"), ("O", "b")]),
        (" cn = a b , o=c ", [("CN", "a b"), ("O", "c")]),
        ("/C=SE/O=ACME", [("C", "SE"), ("O", "ACME")]),
        ("CN=a\\,b", [("CN", "a,b")]),
        ("CN=a=b", [("CN", "a=b")]),
        ("CN=a\\\\b", [("CN", "a\\b")]),
        ("emailAddress=a@b", [("E", "a@b")]),
    ],
)
def test_distinguished_names_are_parsed(text: str, parts: list[tuple[str, str]]) -> None:
    assert [(part.type, part.value) for part in dn.parse(text)] == parts


def test_string_types_follow_the_value() -> None:
    assert dn.encode(dn.parse("CN=Jürgen"))[11] == dn.UTF8_STRING
    assert dn.encode(dn.parse("CN=John"))[11] == dn.PRINTABLE_STRING
    assert dn.encode(dn.parse("DC=com"))[18] == dn.IA5_STRING


def test_a_length_beyond_127_octets_takes_the_long_form() -> None:
    encoded = dn.encode(dn.parse("CN=" + "x" * 200))
    assert encoded[:3] == bytes((dn.SEQUENCE, 0x81, len(encoded) - 3))
