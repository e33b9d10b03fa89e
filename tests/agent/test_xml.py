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


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-8", "utf8", "us-ascii", "ASCII"])
def test_a_document_is_in_utf_8_of_which_ascii_is_a_part(encoding: str) -> None:
    assert parse(f'<?xml version="1.0" encoding="{encoding}"?><a>x</a>'.encode(encoding)).text == "x"


OTHERS = ("iso-8859-1", "latin1", "windows-1252", "utf-7", "cp037", "utf-16", "utf-16-le", "utf-32")


@pytest.mark.parametrize("encoding", OTHERS)
@pytest.mark.parametrize("text", ["x", "\xe9"])
def test_no_other_encoding_is_taken(encoding: str, text: str) -> None:
    """RFC 6241 section 3, also where all octets are those of ASCII."""
    with pytest.raises(XmlError, match="is in UTF-8"):
        parse(f'<?xml version="1.0" encoding="{encoding}"?><a>{text}</a>'.encode(encoding))


@pytest.mark.parametrize("many", [0, MAX_DECLARATIONS + 1])
def test_the_octet_that_is_not_utf_8_is_told(many: int) -> None:
    data = b"<a>%s\xe9</a>" % (b"<b xmlns='urn:b'/>" * many)
    with pytest.raises(XmlError, match=f"is in UTF-8 .*; octet {data.index(0xE9) + 1} cannot be read"):
        parse(data)


UTF_7 = "+ADw-b/+AD4- +ADwAIQ-DOCTYPE a+AD4-"
"""Two tags, which nobody who counts octets finds."""
DECLARED = {
    "far away": '<?xml version="1.0"{blanks}encoding="UTF-7"?>',
    "far away, after the mark of UTF-8": '\ufeff<?xml version="1.0"{blanks}encoding="UTF-7"?>',
    "behind a version that is long": '<?xml version="1.0{blanks}" encoding="UTF-7"?>',
}


@pytest.mark.parametrize("name", DECLARED)
@pytest.mark.parametrize("blanks", [1, 90, 1000, 2000, 100_000])
def test_no_encoding_is_declared_where_nobody_looks(name: str, blanks: int) -> None:
    begin = DECLARED[name].format(blanks=" " * blanks)
    with pytest.raises(XmlError, match=r"is in UTF-8|more than 200 octets"):
        parse(f"{begin}<a>{UTF_7}</a>".encode())


@pytest.mark.parametrize("begin", [" ", "\n" * 2000, "<!-- -->", "\ufeff "])
def test_no_declaration_stands_elsewhere_than_first(begin: str) -> None:
    with pytest.raises(XmlError, match=r"not well-formed|is in UTF-8"):
        parse(f'{begin}<?xml version="1.0" encoding="UTF-7"?><a>{UTF_7}</a>'.encode())


@pytest.mark.parametrize(
    "declared",
    [
        """version="1.0 encoding='UTF-8'" encoding="UTF-7\"""",
        """version='1.0' encoding='UTF-8' encoding='UTF-7'""",
        """version="1.0" xencoding="UTF-7\"""",
    ],
)
def test_whoever_parses_takes_the_encoding_that_was_checked(declared: str) -> None:
    try:
        found = parse(f"<?xml {declared}?><a>{UTF_7}</a>".encode())
    except XmlError:
        return
    assert found.text == UTF_7


@pytest.mark.parametrize("encoding", ["utf-8", "utf8", "us-ascii"])
def test_the_namespaces_of_each_encoding_are_counted(encoding: str) -> None:
    body = b"<b xmlns='urn:b'/>" * (MAX_DECLARATIONS + 1)
    begin = f'<?xml version="1.0" encoding="{encoding}"?>'.encode()
    assert len(parse(begin + b"<a>%s</a>" % body)) == MAX_DECLARATIONS + 1
    with pytest.raises(XmlError, match="namespace declarations"):
        parse(begin + b"<a>%s</a>" % body.replace(b"/>", b">"))


@pytest.mark.parametrize("many", [0, MAX_DECLARATIONS + 1])
@pytest.mark.parametrize("encoding", ["iso-8859-99", "windows-1259", "iso-8859-x"])
def test_an_encoding_that_nobody_knows_is_refused(encoding: str, many: int) -> None:
    body = "<b xmlns='urn:b'/>" * many
    data = f'<?xml version="1.0" encoding="{encoding}"?><a>{body}</a>'.encode()
    with pytest.raises(XmlError, match="is in UTF-8"):
        parse(data)


def test_the_mark_of_utf_8_and_a_long_declaration_are_read() -> None:
    begin = '<?xml version="1.0" encoding="UTF-8" standalone="yes"' + " " * 140 + "?>"
    assert parse(f"{begin}<a>\u00e9</a>".encode()).text == "\u00e9"
    assert parse("\ufeff<a>\u00e9</a>".encode()).text == "\u00e9"
    assert parse(f"\ufeff{begin}<a>\u00e9</a>".encode()).text == "\u00e9"
