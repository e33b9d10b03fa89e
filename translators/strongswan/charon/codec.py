"""VICI messages to octets and back (strongSwan's ``src/libcharon/plugins/vici/README.md``).

The ``vici`` package does the same through a stream and a generator for each list; a list of ten thousand SAs
takes it several times as long, on the event loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SECTION_START, SECTION_END, KEY_VALUE, LIST_START, LIST_ITEM, LIST_END = 1, 2, 3, 4, 5, 6
NAME_OCTETS_MAX, VALUE_OCTETS_MAX = 255, 65535

Section = dict[str, "str | list[str] | Section"]
"""A decoded message; charon writes text, octets that are not UTF-8 are replaced."""


class TooLong(ValueError):
    """A name or a value is longer than VICI can say."""


class Malformed(ValueError):
    """The octets are no VICI message."""


def encode(message: Mapping[str, object]) -> bytes:
    """Return ``message`` as octets; what is no section, list or octets is sent as its text.

    Raises:
        TooLong: a name or a value of it is.
    """
    found = bytearray()
    _encode(message, found)
    return bytes(found)


def _encode(section: Mapping[str, object], found: bytearray) -> None:
    for key, value in section.items():
        name = key.encode()
        if len(name) > NAME_OCTETS_MAX:
            raise TooLong
        if isinstance(value, dict):
            found += bytes((SECTION_START, len(name)))
            found += name
            _encode(value, found)
            found.append(SECTION_END)
        elif isinstance(value, list):
            found += bytes((LIST_START, len(name)))
            found += name
            for item in value:
                found.append(LIST_ITEM)
                _value(item, found)
            found.append(LIST_END)
        else:
            found += bytes((KEY_VALUE, len(name)))
            found += name
            _value(value, found)


def _value(value: object, found: bytearray) -> None:
    octets = value if isinstance(value, bytes) else str(value).encode()
    if len(octets) > VALUE_OCTETS_MAX:
        raise TooLong
    found += len(octets).to_bytes(2)
    found += octets


def decode(octets: bytes, at: int = 0) -> Section:
    """Return the message that begins at ``at``.

    Raises:
        Malformed: it is none.
    """
    try:
        return _decode(octets, at)
    except (IndexError, UnicodeDecodeError):
        raise Malformed from None


def _decode(octets: bytes, at: int) -> Section:
    end = len(octets)
    found: Any = {}
    above: list[Any] = []
    items: list[str] | None = None
    while at < end:
        kind = octets[at]
        at += 1
        if kind == SECTION_END:
            if items is not None or not above:
                raise Malformed
            found = above.pop()
            continue
        if kind == LIST_END:
            if items is None:
                raise Malformed
            items = None
            continue
        if kind == LIST_ITEM:
            if items is None:
                raise Malformed
        else:
            if items is not None:
                raise Malformed
            stop = at + 1 + octets[at]
            name = octets[at + 1 : stop].decode()
            at = stop
            if kind == SECTION_START:
                above.append(found)
                inner: Section = {}
                found[name] = inner
                found = inner
                continue
            if kind == LIST_START:
                items = []
                found[name] = items
                continue
            if kind != KEY_VALUE:
                raise Malformed
        stop = at + 2 + (octets[at] << 8 | octets[at + 1])
        if stop > end:
            raise Malformed
        text = octets[at + 2 : stop].decode("utf-8", "replace")
        at = stop
        if items is None:
            found[name] = text
        else:
            items.append(text)
    if above or items is not None or at > end:
        raise Malformed
    return found  # type: ignore[no-any-return]
