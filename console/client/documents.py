"""What a server sends, parsed: no DTD, no entities, no network, no huge trees; its errors as values."""

from __future__ import annotations

from lxml import etree

from console.client.session import Element, Gone, ServerError

NETCONF = "urn:ietf:params:xml:ns:netconf:base:1.0"
_ERROR = f"{{{NETCONF}}}rpc-error"


def parse(message: bytes) -> Element:
    """Return the root element of ``message``.

    Raises:
        Gone: it is no XML, or XML with a document type.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True,
        remove_pis=True,
    )  # fmt: skip
    if b"<!DOCTYPE" in message[:4096]:
        raise Gone("the server sent a document type declaration, which no NETCONF server does")
    try:
        return etree.fromstring(message, parser)
    except etree.XMLSyntaxError as problem:
        raise Gone(f"the server sent something that is not XML ({problem.msg})") from None


def errors_of(reply: Element) -> tuple[ServerError, ...]:
    """Return the errors and warnings that stand in an <rpc-reply>; those in data are data."""
    return tuple(_error(child) for child in reply.iterchildren(_ERROR))


def _error(element: Element) -> ServerError:
    path = element.find(f"{{{NETCONF}}}error-path")
    spaces = {} if path is None else path.nsmap
    tag = _text(element, "error-tag") or "operation-failed"
    info = element.find(f"{{{NETCONF}}}error-info")
    return ServerError(
        tag=tag,
        message=" ".join(_text(element, "error-message").split()) or tag,
        app_tag=_text(element, "error-app-tag"),
        path=_text(element, "error-path"),
        namespaces=tuple((prefix or "", uri) for prefix, uri in spaces.items()),
        warning=_text(element, "error-severity") == "warning",
        session_id=_number(info, "session-id"),
        info="" if info is None else "; ".join(_facts(info)),
    )


def _facts(info: Element) -> list[str]:
    return [
        f"{etree.QName(leaf).localname} {leaf.text.strip()}"
        for leaf in info.iter(etree.Element)
        if leaf.text and leaf.text.strip()
    ]


def _text(element: Element, name: str) -> str:
    return (element.findtext(f"{{{NETCONF}}}{name}") or "").strip()


def _number(info: Element | None, name: str) -> int | None:
    text = "" if info is None else _text(info, name)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 10 else None
