"""X.500 distinguished names: text (RFC 4514, or OpenSSL's ``/C=SE/O=..``) to DER (X.690).

Only what an identity needs: one attribute per RDN, in the order written, values as PrintableString where
they fit and UTF8String otherwise, IA5String for emailAddress and domainComponent. strongSwan compares
values without regard to string type and case.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

UTF8_STRING, PRINTABLE_STRING, IA5_STRING = 0x0C, 0x13, 0x16
OBJECT_IDENTIFIER, SEQUENCE, SET = 0x06, 0x30, 0x31

_OIDS = {
    "CN": "2.5.4.3",
    "SN": "2.5.4.4",
    "serialNumber": "2.5.4.5",
    "C": "2.5.4.6",
    "L": "2.5.4.7",
    "ST": "2.5.4.8",
    "STREET": "2.5.4.9",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "T": "2.5.4.12",
    "D": "2.5.4.13",
    "postalCode": "2.5.4.17",
    "N": "2.5.4.41",
    "G": "2.5.4.42",
    "I": "2.5.4.43",
    "ID": "2.5.4.45",
    "dnQualifier": "2.5.4.46",
    "dmdName": "2.5.4.54",
    "pseudonym": "2.5.4.65",
    "UID": "0.9.2342.19200300.100.1.1",
    "DC": "0.9.2342.19200300.100.1.25",
    "E": "1.2.840.113549.1.9.1",
    "unstructuredName": "1.2.840.113549.1.9.2",
    "unstructuredAddress": "1.2.840.113549.1.9.8",
    "employeeNumber": "2.16.840.1.113730.3.1.3",
}
_ALIASES = {
    "GN": "G",
    "EMAIL": "E",
    "EMAILADDRESS": "E",
    "UN": "unstructuredName",
    "UA": "unstructuredAddress",
}
_TYPES = {name.upper(): name for name in _OIDS} | _ALIASES
_IA5 = frozenset({"E", "DC"})
ASCII_ALONE = _IA5 | {"C", "serialNumber", "dnQualifier"}
# strongSwan reads SN as the serial number, so this one has no textual form that both sides agree on.
_NOT_AS_TEXT = frozenset({"SN"})
_SPECIAL = re.compile(r"[,\\]")
_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*")
_PLAIN_TEXT = re.compile(r"[A-Za-z0-9 '()+\-.:?@_]+")


@dataclass(frozen=True, slots=True)
class Part:
    """One RDN; ``type`` is a key of the table of object identifiers."""

    type: str
    value: str


def parse(text: str) -> tuple[Part, ...]:
    """Return the parts of ``text``; a backslash takes the next character literally.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    separator = "/" if text.startswith("/") else ","
    pieces = _split(text[1:] if separator == "/" else text, separator)
    return tuple(_part(piece) for piece in pieces)


def _split(text: str, separator: str) -> list[str]:
    pieces, current, literal = [], "", False
    for character in text:
        if literal or character not in ("\\", separator):
            # The mark keeps a literal blank or '=' from being trimmed or taken as the assignment.
            current += character if not literal else f"\0{character}"
            literal = False
        elif character == "\\":
            literal = True
        else:
            pieces.append(current)
            current = ""
    if literal:
        raise ValueError("the distinguished name ends in a backslash")
    return [*pieces, current]


def _part(piece: str) -> Part:
    name, equals, value = piece.partition("=")
    name, value = name.strip(), value.strip().replace("\0", "")
    if not equals:
        raise ValueError(f"'{value or name}' in the distinguished name is not of the form TYPE=value")
    if name.upper() not in _TYPES:
        known = ", ".join(_OIDS)
        raise ValueError(f"'{name}' is not a known attribute of a distinguished name; known are {known}")
    if not value:
        raise ValueError(f"{name} in the distinguished name has no value")
    return Part(_TYPES[name.upper()], value)


def render(name: Sequence[Part]) -> str:
    """Return the one text that stands for ``name``."""
    return ", ".join(f"{part.type}={_SPECIAL.sub(_escape, part.value)}" for part in name)


def _escape(special: re.Match[str]) -> str:
    return f"\\{special[0]}"


def render_for_charon(name: Sequence[Part]) -> str | None:
    """Return text that strongSwan parses to the same name, None where it might not."""
    if any(part.type in _NOT_AS_TEXT or not _PLAIN_TEXT.fullmatch(part.value) for part in name):
        return None
    return ", ".join(f"{part.type}={part.value}" for part in name)


def encode(name: Sequence[Part]) -> bytes:
    """Return the DER encoding (a SEQUENCE of RDNs, RFC 5280 section 4.1.2.4)."""
    return _value(SEQUENCE, b"".join(_value(SET, _value(SEQUENCE, _attribute(part))) for part in name))


def _attribute(part: Part) -> bytes:
    if part.type in _IA5 and part.value.isascii():
        kind = IA5_STRING
    elif _PRINTABLE.fullmatch(part.value):
        kind = PRINTABLE_STRING
    else:
        kind = UTF8_STRING
    return _value(OBJECT_IDENTIFIER, _oid(_OIDS[part.type])) + _value(kind, part.value.encode())


def _value(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def _oid(dotted: str) -> bytes:
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    encoded = bytes((first * 40 + second,))
    for arc in rest:
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(0x80 | arc & 0x7F)
        encoded += bytes(reversed(septets))
    return encoded


def oids(name: Sequence[Part]) -> list[tuple[str, str]]:
    """Return object identifier (dotted) and value of each part."""
    return [(_OIDS[part.type], part.value) for part in name]


_NAMES = {oid: name for name, oid in _OIDS.items()}


def text_of(parts: Sequence[tuple[str, str]]) -> str:
    """Return the text that ``parse`` takes, from object identifier and value of each part.

    A type that has no name there stands as its number; such a name cannot be configured as an identity.
    """
    return ", ".join(f"{_NAMES.get(oid, oid)}={_SPECIAL.sub(_escape, value)}" for oid, value in parts)
