"""What ``yangswan netconf-subsystem`` says of its user, in a line before the first message of NETCONF.

    yangswan-netconf-subsystem {"user": "ann", "source-host": "192.0.2.7", "source-port": 50022,
                                "local-host": "192.0.2.1"}

in one line of at most ``OCTETS_MAX`` octets. All but the user may be missing. No message begins so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

WORD = b"yangswan-netconf-subsystem "
OCTETS_MAX = 1024
NAME_CHARACTERS_MAX = 255
ADDRESS_CHARACTERS_MAX = 61
"""Of an IPv6 address, and of its zone with "%": a name of 15 octets (IFNAMSIZ)."""
_PORT_MAX = 65535
_KINDS = {"user": str, "source-host": str, "source-port": int, "local-host": str}


class Garbled(ValueError):
    """It is no such line; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Preamble:
    """Who is at the other end of the subsystem, as it says; "" and 0 for what it does not say."""

    user: str
    source_host: str = ""
    source_port: int = 0
    local_host: str = ""


def is_whole(arrived: bytes | bytearray) -> bool:
    """True if what has arrived first shows whether there is such a line, and all of it.

    Raises:
        Garbled: it is too long.
    """
    if not (arrived.startswith(WORD) or WORD.startswith(arrived)):
        return True
    if b"\n" in arrived[:OCTETS_MAX]:
        return True
    if len(arrived) >= OCTETS_MAX:
        raise Garbled(f"it is longer than {OCTETS_MAX} octets")
    return False


def cut(arrived: bytearray) -> bytes | None:
    """Take the line off what has arrived first, which ``is_whole``; None if there is none."""
    if not arrived.startswith(WORD):
        return None
    end = arrived.index(b"\n") + 1
    line = bytes(arrived[:end])
    del arrived[:end]
    return line


def read(line: bytes) -> Preamble:
    """Return what ``line`` says.

    Raises:
        Garbled: it is not as it should be.
    """
    try:
        said: Any = json.loads(line.removeprefix(WORD))
    except (ValueError, RecursionError):
        raise Garbled("it is not JSON") from None
    if not isinstance(said, dict) or not said.keys() <= _KINDS.keys():
        raise Garbled("it has other members than a user, addresses and a port")
    if not all(type(value) is _KINDS[name] for name, value in said.items()):
        raise Garbled("a member has another type")
    found = Preamble(
        user=said.get("user", ""),
        source_host=said.get("source-host", ""),
        source_port=said.get("source-port", 0),
        local_host=said.get("local-host", ""),
    )
    if not is_name(found.user):
        raise Garbled("its user cannot be one")
    if not all(map(_is_address, (found.source_host, found.local_host))):
        raise Garbled("an address is none")
    if not 0 <= found.source_port <= _PORT_MAX:
        raise Garbled("its port is none")
    return found


def is_name(user: str) -> bool:
    """True for the name of a user that can be told to clients, and be in a log."""
    return 0 < len(user) <= NAME_CHARACTERS_MAX and user.isprintable() and user == user.strip()


def _is_address(text: str) -> bool:
    """True for an address; that of a link may have a zone, the name of an interface."""
    try:
        return not text or (bool(ip_address(text)) and is_name(text) and len(text) <= ADDRESS_CHARACTERS_MAX)
    except ValueError:
        return False
