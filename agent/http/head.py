"""What of the head of a request is refused before an application sees it (RFC 9112 sections 3 and 5)."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import unquote_to_bytes

from agent.http.limits import DoorLimits

Fields = Sequence[tuple[bytes, bytes]]

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""That can be served at all; an application takes its choice of them."""
_ORIGIN_FORM = re.compile(rb"/[\x21\x24-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e%]*+")
"""RFC 3986 appendix A, with the brackets that clients leave as they are."""
_ABSOLUTE_FORM = re.compile(rb"(?P<scheme>https?)://(?P<authority>[^/?#]*+)(?P<rest>.*+)", re.I)
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<host>[A-Za-z0-9._-]{1,255}))(?::[0-9]{1,5})?")
_SLASHES = re.compile(rb"%2[Ff]|%5[Cc]")


@dataclass(frozen=True, slots=True)
class Target:
    """``path``: with the query, as the origin form has it. ``scheme`` and ``host``, for Host, are empty where
    nothing else was sent."""

    path: bytes
    scheme: bytes = b""
    host: bytes = b""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The status and the sentence with which a request is refused; ``allow``: the methods instead."""

    status: int
    sentence: str
    allow: str = ""


def target_of(sent: bytes) -> Target:
    """Return what was sent as a target, in the origin form or the absolute one (RFC 9112 section 3.2)."""
    found = _ABSOLUTE_FORM.fullmatch(sent)
    if found is None:
        return Target(sent)
    path: bytes = found["rest"]
    if not path.startswith(b"/"):
        path = b"/" + path
    return Target(path, scheme=found["scheme"].lower(), host=found["authority"])


def refusal(
    method: str, target: bytes, fields: Fields, *, limits: DoorLimits, hosts: Collection[str]
) -> Refusal | None:
    """Return why a request is refused, None if it is not.

    Args:
        hosts: the names and addresses that this door is known by; see ``host_name``.
    """
    if len(fields) > limits.head_fields:
        return Refusal(431, f"a request has {limits.head_fields} header fields at most")
    if sum(len(name) + len(value) for name, value in fields) > limits.head_octets:
        return Refusal(431, f"a head has {limits.head_octets} octets at most")
    if len(target) > limits.target_octets:
        return Refusal(414, f"a target has {limits.target_octets} octets at most")
    if method not in METHODS:
        return Refusal(501, "this method is not known here")
    if method not in limits.methods:
        return Refusal(405, "this method is not allowed here", allow=", ".join(sorted(limits.methods)))
    return (
        _host_refusal(fields, hosts)
        or _framing_refusal(fields)
        or _length_refusal(fields, limits)
        or _coding_refusal(fields)
        or (None if target == b"*" and method == "OPTIONS" else _target_refusal(target, limits))
    )


def _host_refusal(fields: Fields, hosts: Collection[str]) -> Refusal | None:
    """A page of a stranger may have its own name lead here (DNS rebinding): no browser says ours then."""
    found = [value for name, value in fields if name == b"host"]
    name = host_name(found[0].decode("latin-1")) if len(found) == 1 else None
    if name is None:
        return Refusal(400, "a request has one Host, a name or an address, with or without a port")
    return None if name in hosts else Refusal(421, "this is not the host that was asked for")


def host_name(text: str) -> str | None:
    """Return the name or address in a Host field (RFC 9110 section 7.2), in one form; None if it is none."""
    found = _HOST.fullmatch(text)
    if found is None:
        return None
    if found["host"]:
        return found["host"].lower().removesuffix(".")
    try:
        return str(ip_address(found["six"]))
    except ValueError:
        return None


def _framing_refusal(fields: Fields) -> Refusal | None:
    """Who stands between may go by the other of the two, and take the body for a request of its own."""
    names = {name for name, _ in fields}
    if {b"content-length", b"transfer-encoding"} <= names:
        return Refusal(400, "a body comes with a Content-Length or in chunks, not with both")
    return None


def _length_refusal(fields: Fields, limits: DoorLimits) -> Refusal | None:
    """h11 has seen that it is a number, and stands there once."""
    length = next((value for name, value in fields if name == b"content-length"), b"0")
    return too_large(limits) if int(length) > limits.body_octets else None


def too_large(limits: DoorLimits) -> Refusal:
    return Refusal(413, f"the body of a request has {limits.body_octets} octets at most")


def _coding_refusal(fields: Fields) -> Refusal | None:
    """A body that is compressed is no body of an application's yet (RFC 9110 section 8.4)."""
    named = b",".join(value for name, value in fields if name == b"content-encoding")
    if {coding.strip().lower() for coding in named.split(b",")} <= {b"", b"identity"}:
        return None
    return Refusal(415, "the body of a request is sent as it is, without a Content-Encoding")


def _target_refusal(target: bytes, limits: DoorLimits) -> Refusal | None:
    if not _ORIGIN_FORM.fullmatch(target) or _BROKEN_ESCAPE.search(target):
        return Refusal(400, "the target of a request is a path, with its characters encoded")
    path = target.partition(b"?")[0]
    below = limits.slashes_below.encode()
    if _SLASHES.search(path) and not (below and path.startswith(below + b"/")):
        return Refusal(400, "an encoded slash or backslash is not taken in this path")
    if any(map(_is_tricky, path[1:].split(b"/")[:-1])) or _is_dots(path.rpartition(b"/")[2]):
        return Refusal(400, "a path has no empty segments, and none of dots alone")
    try:
        text = unquote_to_bytes(target).decode()
    except UnicodeDecodeError:
        return Refusal(400, "the target of a request is in UTF-8")
    if "\0" in text:
        return Refusal(400, "the target of a request does not hold NUL")
    return None


def _is_tricky(segment: bytes) -> bool:
    return not segment or _is_dots(segment)


def _is_dots(segment: bytes) -> bool:
    return unquote_to_bytes(segment) in (b".", b"..")
