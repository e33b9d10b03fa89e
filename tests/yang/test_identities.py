"""Identities (W7, W8): each type, on either side, by libyang and by a second opinion.

libyang translates the patterns, which are those of XML Schema, to another dialect; libxml2 takes them as
they are. Both must agree on every value.
"""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

import pytest
from lxml import etree
from pyang.statements import Statement

from tests.yang.conftest import TYPES, Validate
from tests.yang.documents import ENTRY, tunnel
from tests.yang.identities import ACCEPTED, REFUSED
from tests.yang.schema_source import modules, restrictions_of

ALL_ACCEPTED = [(kind, text) for kind, texts in ACCEPTED.items() for text in texts]
SIDES = ("local-id", "remote-id")


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("kind", "text"), ALL_ACCEPTED)
def test_an_identity_is_accepted(kind: str, text: str, side: str, validate: Validate) -> None:
    assert validate(tunnel({side: {kind: text}})) is None


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("kind", "text", "tag"), REFUSED)
def test_an_identity_is_refused_for_its_reason(
    kind: str, text: str, tag: str, side: str, validate: Validate
) -> None:
    refusal = validate(tunnel({side: {kind: text}}))
    assert refusal is not None
    assert (refusal.app_tag, refusal.path) == (tag, f"{ENTRY}/{side}/{kind}")


def test_an_identity_without_a_type_is_auto(validate: Validate) -> None:
    assert validate(tunnel({"local-id": {}, "remote-id": {}})) is None


def _leaf(kind: str) -> Statement:
    choice = modules()[TYPES].search_one("grouping", "identity").search_one("choice")
    return choice.search_one("leaf", kind)


def _xml_schema(leaf: Statement) -> etree.XMLSchema:
    """Return a schema whose one element <v> has the length and the patterns of ``leaf``."""
    types, base = "", "xs:string"
    for number, one in enumerate(restrictions_of(leaf)):
        if one.keyword == "length":
            low, _, high = one.arg.partition("..")
            facets = f'<xs:minLength value="{low}"/><xs:maxLength value="{high}"/>'
        else:
            facets = f"<xs:pattern value={quoteattr(one.arg)}/>"
        restriction = f'<xs:restriction base="{base}">{facets}</xs:restriction>'
        types += f'<xs:simpleType name="t{number}">{restriction}</xs:simpleType>'
        base = f"t{number}"
    namespace = "http://www.w3.org/2001/XMLSchema"
    document = f'<xs:schema xmlns:xs="{namespace}">{types}<xs:element name="v" type="{base}"/></xs:schema>'
    return etree.XMLSchema(etree.fromstring(document))


def _second_opinion(leaf: Statement, text: str) -> bool:
    return _xml_schema(leaf).validate(etree.fromstring(f"<v>{escape(text, {chr(13): '&#13;'})}</v>"))


@pytest.mark.parametrize(("kind", "text"), [pair for pair in ALL_ACCEPTED if pair[0] != "inet"])
def test_libxml2_takes_the_patterns_in_the_same_way_when_it_accepts(kind: str, text: str) -> None:
    assert _second_opinion(_leaf(kind), text)


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, text, _tag in REFUSED if kind != "inet"])
def test_libxml2_takes_the_patterns_in_the_same_way_when_it_refuses(kind: str, text: str) -> None:
    assert not _second_opinion(_leaf(kind), text)


@pytest.mark.parametrize("code", range(32, 127))
def test_libxml2_takes_the_same_characters_in_a_secret(code: int) -> None:
    secret = modules()[TYPES].search_one("typedef", "pre-shared-key")
    accepted = _xml_schema(secret).validate(etree.fromstring(f"<v>1234567{escape(chr(code))}</v>"))
    assert accepted == (chr(code) not in " #")


@pytest.mark.parametrize(
    "text", ["CN=" + " " * 197, "CN=a" + " ," * 98, "CN=" + "a " * 98 + "\\", "CN=a" + ",CN=a" * 39 + ","]
)
def test_a_distinguished_name_made_to_be_slow_is_refused(text: str, validate: Validate) -> None:
    """A regular expression that backtracks without end would run into PCRE's limit or the test's."""
    refusal = validate(tunnel({"remote-id": {"dn": text}}))
    assert refusal is not None
    assert refusal.app_tag == "identity-dn"
