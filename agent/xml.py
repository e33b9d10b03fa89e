"""The one safe door to lxml: untrusted documents are parsed here and nowhere else.

DTDs, entities, network access, huge texts and deep nesting are refused. Comments and processing
instructions are dropped, so an Element has elements as children and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

Element = etree._Element

NETCONF_NS = "urn:ietf:params:xml:ns:netconf:base:1.0"
YANG_NS = "urn:ietf:params:xml:ns:yang:1"
MONITORING_NS = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"

MAX_DEPTH = 256
"""Levels of nesting that a document may have at most: libxml2 takes no more from whom it does not trust."""

MAX_ELEMENTS = 1_000_000
"""Elements that a document may have; each costs a hundred octets and more once it is parsed."""


class XmlError(Exception):
    """A document was refused; the message names line and column, never the document's text."""


def parse(data: bytes, max_elements: int = MAX_ELEMENTS, max_depth: int = MAX_DEPTH) -> Element:
    """Return the root element of ``data`` (UTF-8, or as its declaration says).

    Raises:
        XmlError: not well-formed, or something this door does not let in.
    """
    if b"\0" in data:
        raise XmlError("a NUL octet is not allowed in XML")
    if data.count(b"</") + data.count(b"/>") > max_elements:
        raise XmlError(f"there are more than {max_elements} elements")
    if b"<!DOCTYPE" in data[:4096] or b"<!ENTITY" in data:
        raise XmlError("a document type declaration is not allowed")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as problem:
        if "depth" in str(problem).lower():  # libxml2's own limit
            raise XmlError(f"elements are nested deeper than {MAX_DEPTH} levels") from None
        line, column = problem.position
        raise XmlError(f"not well-formed at line {line}, column {column}") from None
    except ValueError:
        raise XmlError("the encoding cannot be read") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise XmlError("a document type declaration is not allowed")
    _refuse_deep(root, max_depth)
    return root


def _refuse_deep(root: Element, max_depth: int) -> None:
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > max_depth:
            raise XmlError(f"elements are nested deeper than {max_depth} levels")


def declarations(element: Element) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield ("start-ns", (prefix, URI)) for each namespace declared on ``element`` or below."""
    yield from etree.iterwalk(element, events=("start-ns",))


def serialize(element: Element) -> bytes:
    """Return ``element`` as UTF-8, with the namespace declarations that are in scope for it."""
    data: bytes = etree.tostring(element, with_tail=False, encoding="UTF-8", xml_declaration=False)
    return data


def rename(element: Element, tag: str) -> None:
    """Give ``element`` another ``{namespace}name``; what it declares and holds stays."""
    element.tag = tag


def local_name(element: Element) -> str:
    """Return the name of ``element`` without its namespace."""
    tag = str(element.tag)
    return tag.rpartition("}")[2]


def namespace(element: Element) -> str:
    """Return the namespace URI of ``element``, "" for none."""
    tag = str(element.tag)
    return tag[1:].partition("}")[0] if tag.startswith("{") else ""


def attributes_of(element: Element) -> dict[str, str]:
    """Return the attributes of ``element``; a name with a namespace is ``{uri}name``."""
    return {str(name): str(value) for name, value in element.attrib.items()}


def drop(element: Element) -> None:
    """Take ``element`` out of its document."""
    above = element.getparent()
    if above is not None:
        above.remove(element)
