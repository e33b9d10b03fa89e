"""Requests that come again and again, with another message-id at most, and what was made of them."""

from __future__ import annotations

import re
from xml.sax.saxutils import quoteattr

from agent.xml import NETCONF_NS

MOST_OCTETS = 2048
"""Of a message that is kept,"""
MOST = 256
"""and how many of them."""

_DECLARATIONS = rb"""(?:[ \t\r\n]+xmlns(?::[\w.-]+)?=(?:"[^"'<>&]*"|'[^"'<>&]*'))*"""
# In the start tag of a request that is kept no value holds a quote: what looks like an attribute is one.
_HEAD = re.compile(
    rb"[ \t\r\n]*(?:<\?xml [^<>]*\?>\s*)?<(?:[\w.-]+:)?rpc%b"
    rb"[ \t\r\n]+message-id=([\"'])(?P<id>[\w.:-]{1,64})\1%b[ \t\r\n]*>" % (_DECLARATIONS, _DECLARATIONS)
)
_BEFORE = f'<rpc-reply xmlns={quoteattr(NETCONF_NS)} message-id="'.encode()
_BEHIND = b'">'


class Known:
    """What was made of requests, by their octets; the oldest gives way.

    It must depend on nothing else but the schema, and hold nothing that is changed.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[bytes, bytes], object] = {}

    def find(self, message: bytes) -> tuple[object, bytes] | None:
        """Return what was made of ``message``, and the start tag of its reply; None if it is not known."""
        if not self._made or len(message) > MOST_OCTETS or (head := _HEAD.match(message)) is None:
            return None
        made = self._made.get((message[: head.start("id")], message[head.end("id") :]))
        return None if made is None else (made, _BEFORE + head["id"] + _BEHIND)

    def keep(self, message: bytes, reply_start: bytes, made: object) -> None:
        """Keep what was ``made`` of a request, if its message is one that can be known again."""
        head = _HEAD.match(message) if len(message) <= MOST_OCTETS else None
        if head is None or reply_start != _BEFORE + head["id"] + _BEHIND:
            return
        if len(self._made) >= MOST:
            del self._made[next(iter(self._made))]
        self._made[message[: head.start("id")], message[head.end("id") :]] = made
