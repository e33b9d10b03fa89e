"""What the door for XML refuses before anything is made of it."""

from __future__ import annotations

import pytest

from agent import xml
from agent.xml import MAX_DECLARATIONS, XmlError, parse


def declared(count: int, first: int = 0) -> bytes:
    return b" ".join(b"xmlns:p%d='urn:%d'" % (n, n) for n in range(first, first + count))


def test_the_namespaces_in_scope_of_an_element_are_limited() -> None:
    half = MAX_DECLARATIONS // 2
    assert len(parse(b"<a %s/>" % declared(MAX_DECLARATIONS)).nsmap) == MAX_DECLARATIONS
    nested = b"<a %s><b %s/></a>" % (declared(half), declared(half, half))
    assert len(parse(nested)[0].nsmap) == MAX_DECLARATIONS


@pytest.mark.parametrize(
    "data",
    [
        b"<a %s/>" % declared(MAX_DECLARATIONS + 1),
        b"<a %s/>" % declared(200_000),
        b"<a %s><b xmlns='urn:one-more'/></a>" % declared(MAX_DECLARATIONS),
        b"<a xmlns='urn:again'>" * (MAX_DECLARATIONS + 1) + b"</a>" * (MAX_DECLARATIONS + 1),
    ],
)
def test_more_namespaces_are_refused_before_libxml2_sees_them(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml.etree, "fromstring", lambda *_: pytest.fail("it was parsed"))
    with pytest.raises(XmlError, match=f"more than {MAX_DECLARATIONS} namespace declarations"):
        parse(data)


def test_an_element_is_written_with_those_of_many_declarations_that_it_may_use() -> None:
    inside = b"<q:x xmlns:q='urn:q'>p7:cat<p8:y p9:z='&gt;'>/p10:b[c=\"p11:d\"]</p8:y></q:x>tail"
    element = parse(b"<a xmlns='urn:a' %s>%s</a>" % (declared(100), inside))[0]
    written = xml.serialize(element)
    again = parse(written)
    assert again.nsmap == {None: "urn:a", "q": "urn:q", **{f"p{n}": f"urn:{n}" for n in range(7, 12)}}
    assert xml.serialize(again) == written
    assert [(e.tag, e.text, dict(e.attrib)) for e in again.iter()] == [
        (e.tag, e.text, dict(e.attrib)) for e in element.iter()
    ]


def test_few_declarations_are_all_written() -> None:
    element = parse(b"<a xmlns='urn:a' %s><b/></a>" % declared(7))[0]
    assert len(parse(xml.serialize(element)).nsmap) == 8


def test_a_document_may_declare_a_namespace_on_each_of_many_elements() -> None:
    assert len(parse(b"<a>%s</a>" % (b"<b xmlns='urn:b' xmlns:p='urn:p'/>" * 10_000))) == 10_000


def test_what_cannot_be_read_is_told_with_its_place_also_by_the_count_of_namespaces() -> None:
    data = b"<a>\n%s<a>" % (b"<b xmlns='urn:b'/>" * (MAX_DECLARATIONS + 1))
    with pytest.raises(XmlError, match="not well-formed at line 2, column"):
        parse(data)


@pytest.mark.parametrize("written", [b'a%d="" ', b"a%d='' ", b'a%d= "" ', b'a%d=\n"" '])
def test_the_attributes_of_a_document_are_limited(written: bytes) -> None:
    data = b"<a %s/>" % b"".join(written % n for n in range(11))
    with pytest.raises(XmlError, match="more than 10 attributes"):
        parse(data, max_elements=10)
    assert len(parse(data, max_elements=11).attrib) == 11


@pytest.mark.parametrize("levels", [1, 10, 256])
def test_the_levels_of_a_document_are_limited_exactly(levels: int) -> None:
    parse(b"<a>" * levels + b"</a>" * levels, max_depth=levels)
    parse(b"<a>" + b"<b/>" * 1000 + b"</a>", max_depth=2)
    with pytest.raises(XmlError, match=f"deeper than {levels} levels"):
        parse(b"<a>" * (levels + 1) + b"</a>" * (levels + 1), max_depth=levels)


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-8", "us-ascii", "iso-8859-1", "windows-1252"])
def test_encodings_with_the_octets_of_ascii_are_read(encoding: str) -> None:
    assert parse(f'<?xml version="1.0" encoding="{encoding}"?><a>x</a>'.encode(encoding)).text == "x"


@pytest.mark.parametrize("encoding", ["utf-7", "cp037"])
def test_others_are_not_for_what_they_hold_could_not_be_counted(encoding: str) -> None:
    with pytest.raises(XmlError, match="the encoding cannot be read"):
        parse(f'<?xml version="1.0" encoding="{encoding}"?><a>x</a>'.encode(encoding))
