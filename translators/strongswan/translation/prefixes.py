"""IP addresses and prefixes, parsed. Pure.

Most are IPv4 in the one spelling that libyang leaves; those are read without the library, which takes ten
times as long for its objects.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import product

Prefix = tuple[int, int, int]
"""IP version, first address, length: in this order those within a prefix follow it directly."""
Pair = tuple[Prefix, Prefix]
BITS = {4: 32, 6: 128}
KNOWN_MAX = 4096
"""Of so many texts the outcome is kept: subnets and addresses that many tunnels have."""

_OCTET = r"(0|[1-9]\d{0,2})"
_V4 = re.compile(rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}(?:/(0|[1-9]\d?))?", re.ASCII)


@lru_cache(KNOWN_MAX)
def prefix(text: str) -> Prefix:
    """Return the prefix written as ``text``.

    Raises:
        ValueError: it is none.
    """
    if (found := _v4(text)) is not None:
        return found
    network = ipaddress.ip_network(text, strict=False)
    return network.version, int(network.network_address), network.prefixlen


def _v4(text: str) -> Prefix | None:
    if (match := _V4.fullmatch(text)) is None:
        return None
    *octets, length = match.groups()
    first = 0
    for octet in map(int, octets):
        if octet > 255:
            return None
        first = first << 8 | octet
    bits = 32 if length is None else int(length)
    return None if bits > 32 else (4, first >> 32 - bits << 32 - bits, bits)


@lru_cache(KNOWN_MAX)
def canonical_prefix(text: str) -> str:
    """Return the one spelling of the prefix ``text``. Raises: as ``prefix``."""
    # An address with a zone is left to the library.
    found = str(ipaddress.ip_network(text, strict=False)) if "%" in text else written(prefix(text))
    return text if found == text else found  # one object for both


@lru_cache(KNOWN_MAX)
def canonical_address(text: str) -> str:
    """Return the one spelling of the IP address ``text``.

    Raises:
        ValueError: it is none.
    """
    if "/" not in text and _v4(text) is not None:
        return text
    found = str(ipaddress.ip_address(text))
    return text if found == text else found


def forget_texts() -> None:
    """Forget the outcomes that are kept: what they hold lies amid all that a large change made, and keeps its
    memory from the system."""
    for kept in (prefix, canonical_prefix, canonical_address):
        kept.cache_clear()


def written(one: Prefix) -> str:
    """Return a prefix as text."""
    version, first, length = one
    if version == 4:
        return f"{first >> 24}.{first >> 16 & 255}.{first >> 8 & 255}.{first & 255}/{length}"
    return f"{ipaddress.IPv6Address(first)}/{length}"


def cut(one: Prefix, length: int) -> Prefix:
    """Return the prefix of ``length``, which is not longer, that ``one`` lies in."""
    version, first, _length = one
    spare = BITS[version] - length
    return version, first >> spare << spare, length


def within(inner: Prefix, outer: Prefix) -> bool:
    """Return whether all of ``inner`` lies in ``outer``."""
    return inner[0] == outer[0] and inner[2] >= outer[2] and cut(inner, outer[2]) == outer


def in_one_family(locals_: Iterable[Prefix], remotes: Iterable[Prefix]) -> Iterator[Pair]:
    """Yield every pair of both sides; one of two address families carries nothing."""
    return ((local, remote) for local, remote in product(locals_, remotes) if local[0] == remote[0])
