"""Hears that somebody else changed rules of nftables, or that rules of routing went, from netlink.

Debian's own set of rules, when it is loaded, begins with "flush ruleset". Of a message only its kind, and of
nftables its author, is read: it is the word to look at what is there.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Iterator

from translators.strongswan.protection import nft

log = logging.getLogger(__name__)

NETLINK_NETFILTER = 12
GROUP_NFTABLES = 7
NEW_GENERATION = 10 << 8 | 15
"""The subsystem nftables, and its message that ends a transaction (linux/netfilter/nf_tables.h)."""
GENERATION_PID = 2
GROUPS_RULE = 1 << (8 - 1) | 1 << (19 - 1)
RULE_GONE = 33
"""The groups of rules of IPv4 and IPv6, and RTM_DELRULE (linux/rtnetlink.h)."""
HEADER = struct.Struct("=IHHII")
FAMILY_HEADER_SIZE = 4
ATTRIBUTE = struct.Struct("=HH")
READ_SIZE = 65536
READS_AT_ONCE = 64


class RulesWatch:
    """``changed`` is called on the event loop after changes of the rules of nftables by another process than
    ours, and when a rule of routing went."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._sockets: list[socket.socket] = []

    def start(self) -> None:
        """Begin to listen; where that cannot be, the log says so."""
        self._listen(NETLINK_NETFILTER, 1 << (GROUP_NFTABLES - 1), _is_foreign)
        self._listen(socket.NETLINK_ROUTE, GROUPS_RULE, _is_of_one_gone)

    def _listen(self, protocol: int, groups: int, matters: Callable[[bytes], bool]) -> None:
        try:
            opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
            opened.setblocking(False)
            opened.bind((0, groups))
        except OSError as error:
            what = "nftables" if protocol == NETLINK_NETFILTER else "rules of routing"
            log.warning("changes of %s cannot be watched, only looked for: %s", what, error)
            return
        self._sockets.append(opened)
        asyncio.get_running_loop().add_reader(opened.fileno(), self._read, opened, matters)

    def stop(self) -> None:
        """Stop listening. Safe to call twice."""
        while self._sockets:
            opened = self._sockets.pop()
            asyncio.get_running_loop().remove_reader(opened.fileno())
            opened.close()

    def _read(self, opened: socket.socket, matters: Callable[[bytes], bool]) -> None:
        found = False
        try:
            for _ in range(READS_AT_ONCE):
                found |= matters(opened.recv(READ_SIZE))
        except BlockingIOError:
            pass
        except OSError:  # some were lost
            found = True
        if found:
            self._changed()


def _is_foreign(datagram: bytes) -> bool:
    return any(pid not in nft.own_pids for pid in authors(datagram))


def _is_of_one_gone(datagram: bytes) -> bool:
    return any(kind == RULE_GONE for kind, _body in _messages(datagram))


def authors(datagram: bytes) -> Iterator[int]:
    """Yield the process ids of those who, as ``datagram`` says, made a new generation of the rules."""
    for kind, body in _messages(datagram):
        if kind == NEW_GENERATION:
            yield _attribute(body[FAMILY_HEADER_SIZE:], GENERATION_PID)


def _messages(datagram: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the kind of each message, and what follows its header."""
    at = 0
    while at + HEADER.size <= len(datagram):
        length, kind = HEADER.unpack_from(datagram, at)[:2]
        if length < HEADER.size:
            return
        yield kind, datagram[at + HEADER.size : at + length]
        at += _aligned(length)


def _attribute(attributes: bytes, wanted: int) -> int:
    """Return a number of 32 bits, 0 if it is not there."""
    at = 0
    while at + ATTRIBUTE.size <= len(attributes):
        length, kind = ATTRIBUTE.unpack_from(attributes, at)
        if length < ATTRIBUTE.size:
            return 0
        if kind == wanted:
            return int.from_bytes(attributes[at + ATTRIBUTE.size : at + length])
        at += _aligned(length)
    return 0


def _aligned(length: int) -> int:
    return (length + 3) & ~3
