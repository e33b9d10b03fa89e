"""Attributes of one element: how many the door for XML takes, and what those that mean nothing cost."""

from __future__ import annotations

import pytest
from lxml import etree

from agent import xml
from agent.errors import MAX_ERRORS, RpcErrors, raise_all
from agent.operations.parameters import strays
from agent.xml import MAX_ATTRIBUTES, XmlError, attribute_names, parse

DECLARED = b" ".join(b"xmlns:p%d='urn:%d'" % (n, n) for n in range(100))


def attributes(count: int, written: bytes = b'a%d="1"') -> bytes:
    return b" ".join(written % n for n in range(count))


@pytest.mark.parametrize(
    "written", [b'a%d="1"', b"a%d='1'", b"a-%d\n=\t''", b'p:a%d \r= " > /> "', b"\xc3\xa4%d='='"]
)
@pytest.mark.parametrize("place", [b"<a xmlns:p='urn:p' %s/>", b"<a xmlns:p='urn:p'>x='1'<b\n%s>y</b ></a>"])
def test_the_attributes_of_an_element_are_limited(place: bytes, written: bytes) -> None:
    root = parse(place % attributes(MAX_ATTRIBUTES, written))
    assert sum(len(element.attrib) for element in root.iter()) == MAX_ATTRIBUTES
    with pytest.raises(XmlError, match=f"more than {MAX_ATTRIBUTES} attributes on an element"):
        parse(place % attributes(MAX_ATTRIBUTES + 1, written))


@pytest.mark.parametrize(
    "data",
    [
        b"<a %s/>" % attributes(40_000),
        b"<a %s %s/>" % (DECLARED, attributes(MAX_ATTRIBUTES + 1)),
        b"<a %s %s/>" % (attributes(MAX_ATTRIBUTES + 1), DECLARED),
        b"<a %s xmlns='urn:a' %s/>" % (attributes(MAX_ATTRIBUTES), b"b='1'"),
        b"<a %s xmlnsb='1'/>" % attributes(MAX_ATTRIBUTES),
        b"<a %s" % attributes(40_000),
        b"<a><b/><c %s/></a>" % (b"a='1' " * (MAX_ATTRIBUTES + 1)),
    ],
)
def test_more_attributes_are_refused_before_libxml2_sees_them(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml.etree, "fromstring", lambda *_: pytest.fail("it was parsed"))
    with pytest.raises(XmlError, match=f"more than {MAX_ATTRIBUTES} attributes on an element"):
        parse(data)


@pytest.mark.parametrize("before", range(0, 40, 3))
def test_an_element_with_more_attributes_is_found_in_whatever_piece_it_lies(
    before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml, "_PIECE_OCTETS", 32)
    few, many = (b"<a %s/>" % attributes(count) for count in (MAX_ATTRIBUTES, MAX_ATTRIBUTES + 1))
    parse(b"<r>%s%s%s</r>" % (b"<b/>" * before, few, few))
    with pytest.raises(XmlError, match="attributes on an element"):
        parse(b"<r>%s%s%s%s</r>" % (b"<b/>" * before, few, many, b"<b/>" * before))


def test_declarations_are_no_attributes_and_many_elements_may_have_some() -> None:
    full = b"%s %s" % (DECLARED, attributes(MAX_ATTRIBUTES))
    assert len(parse(b"<a %s/>" % full).attrib) == MAX_ATTRIBUTES
    assert len(parse(b"<a>%s</a>" % (b"<b c='1' d='2'/>" * 1_000))) == 1_000
    assert parse(b"<a>%s</a>" % (b"b='1' " * 1_000)).text == "b='1' " * 1_000


def test_what_means_nothing_is_named_as_far_as_a_reply_goes() -> None:
    element = etree.fromstring(b"<a %s/>" % attributes(40_000))
    assert attribute_names(element)[-1] == "a39999"
    with pytest.raises(RpcErrors) as caught:
        raise_all(strays(element))
    assert len(caught.value.errors) == MAX_ERRORS
