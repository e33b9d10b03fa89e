"""What passes a cable in clear, and somebody who never stops talking."""

from __future__ import annotations

import ipaddress
import select
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType

from tests.lab import Lab, Namespace, udp

ETH_P_ALL = 3
IPV4, IPV6 = 0x0800, 0x86DD
PERIOD_S = 0.005
READ_LIMIT_S = 0.1
BUFFER = 1 << 22

Ends = tuple[str, str]


class Tap:
    """Counts packets of IP that either gateway of ``lab`` puts on the cable, by source and destination, as
    long as it is entered.

    Only what goes out: a packet that the kernel has decrypted seems to arrive at the same interface again.
    """

    def __init__(self, lab: Lab) -> None:
        self.seen: Counter[Ends] = Counter()
        self._ended = threading.Event()
        self._sockets = [
            _opened(lab.alice_ns, lab.cable_of_alice),
            _opened(lab.bob_ns, lab.cable_of_bob),
        ]
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Tap:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        for one in self._sockets:
            one.close()

    def _read(self) -> None:
        while not self._ended.is_set():
            for one in select.select(self._sockets, [], [], READ_LIMIT_S)[0]:
                self._take(one)

    def _take(self, one: socket.socket) -> None:
        try:
            packet, address = one.recvfrom(128)
        except OSError:  # the cable was pulled
            return
        if address[2] == socket.PACKET_OUTGOING and (ends := _ends(address[1], packet)) is not None:
            self.seen[ends] += 1

    def between(self, one: str, other: str) -> int:
        """Return how many packets went out from one network to the other, in either direction."""
        networks = ipaddress.ip_network(one), ipaddress.ip_network(other)
        return sum(
            count
            for ends, count in dict(self.seen).items()
            for first, second in (networks, networks[::-1])
            if ipaddress.ip_address(ends[0]) in first and ipaddress.ip_address(ends[1]) in second
        )


def _opened(namespace: Namespace, cable: str) -> socket.socket:
    opened = namespace.call(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0))
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    opened.bind((cable, ETH_P_ALL))
    return opened


def _ends(kind: int, packet: bytes) -> Ends | None:
    if kind == IPV4:
        return socket.inet_ntop(socket.AF_INET, packet[12:16]), socket.inet_ntop(
            socket.AF_INET, packet[16:20]
        )
    if kind == IPV6:
        source, destination = struct.unpack("16s16s", packet[8:40])
        return socket.inet_ntop(socket.AF_INET6, source), socket.inet_ntop(socket.AF_INET6, destination)
    return None


@contextmanager
def talking(namespace: Namespace, source: str, destination: str) -> Iterator[None]:
    """Have a host of ``namespace`` send small packets to ``destination`` all the time."""
    ended = threading.Event()
    sender = namespace.call(lambda: udp(source))

    def talk() -> None:
        while not ended.wait(PERIOD_S):
            with suppress(OSError):  # there is no way at the moment, or the packet was dropped
                sender.sendto(b"in clear?", (destination, 9))

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        sender.close()
