"""The one safe door to lxml: untrusted documents are parsed here and nowhere else.

DTDs, entities, network access, huge texts and deep nesting are refused. Comments and processing
instructions are dropped, so an Element has elements as children and nothing else. A document is written anew
from Pieces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, islice
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

Element = etree._Element

NETCONF_NS = "urn:ietf:params:xml:ns:netconf:base:1.0"
YANG_NS = "urn:ietf:params:xml:ns:yang:1"
MONITORING_NS = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
TXID_NS = "urn:ietf:params:xml:ns:netconf:txid:1.0"
TXID_MODULE_NS = "urn:ietf:params:xml:ns:yang:ietf-netconf-txid"
TXID_SPACES = (TXID_NS, TXID_MODULE_NS)
"""Of the attributes of transaction ids: that of the drafts up to -07, and that of their YANG module."""

MAX_DEPTH = 256
"""Levels of nesting that a document may have at most: libxml2 takes no more from whom it does not trust."""

MAX_ELEMENTS = 1_000_000
"""Elements that a document may have; each costs a hundred octets and more once it is parsed."""

MAX_DECLARATIONS = 128
"""Declarations of namespaces that may be in scope of an element: what is done with it costs that much."""

MAX_ATTRIBUTES = 128
"""Attributes that an element may have, beside declarations: one is found by looking at those before."""

_KNOWN_NAME = 200
"""Characters of a name, with its namespace, that is kept to be known again."""
_LINES_KNOWN = 65535
"""libxml2 counts no further."""
_FEW_DECLARATIONS = 8
_DECLARATION = re.compile(rb' xmlns:([^\s=]+)="[^"]*"')
# Begins where a word does: each octet of a long word is looked at once.
_PREFIX = re.compile(rb"(?<![\w.\x80-\xff-])([\w.\x80-\xff-]++):")
_TOO_MANY_DECLARATIONS = (
    f"there are more than {MAX_DECLARATIONS} namespace declarations in scope of an element"
)
_UTF_8 = re.compile(rb"utf-?8|(us-)?ascii", re.IGNORECASE)
_WANTED = "a message is in UTF-8 (RFC 6241 section 3)"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_XML_DECLARATION = re.compile(rb"<\?xml[ \t\r\n]")
_XML_DECLARATION_OCTETS = 200
_ENCODING = re.compile(rb"[\s\"']encoding\s*=\s*[\"']([^\"']*)")
_ATTRIBUTES = (b'="', b"='", b"= ", b"=\t", b"=\r", b"=\n")
# Possessive, and never past the next "<": each octet is looked at once. A comment is not told from a tag.
_MANY_ATTRIBUTES = re.compile(
    rb"<[^\s<>/!?=\"']++(?:(?:\s++xmlns(?::[^\s<>/=\"']++)?\s*+=\s*+(?:\"[^\"<]*+\"|'[^'<]*+'))*+"
    rb"\s++[^\s<>/=\"']++\s*+=\s*+(?:\"[^\"<]*+\"|'[^'<]*+')){%d}" % (MAX_ATTRIBUTES + 1)
)
_PIECE_OCTETS = 1024 * 1024
_TOO_LONG = (etree.ErrorTypes.ERR_NAME_TOO_LONG, 114)
"""Of a name, and of a text or all of a tag: XML_ERR_RESOURCE_LIMIT, which lxml does not name everywhere."""
_OTHERS = (b"\xfe\xff", b"\xff\xfe", b"\x4c\x6f\xa7\x94")
"""What documents in UTF-16 and UTF-32, or in EBCDIC, begin with."""


class XmlError(Exception):
    """A document was refused; the message names line and column, never the document's text."""


class XmlTooBig(XmlError):
    """A document holds more than this server takes: nothing is wrong with it beside that."""


def parse(data: bytes, max_elements: int = MAX_ELEMENTS, max_depth: int = MAX_DEPTH) -> Element:
    """Return the root element of ``data``, which is in UTF-8 (RFC 6241 section 3).

    Raises:
        XmlTooBig: it holds more than may be.
        XmlError: not well-formed, or something this door does not let in.
    """
    _refuse_encoding(data)
    if b"\0" in data:
        raise XmlError("a NUL octet is not allowed in XML")
    elements = data.count(b"</") + data.count(b"/>")
    if elements > max_elements:
        raise XmlTooBig(f"there are more than {max_elements} elements")
    attributes = 0
    for mark in _ATTRIBUTES:  # in a call for each: others wait for the GIL while one goes on
        attributes += data.count(mark)
    if attributes > max_elements:
        raise XmlTooBig(f"there are more than {max_elements} attributes")
    if attributes > MAX_ATTRIBUTES and _has_many_attributes(data):
        raise XmlTooBig(f"there are more than {MAX_ATTRIBUTES} attributes on an element")
    if b"<!DOCTYPE" in data[:4096] or b"<!ENTITY" in data:
        raise XmlError("a document type declaration is not allowed")
    if data.count(b"xmlns") > MAX_DECLARATIONS:
        _refuse_declarations(data)
    try:
        parser = etree.XMLParser(
            encoding="UTF-8",
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            dtd_validation=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
            collect_ids=False,
        )
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as problem:
        if "depth" in str(problem).lower():  # libxml2's own limit
            raise XmlTooBig(f"elements are nested deeper than {MAX_DEPTH} levels") from None
        line, column = problem.position
        if getattr(problem, "code", None) in _TOO_LONG:
            raise XmlTooBig(
                f"a name or a text is longer than libxml2 takes, at line {line}, column {column}"
            ) from None
        raise XmlError(_not_utf_8(data) or f"not well-formed at line {line}, column {column}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise XmlError("a document type declaration is not allowed")
    if elements > max_depth:  # else there are too few to be that deep
        _refuse_deep(root, max_depth)
    return root


def _refuse_encoding(data: bytes) -> None:
    """Refuse a document that is not in UTF-8, or says that it is not; ASCII is a part of it.

    Raises:
        XmlError: it is; or what declares it is longer than anybody writes.
    """
    begin = len(_BYTE_ORDER_MARK) if data.startswith(_BYTE_ORDER_MARK) else 0
    if data.startswith(_OTHERS) or b"\0" in data[:4]:
        raise XmlError(_WANTED)
    if not _XML_DECLARATION.match(data, begin):
        return
    end = data.find(b"?>", begin, begin + _XML_DECLARATION_OCTETS)
    if end < 0:
        raise XmlError(f"the XML declaration has more than {_XML_DECLARATION_OCTETS} octets")
    found = _ENCODING.search(data, begin, end)
    if found is not None and not _UTF_8.fullmatch(found[1]):
        raise XmlError(f"{_WANTED}; its declaration says {found[1].decode('ascii', 'replace')}")


def _has_many_attributes(data: bytes) -> bool:
    """Whether an element has too many; looked for a piece at a time, as nobody interrupts a search."""
    begin = 0
    while begin < len(data):
        end = data.find(b"<", begin + _PIECE_OCTETS)  # no tag goes past that
        end = len(data) if end < 0 else end
        if _MANY_ATTRIBUTES.search(data, begin, end):
            return True
        begin = end
    return False


def _not_utf_8(data: bytes) -> str:
    """Return which octet cannot be read, "" if all can."""
    try:
        data.decode()
    except UnicodeDecodeError as problem:
        return f"{_WANTED}; octet {problem.start + 1} cannot be read"
    return ""


def _refuse_declarations(data: bytes) -> None:
    """Refuse too many namespaces in scope of one element, before libxml2 and all behind it look through them
    for each element."""
    in_tag, before = 0, 0
    while (position := data.find(b"xmlns", before)) >= 0:  # expat takes the time of the whole tag first
        in_tag = 1 if data.rfind(b"<", before, position) >= 0 else in_tag + 1
        if in_tag > MAX_DECLARATIONS:
            raise XmlTooBig(_TOO_MANY_DECLARATIONS)
        before = position + len(b"xmlns")
    in_scope = 0

    def begin(_prefix: str | None, _uri: str | None) -> None:
        nonlocal in_scope
        in_scope += 1
        if in_scope > MAX_DECLARATIONS:
            raise XmlTooBig(_TOO_MANY_DECLARATIONS)

    def end(_prefix: str | None) -> None:
        nonlocal in_scope
        in_scope -= 1

    parser = expat.ParserCreate("UTF-8", namespace_separator=" ")
    parser.StartNamespaceDeclHandler = begin
    parser.EndNamespaceDeclHandler = end
    try:
        parser.Parse(data, True)
    except expat.ExpatError as problem:
        place = f"line {problem.lineno}, column {problem.offset + 1}"
        raise XmlError(_not_utf_8(data) or f"not well-formed at {place}") from None


def _refuse_deep(root: Element, max_depth: int) -> None:
    if _deeper_than(max_depth)(root):
        raise XmlTooBig(f"elements are nested deeper than {max_depth} levels")


@lru_cache(maxsize=4)
def _deeper_than(levels: int) -> etree.XPath:
    return etree.XPath(f"boolean({'/*' * (levels + 1)})")


def declarations(element: Element, limit: int) -> Iterator[tuple[str, str]]:
    """Yield (prefix, URI) for each namespace declared on ``element`` or below, among ``limit`` of both."""
    for event, found in islice(etree.iterwalk(element, events=("start-ns", "start")), limit):
        if event == "start-ns":
            yield found


def has_more_elements(element: Element, count: int) -> bool:
    """True if more than ``count`` elements are below ``element``; it is not looked at further than that."""
    return next(islice(element.iterdescendants(), count, None), None) is not None


def with_attributes(element: Element) -> list[Element]:
    """Return what below ``element`` has an attribute, in the order of the document."""
    found: object = _WITH_ATTRIBUTES(element)
    assert isinstance(found, list)
    return found


_WITH_ATTRIBUTES = etree.XPath("descendant::*[@*]")


WHITE_SPACE = " \t\r\n"
"""What counts as white space in XML (section 2.3); others, as a no-break space, are text."""


def is_text(found: str | None) -> bool:
    """Return whether what stands between two tags is more than white space."""
    return found is not None and bool(found.strip(WHITE_SPACE))


def holds_text(element: Element) -> bool:
    """True if text stands in ``element`` beside its children; white space is none."""
    return is_text(element.text) or any(is_text(child.tail) for child in element)


def mixed(element: Element) -> Element | None:
    """Return the first of ``element`` and what is in it that holds text beside elements, or None."""
    return next((found for found in element.iter() if len(found) and holds_text(found)), None)


def serialize(element: Element) -> bytes:
    """Return ``element`` as UTF-8, with the namespace declarations that are in scope for it.

    Of many only those are written that its names and values may use: it may be one of many elements, too.
    """
    data: bytes = etree.tostring(element, with_tail=False, encoding="UTF-8", xml_declaration=False)
    if len(element.nsmap) <= _FEW_DECLARATIONS:
        return data
    end = data.index(b">")  # in a value it is written as a reference
    known = {prefix.encode() for prefix in prefixes_of(element)}
    found = chain(_PREFIX.finditer(_DECLARATION.sub(b"", data[:end])), _PREFIX.finditer(data, end))
    used = {match[1] for match in found if match[1] in known}
    return _DECLARATION.sub(lambda match: match[0] if match[1] in used else b"", data[:end]) + data[end:]


def rename(element: Element, tag: str) -> None:
    """Give ``element`` another ``{namespace}name``; what it declares and holds stays."""
    element.tag = tag


@lru_cache(maxsize=1024)
def _split(tag: str) -> tuple[str, str]:
    uri, _, name = tag.rpartition("}")
    return uri[1:], name


def qname(element: Element) -> tuple[str, str]:
    """Return the namespace URI of ``element``, "" for none, and its name."""
    tag = str(element.tag)
    return _split(tag) if len(tag) <= _KNOWN_NAME else _split.__wrapped__(tag)


def local_name(element: Element) -> str:
    """Return the name of ``element`` without its namespace."""
    tag = str(element.tag)
    return tag.rpartition("}")[2]


def namespace(element: Element) -> str:
    """Return the namespace URI of ``element``, "" for none."""
    tag = str(element.tag)
    return tag[1:].partition("}")[0] if tag.startswith("{") else ""


def attribute_names(element: Element) -> list[str]:
    """Return the names of the attributes of ``element``, without a look for each value; as attributes_of."""
    return [str(name) for name in element.attrib]


def attributes_of(element: Element) -> dict[str, str]:
    """Return the attributes of ``element``; a name with a namespace is ``{uri}name``."""
    return {str(name): str(value) for name, value in element.attrib.items()}


def line_of(element: Element) -> int | None:
    """Return the line of the document in which ``element`` begins, None if that is not known."""
    line: object = element.sourceline
    return line if isinstance(line, int) and 0 < line < _LINES_KNOWN else None


def apart(uri: str, name: str) -> Element:
    """Return an element that is in no document."""
    return etree.Element(f"{{{uri}}}{name}")


def copy_of(element: Element) -> Element:
    """Return a copy of ``element``, with the prefixes that are declared around it: a text may use them."""
    around = element.getparent()
    return deepcopy(element) if around is None else deepcopy(around)[around.index(element)]


def inside(uri: str, name: str, element: Element) -> Element:
    """Return an element that holds ``element`` and nothing else."""
    holder = apart(uri, name)
    holder.append(element)
    return holder


def indented(data: bytes) -> bytes:
    """Return ``data``, which was ``written`` or printed here, as a file with a line for each element."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    root = etree.fromstring(data, parser)
    etree.indent(root)
    printed: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return printed + b"\n"


def drop(element: Element) -> None:
    """Take ``element`` out of its document."""
    above = element.getparent()
    if above is not None:
        above.remove(element)


# -- writing -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """An element to be written.

    ``declared``: namespaces by prefix that its values, or what is below, may use. ``children`` can be gone
    through once. ``copied``: the whole element as it is to be written, if it is to be written as it was.
    """

    namespace: str
    name: str
    text: str = ""
    tail: str = ""
    declared: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: Iterable[Piece] = ()
    copied: bytes = b""


def piece_of(element: Element, children: Iterable[Piece]) -> Piece:
    """Return ``element`` as a Piece with other children."""
    above = element.getparent()
    known = above.nsmap if above is not None else {}
    in_scope = prefixes_of(element)
    return Piece(
        namespace(element),
        local_name(element),
        element.text or "",
        tail=element.tail or "",
        declared={prefix: uri for prefix, uri in in_scope.items() if known.get(prefix) != uri},
        attributes={_prefixed(name, in_scope): value for name, value in attributes_of(element).items()},
        children=children,
    )


def prefixes_of(element: Element) -> dict[str, str]:
    """Return namespaces by prefix as they are in scope for ``element``, without the default one."""
    return {prefix: uri for prefix, uri in element.nsmap.items() if prefix}


def _prefixed(name: str, prefixes: Mapping[str, str]) -> str:
    if not name.startswith("{"):
        return name
    uri, _, local = name[1:].partition("}")
    return f"{next((prefix for prefix, found in prefixes.items() if found == uri), 'xml')}:{local}"


def written(pieces: Iterable[Piece]) -> bytes:
    """Return ``pieces``, one after the other, as UTF-8 in the form in which libyang prints them."""
    out = bytearray()
    _write(out, pieces, "")
    return bytes(out)


def _write(out: bytearray, pieces: Iterable[Piece], above: str) -> None:
    """Append ``pieces``; ``above`` is the default namespace where they stand."""
    for piece in pieces:
        if piece.copied:
            out += piece.copied
            continue
        own = {} if piece.namespace == above else {"xmlns": piece.namespace}
        declared = {f"xmlns:{prefix}": uri for prefix, uri in piece.declared.items()}
        attributes = {**own, **declared, **piece.attributes}.items()
        out += (
            f"<{piece.name}{''.join(f' {name}={quoteattr(value)}' for name, value in attributes)}>".encode()
        )
        start = len(out)
        out += _escaped(piece.text)
        _write(out, piece.children, piece.namespace)
        if len(out) == start:
            out[-1:] = b"/>"
        else:
            out += f"</{piece.name}>".encode()
        out += _escaped(piece.tail)


def _escaped(text: str) -> bytes:
    # A reader would take a bare carriage return for a line feed.
    return escape(text, {"\r": "&#13;"}).encode()
