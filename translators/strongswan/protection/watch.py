"""Hears that somebody else changed rules of nftables, from netlink (its group of nftables).

Debian's own set of rules, when it is loaded, begins with "flush ruleset". Of a message only its author is
read: it is the word to look at what is there.
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
HEADER = struct.Struct("=IHHII")
FAMILY_HEADER_SIZE = 4
ATTRIBUTE = struct.Struct("=HH")
READ_SIZE = 65536
READS_AT_ONCE = 64


class RulesWatch:
    """``changed`` is called on the event loop after changes of the rules by another process than ours."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._socket: socket.socket | None = None

    def start(self) -> None:
        """Begin to listen; where that cannot be, the log says so."""
        try:
            opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
            opened.setblocking(False)
            opened.bind((0, 1 << (GROUP_NFTABLES - 1)))
        except OSError as error:
            log.warning("changes of nftables cannot be watched, only looked for: %s", error)
            return
        self._socket = opened
        asyncio.get_running_loop().add_reader(opened.fileno(), self._read, opened)

    def stop(self) -> None:
        """Stop listening. Safe to call twice."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _read(self, opened: socket.socket) -> None:
        foreign = False
        try:
            for _ in range(READS_AT_ONCE):
                foreign |= any(pid not in nft.own_pids for pid in authors(opened.recv(READ_SIZE)))
        except BlockingIOError:
            pass
        except OSError:  # some were lost
            foreign = True
        if foreign:
            self._changed()


def authors(datagram: bytes) -> Iterator[int]:
    """Yield the process ids of those who, as ``datagram`` says, made a new generation of the rules."""
    at = 0
    while at + HEADER.size <= len(datagram):
        length, kind = HEADER.unpack_from(datagram, at)[:2]
        if length < HEADER.size:
            return
        if kind == NEW_GENERATION:
            yield _attribute(datagram[at + HEADER.size + FAMILY_HEADER_SIZE : at + length], GENERATION_PID)
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
