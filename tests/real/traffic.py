"""Numbered packets through a tunnel and back, one at a time, and how many do not come back."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.lab import Namespace, udp

BACK_LIMIT_S = 2.0
PAUSE_S = 0.005
PACKETS_MIN = 20


@dataclass
class Traffic:
    """``sent`` and ``lost`` so far."""

    sent: int = 0
    lost: int = 0
    ended: threading.Event = field(default_factory=threading.Event)
    more: threading.Condition = field(default_factory=threading.Condition)

    def wait_for_some(self) -> None:
        """Return when some packets more have been sent, each of which is back or lost."""
        with self.more:
            last = self.sent + PACKETS_MIN
            self.more.wait_for(lambda: self.sent >= last)


@contextmanager
def flowing(source: Namespace, source_ip: str, far: Namespace, far_ip: str) -> Iterator[Traffic]:
    """Yield the counts of what goes from ``source`` to ``far`` and back while the block lasts."""
    traffic = Traffic()
    with far.call(lambda: udp(far_ip)) as echo, source.call(lambda: udp(source_ip)) as ours:
        ours.settimeout(BACK_LIMIT_S)
        echo.settimeout(PAUSE_S)
        threads = [
            threading.Thread(target=_echo, args=(echo, traffic)),
            threading.Thread(target=_send, args=(ours, echo.getsockname(), traffic)),
        ]
        for thread in threads:
            thread.start()
        try:
            traffic.wait_for_some()
            yield traffic
        finally:
            traffic.ended.set()
            for thread in threads:
                thread.join()


def _echo(echo: socket.socket, traffic: Traffic) -> None:
    while not traffic.ended.is_set():
        try:
            echo.sendto(*echo.recvfrom(100))
        except OSError:  # nothing came, or there is no way back any more: who sent it counts that
            continue


def _send(ours: socket.socket, to: tuple[str, int], traffic: Traffic) -> None:
    while not traffic.ended.wait(PAUSE_S):
        back = _comes_back(str(traffic.sent).encode(), ours, to)
        with traffic.more:
            traffic.sent += 1
            traffic.lost += not back
            traffic.more.notify_all()


def _comes_back(number: bytes, ours: socket.socket, to: tuple[str, int]) -> bool:
    try:
        ours.sendto(number, to)
        while ours.recv(100) != number:
            pass
    except OSError:  # no route to there, or nothing came in time
        return False
    return True
