"""NETCONF messages: <hello>, <rpc> and <rpc-reply> (RFC 6241 sections 4 and 8.1).

A reply is put together from octets, so a body that libyang printed is neither parsed nor copied again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from xml.sax.saxutils import escape, quoteattr

from agent.errors import (
    BadElement,
    ErrorType,
    IdentityRef,
    MissingAttribute,
    MissingElement,
    RpcError,
    UnknownElement,
)
from agent.netconf.known import MOST_OCTETS as KNOWN_OCTETS
from agent.xml import (
    MAX_DEPTH,
    MAX_ELEMENTS,
    NETCONF_NS,
    Element,
    attributes_of,
    declarations,
    holds_text,
    local_name,
    namespace,
    parse,
    rename,
)

BASE_1_0 = "urn:ietf:params:netconf:base:1.0"
BASE_1_1 = "urn:ietf:params:netconf:base:1.1"
Namespaces = Mapping[str, tuple[str, str]]
"""Module name to (prefix, namespace)."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PREFIX_SEARCH_LIMIT = 10000
_PARAMETERS_MAX = 100


@dataclass(frozen=True, slots=True)
class Hello:
    """A client's <hello>; ``session_id`` is what a client must not send."""

    capabilities: frozenset[str]
    session_id: str | None


class Rpc:
    """An <rpc>: its one operation, the start tag with which the reply answers, and its message, if it is
    small, and how large that is.

    ``made``: what was made of the same request before, None if it did not come before. Then its operation is
    parsed for who asks for it. ``waits``: it is known that it cannot be answered at once.
    """

    __slots__ = ("_operation", "made", "message", "octets", "reply_start", "waits")

    def __init__(
        self, operation: Element | None, reply_start: bytes, message: bytes = b"", made: object = None
    ) -> None:
        self._operation = operation
        self.reply_start = reply_start
        self.octets = len(message)
        self.message = message if self.octets <= KNOWN_OCTETS else b""
        self.made = made
        self.waits = False

    @property
    def operation(self) -> Element:
        if self._operation is None:
            self._operation = parse_rpc(self.message).operation
        return self._operation


class RpcProblem(Exception):
    """An <rpc> that cannot be dispatched but can be answered."""

    def __init__(self, error: RpcError, reply_start: bytes) -> None:
        super().__init__(error.message)
        self.error = error
        self.reply_start = reply_start


PLAIN_START = f'<rpc-reply xmlns="{NETCONF_NS}">'.encode()


def build_hello(capabilities: Sequence[str], session_id: int) -> bytes:
    rows = "".join(f"<capability>{escape(uri)}</capability>" for uri in capabilities)
    return (
        f'<hello xmlns="{NETCONF_NS}"><capabilities>{rows}</capabilities>'
        f"<session-id>{session_id}</session-id></hello>"
    ).encode()


def parse_hello(data: bytes) -> Hello | None:
    """Return the client's hello, None if the message is something else.

    What it has beside capabilities and the session-id is passed over: RFC 6241 section 8.1 says nothing of
    it, and nobody means anything for this server by it.

    Raises:
        XmlError: it is not acceptable XML.
    """
    root = parse(data)
    if local_name(root) != "hello" or namespace(root) != NETCONF_NS:
        return None
    listed = root.iterfind(f"{{{NETCONF_NS}}}capabilities/{{{NETCONF_NS}}}capability")
    found = [(e.text or "").strip() for e in listed]
    session_id = root.find(f"{{{NETCONF_NS}}}session-id")
    return Hello(frozenset(found), None if session_id is None else session_id.text or "")


def parse_rpc(data: bytes, max_elements: int = MAX_ELEMENTS, max_depth: int = MAX_DEPTH) -> Rpc:
    """Return the <rpc> in ``data``.

    Raises:
        XmlError: it is not acceptable XML.
        RpcProblem: it is no <rpc>, has no message-id, or not exactly one operation.
    """
    root = parse(data, max_elements, max_depth)
    name = local_name(root)
    if name != "rpc" or namespace(root) != NETCONF_NS:
        message = f"a client sends <rpc> in the NETCONF base namespace, not <{name}>"
        raise RpcProblem(UnknownElement(name, message, type=ErrorType.RPC), PLAIN_START)
    start = _reply_start(root)
    if "message-id" not in root.attrib:
        raise RpcProblem(MissingAttribute("message-id", "rpc", type=ErrorType.RPC), start)
    if len(root) == 0:
        raise RpcProblem(MissingElement("rpc", "<rpc> holds no operation", type=ErrorType.RPC), start)
    if len(root) > 1:
        extra = local_name(root[1])
        message = "<rpc> holds more than one operation"
        raise RpcProblem(BadElement(extra, message, type=ErrorType.RPC), start)
    if holds_text(root):
        raise RpcProblem(BadElement("rpc", "<rpc> holds an operation, not text", type=ErrorType.RPC), start)
    if namespace(root[0]) in ("", NETCONF_NS):
        _adopt(root[0])
    return Rpc(root[0], start, data)


def _adopt(element: Element) -> None:
    """Give parameters of a base operation that have no namespace the one that they can only mean.

    Ansible's own examples are written so. What is inside <config> and <filter> is data, and left as it is; so
    is what a client says to be in no namespace, with xmlns="".
    """
    if not namespace(element) and element.nsmap.get(None) is None:
        rename(element, f"{{{NETCONF_NS}}}{local_name(element)}")
    if namespace(element) == NETCONF_NS and local_name(element) not in ("config", "filter"):
        for child in islice(element, _PARAMETERS_MAX):
            _adopt(child)


def _reply_start(root: Element) -> bytes:
    """Return the start tag of the reply, with every attribute of the <rpc> (RFC 6241 section 4.2)."""
    declared = {uri: prefix for prefix, uri in root.nsmap.items() if prefix}
    declared["http://www.w3.org/XML/1998/namespace"] = "xml"
    text = f'<rpc-reply xmlns="{NETCONF_NS}"'
    used: dict[str, str] = {}
    attributes = ""
    for number, (key, value) in enumerate(attributes_of(root).items()):
        uri, _, name = key.rpartition("}")
        if uri:
            prefix = used.setdefault(uri[1:], declared.get(uri[1:], f"ns{number}"))
            name = f"{prefix}:{name}"
        attributes += f" {name}={quoteattr(value)}"
    for uri, prefix in used.items():
        if prefix != "xml":
            text += f" xmlns:{prefix}={quoteattr(uri)}"
    return f"{text}{attributes}>".encode()


def client_prefixes(operation: Element) -> dict[str, str]:
    """Return namespace to the prefix that the client uses for it, for error paths in its terms."""
    found = {uri: prefix for prefix, uri in operation.nsmap.items() if prefix}
    for prefix, uri in declarations(operation, _PREFIX_SEARCH_LIMIT):
        if prefix:
            found.setdefault(uri, prefix)
    return found


def reply(rpc: Rpc, body: bytes) -> bytes:
    """Return the reply with ``body`` as its content, ``<ok/>`` if that is empty."""
    return rpc.reply_start + (body or b"<ok/>") + b"</rpc-reply>"


def error_reply(
    start: bytes,
    errors: Iterable[RpcError],
    namespaces: Namespaces,
    prefixes: Mapping[str, str] | None = None,
) -> bytes:
    """Return a reply with one <rpc-error> for each of ``errors``."""
    body = b"".join(rpc_error(error, namespaces, prefixes or {}) for error in errors)
    return start + body + b"</rpc-reply>"


def rpc_error(error: RpcError, namespaces: Namespaces, prefixes: Mapping[str, str]) -> bytes:
    """Return one <rpc-error> (RFC 6241 section 4.3), its children in the order of the schema."""
    text = (
        f"<rpc-error><error-type>{error.type.value}</error-type><error-tag>{error.tag}</error-tag>"
        f"<error-severity>{error.severity}</error-severity>"
    )
    if error.app_tag:
        text += f"<error-app-tag>{_text(error.app_tag)}</error-app-tag>"
    if error.path:
        path, declared = xml_path(error.path, namespaces, prefixes, spelled=error.spelled)
        text += f"<error-path{_declarations(declared)}>{_text(path)}</error-path>"
    # What is quoted of a YANG module may be written in several lines.
    message = _LINE_END.sub(" ", error.told).strip()
    message = _PATH.sub(partial(_in_terms_of_the_client, namespaces, prefixes), message)
    text += f'<error-message xml:lang="en">{_text(message)}</error-message>'
    if error.info:
        text += f"<error-info>{_info(error, namespaces, prefixes)}</error-info>"
    return f"{text}</rpc-error>".encode()


def _info(error: RpcError, namespaces: Namespaces, prefixes: Mapping[str, str]) -> str:
    text, opened = "", ""
    for key, values in error.info.items():
        uri, _, name = key.rpartition("}")
        outer, _, name = name.rpartition("/")
        default = f" xmlns={quoteattr(uri[1:])}" if uri else ""
        if outer != opened:
            text += (f"</{opened}>" if opened else "") + (f"<{outer}{default}>" if outer else "")
            opened = outer
        if opened:
            default = ""
        for value in (values,) if isinstance(values, str) else values:
            declared: dict[str, str] = {}
            if isinstance(value, IdentityRef):
                module, _, identity = value.partition(":")
                value = _qualified(module, identity, namespaces, prefixes, declared)
            elif uri and value.startswith("/"):
                value, declared = xml_path(value, namespaces, prefixes, spelled=error.spelled)
            text += f"<{name}{default}{_declarations(declared)}>{_text(value)}</{name}>"
    return text + (f"</{opened}>" if opened else "")


def _declarations(declared: Mapping[str, str]) -> str:
    return "".join(f" xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in declared.items())


def _text(value: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", value))


def _in_terms_of_the_client(namespaces: Namespaces, prefixes: Mapping[str, str], found: re.Match[str]) -> str:
    """Return a path that a message quotes with the client's prefixes, if it is one of data."""
    return xml_path(found[0], namespaces, prefixes)[0] if found["module"] in namespaces else found[0]


_LINE_END = re.compile(r"(?<![ \t])[ \t]*+[\r\n]+\s*")
# As libyang quotes one: it begins with a module, and every key has a literal.
_PATH = re.compile(
    r"(?<![\w/.:*\]])(?=/(?P<module>[\w.-]+):)(?:/(?:[\w.-]+:)?[A-Za-z_][\w.-]*"
    r"(?:\[(?:(?:[\w.-]+:)?[A-Za-z_][\w.-]*|\.)=(?:\"[^\"]*\"|'[^']*')\]|\[\d+\])*)+"
)
_STEP = re.compile(r"/(?:([\w.-]+):)?([\w.-]+)")
_PREDICATE = re.compile(
    r"\[(?:(?:(?P<module>[\w.-]+):)?(?P<name>[A-Za-z_][\w.-]*)|(?P<self>\.))=(?P<value>\"[^\"]*\"|'[^']*')\]"
    r"|\[(?P<position>\d+)\]"
)


Spelled = Mapping[tuple[str, str], Sequence[str]]
"""As RpcError.spelled."""


def xml_path(
    path: str, namespaces: Namespaces, prefixes: Mapping[str, str], *, spelled: Spelled | None = None
) -> tuple[str, dict[str, str]]:
    """Turn an RFC 7951 instance-identifier into an XPath with prefixes.

    Args:
        spelled: pieces of the values in it that hold names themselves.

    Returns:
        The path, and the prefixes it uses with their namespaces. A path that is not understood
        (a value with both kinds of quotes) is returned as far as it was.
    """
    declared: dict[str, str] = {}
    text, module, position = "", "", 0
    while (step := _STEP.match(path, position)) is not None:
        module = step[1] or module
        text += "/" + _qualified(module, step[2], namespaces, prefixes, declared)
        position = step.end()
        while (test := _PREDICATE.match(path, position)) is not None:
            name = test["self"] or ""
            if test["name"]:
                name = _qualified(test["module"] or module, test["name"], namespaces, prefixes, declared)
            value = test["value"] or ""
            if pieces := (spelled or {}).get((test["name"] or ".", value[1:-1])):
                written = (
                    piece if number % 2 == 0 else _prefix(piece, namespaces, prefixes, declared)
                    for number, piece in enumerate(pieces)
                )
                value = f"{value[0]}{''.join(written)}{value[0]}"
            text += f"[{name}={value}]" if name else f"[{test['position']}]"
            position = test.end()
    return text, declared


def _qualified(
    module: str, name: str, namespaces: Namespaces, prefixes: Mapping[str, str], declared: dict[str, str]
) -> str:
    if module not in namespaces:
        return name
    return f"{_prefix(module, namespaces, prefixes, declared)}:{name}"


def _prefix(
    module: str, namespaces: Namespaces, prefixes: Mapping[str, str], declared: dict[str, str]
) -> str:
    own, uri = namespaces[module]
    prefix = prefixes.get(uri, own)
    while declared.get(prefix, uri) != uri:
        prefix += "_"
    declared[prefix] = uri
    return prefix
