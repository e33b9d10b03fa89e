"""A socket such as systemd has for sd_notify(3), and what comes to it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 60


@dataclass(frozen=True)
class Listening:
    """``address``: as NOTIFY_SOCKET names it."""

    address: str
    socket: socket.socket

    def said(self) -> list[str]:
        """Return the messages that have come and were not asked for yet, and do not wait for more."""
        found = []
        self.socket.setblocking(False)
        try:
            while True:
                found.append(self.socket.recv(4096).decode())
        except BlockingIOError:
            return found

    def until(self, line: str) -> list[str]:
        """Return all messages up to the one with ``line``, which is waited for."""
        found: list[str] = []
        self.socket.settimeout(PATIENCE_S)
        while not found or line not in found[-1].splitlines():
            found.append(self.socket.recv(4096).decode())
        return found


@contextmanager
def listening(place: Path | None = None) -> Iterator[Listening]:
    """Listen at a socket file in ``place``, or at an abstract name that is free."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        if place is None:
            made.bind("")  # the kernel chooses an abstract name (unix(7), autobind)
            name = made.getsockname()
            yield Listening("@" + name[1:].decode(), made)
        else:
            made.bind(str(place / "notify"))
            yield Listening(str(place / "notify"), made)
