"""What is in force in the kernel of a network namespace, and packets that are sent in it."""

from __future__ import annotations

import asyncio
import socket
import struct
import subprocess
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from tests.lab import Namespace
from tests.translators.protection.test_ruleset import match
from translators.strongswan.protection import nft, ruleset
from translators.strongswan.protection.ruleset import DROP, PASS
from translators.strongswan.translation.guards import Guard, Match, Way
from translators.strongswan.translation.overlaps import prefix

T = TypeVar("T")

NEAR, FAR = "10.1.0.1", "10.2.0.1"
NEAR6, FAR6 = "2001:db8:1::1", "2001:db8:2::1"
OUT, OUT6 = match(Way.OUT, "10.1.0.0/16", "10.2.0.0/16"), match(Way.OUT, "2001:db8:1::/48", "::/0")
PAYLOAD = b"in clear"
SIZE = 20 + 8 + len(PAYLOAD)


def guard(*drops: Match, bypass: Iterable[tuple[str, str]] = ()) -> Guard:
    pairs = frozenset((prefix(local), prefix(network)) for local, network in bypass)
    return Guard(drops=frozenset(drops), bypass=pairs)


def within(namespace: Namespace, test: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return namespace.call(lambda: asyncio.run(test()))


async def in_force() -> set[str]:
    listing = await nft.listing(ruleset.TABLE)
    return set(ruleset.elements(listing)) if listing is not None else set()


def keys(*drops: Match, passes: Iterable[Match] = ()) -> set[str]:
    return {ruleset.element_key(DROP, one) for one in drops} | {
        ruleset.element_key(PASS, one) for one in passes
    }


def passes(source: str, destination: str, *, mark: int = 0, port: int = 9, own_port: int = 0) -> bool:
    """Send a packet of the calling thread's namespace; return whether the kernel let it leave."""
    with socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, struct.pack("=I", mark))
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sender.bind((source, own_port))
        try:
            sender.sendto(PAYLOAD, (destination, port))
        except PermissionError:
            return False
        return True


def disturb(words: str) -> None:
    """Have a process that is not ours change the rules of the calling thread's namespace."""
    subprocess.run(["nft", words], check=True)
