"""What systemd is told of the agent: that it starts, serves, reads its settings anew, is alive, ends.

The protocol of sd_notify(3): lines KEY=VALUE in one datagram to the UNIX socket that NOTIFY_SOCKET names, a
path or, with "@" before it, an abstract name. Without that variable nothing is sent. Nothing here waits or
raises: an agent works the same whether anybody listens or not.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field

log = logging.getLogger("agent")

READY = "READY=1"
STOPPING = "STOPPING=1"
WATCHDOG = "WATCHDOG=1"
STATUS_CHARACTERS_MAX = 200
WAITING_MAX = 8
"""Of messages for which the socket has no room: of a systemd that is busy, as at boot."""
_US = 1_000_000


def status(sentence: str) -> str:
    """Return the line that "systemctl status" shows ``sentence`` for: one line, and of no other key."""
    return "STATUS=" + " ".join(sentence.split())[:STATUS_CHARACTERS_MAX]


def reloading(now_us: int | None = None) -> tuple[str, str]:
    """Return the lines that begin a reload; READY ends it. ``now_us``: of the clock CLOCK_MONOTONIC."""
    return ("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000 if now_us is None else now_us}")


def extended(seconds: float) -> str:
    """Return the line that asks for so much time more, from now on, to start or to stop in."""
    return f"EXTEND_TIMEOUT_USEC={int(seconds * _US)}"


def message(*lines: str) -> bytes:
    """Return the datagram that says ``lines``."""
    return "".join(f"{line}\n" for line in lines).encode(errors="replace")


@dataclass
class Supervision:
    """Who supervises this process; nobody without an ``address``.

    ``watchdog_s``: after so many seconds without WATCHDOG it ends the process; None: it does not.
    """

    address: str | None = None
    watchdog_s: float | None = None
    _waiting: list[bytes] = field(default_factory=list, compare=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, compare=False)

    def notify(self, *lines: str) -> None:
        """Say ``lines`` (of this module) in one message. From any thread."""
        if self.address is None:
            return
        with self._turn:
            self._waiting.append(message(*lines))
            del self._waiting[:-WAITING_MAX]
            try:
                self._send_all(self.address)
            except BlockingIOError:
                log.debug("systemd has no room for a message at the moment: it comes with the next")
            except OSError as problem:
                log.debug("systemd could not be told how the agent is: %s", problem)
                self._waiting.clear()

    @contextmanager
    def reload(self, ready: Callable[[], str]) -> Iterator[None]:
        """Say that settings are read anew while the block runs; ``ready`` returns the status after it."""
        self.notify(*reloading())
        try:
            yield
        finally:
            self.notify(READY, ready())

    def _send_all(self, address: str) -> None:
        # Of the file system or, with a zero octet first, of no file (unix(7)).
        name = "\0" + address[1:] if address.startswith("@") else address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
            sending.setblocking(False)
            while self._waiting:
                sending.sendto(self._waiting[0], name)
                del self._waiting[0]


def taken_from(environment: MutableMapping[str, str]) -> Supervision:
    """Return who supervises this process, and take it out of ``environment``: no child is meant by it."""
    address = environment.pop("NOTIFY_SOCKET", "")
    limit, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
    if not address:
        return Supervision()
    if not address.startswith(("/", "@")) or len(address) < 2:
        log.warning("NOTIFY_SOCKET names no UNIX socket, so nobody is told how the agent is: %s", address)
        return Supervision()
    watched = limit.isdecimal() and int(limit) > 0 and pid in ("", str(os.getpid()))
    return Supervision(address, watchdog_s=int(limit) / _US if watched else None)
