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
AGAIN_S = 0.5
"""After so much time they are sent again; they may be the last that there is to say for long, as READY is."""
_TURNS = frozenset({READY, STOPPING, "RELOADING=1"})
"""What systemd waits for, and hears once; what else is said is said anew."""
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


def _later(seconds: float, call: Callable[[], None]) -> None:
    """Have ``call`` made on a thread of its own, unless the process ends before."""
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()


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
    later: Callable[[float, Callable[[], None]], None] = field(default=_later, compare=False)
    _waiting: list[tuple[str, ...]] = field(default_factory=list, compare=False)
    _is_due: bool = field(default=False, compare=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, compare=False)

    def notify(self, *lines: str) -> None:
        """Say ``lines`` (of this module) in one message. From any thread."""
        if self.address is None:
            return
        with self._turn:
            self._waiting.append(lines)
            while len(self._waiting) > WAITING_MAX:
                del self._waiting[_least(self._waiting)]
            self._send_waiting(self.address)

    def _send_again(self) -> None:
        with self._turn:
            self._is_due = False
            if self.address is not None:
                self._send_waiting(self.address)

    def _send_waiting(self, address: str) -> None:
        try:
            self._send_all(address)
        except BlockingIOError:
            log.debug("systemd has no room for a message at the moment: it is sent again")
            self._have_it_sent_again()
        except OSError as problem:
            log.debug("systemd could not be told how the agent is: %s", problem)
            self._waiting.clear()

    def _have_it_sent_again(self) -> None:
        if not self._is_due:
            try:
                self.later(AGAIN_S, self._send_again)
                self._is_due = True
            except RuntimeError as problem:  # there is no thread to be had: it comes with the next message
                log.debug("nothing is sent again by itself: %s", problem)

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
                sending.sendto(message(*self._waiting[0]), name)
                del self._waiting[0]


def _least(waiting: list[tuple[str, ...]]) -> int:
    """Return which message can be given up: the oldest that is no turn of the agent's, or the oldest."""
    return next((at for at, lines in enumerate(waiting) if _TURNS.isdisjoint(lines)), 0)


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
