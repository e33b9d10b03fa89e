"""Echo; or send a numbered datagram every 50 ms until SIGTERM, and say how many of them did not come back.

    python3 traffic.py echo ADDRESS
    python3 traffic.py send ADDRESS TO

Standard library alone: it runs where nothing but the package is installed.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import sys
import time

PORT = 7000
PAUSE_S = 0.05
LAST_LIMIT_S = 30.0
SO_RCVBUFFORCE = 33  # socket(7); Python does not name it
BUFFER_OCTETS = 1 << 24  # whoever is slow loses nothing


def bound(address: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_OCTETS)
    made.bind((address, PORT))
    return made


def echo(address: str) -> None:
    ours = bound(address)
    while True:
        ours.sendto(*ours.recvfrom(100))


def send(address: str, to: str) -> tuple[int, int]:
    """Return how many datagrams were lost, and how many were sent."""
    ending: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: ending.append(True))
    ours, sent, back = bound(address), 0, set[int]()
    while not ending and not select.select([ours], [], [], 1.0)[0]:  # until who sends back is there
        _send(ours, 0, to)
    while not ending:
        _send(ours, sent, to)
        sent += 1
        _collect(ours, back, PAUSE_S)
    until = time.monotonic() + LAST_LIMIT_S
    while len(back) < sent and time.monotonic() < until:
        _collect(ours, back, PAUSE_S)
    return sent - len(back), sent


def _send(ours: socket.socket, number: int, to: str) -> None:
    with contextlib.suppress(OSError):  # no way to there: lost
        ours.sendto(str(number).encode(), (to, PORT))


def _collect(ours: socket.socket, back: set[int], wait_s: float) -> None:
    """Read what has come within ``wait_s`` seconds, all of which are waited."""
    end = time.monotonic() + wait_s
    while (left := end - time.monotonic()) > 0:
        if select.select([ours], [], [], left)[0]:
            back.add(int(ours.recv(100)))


if __name__ == "__main__":
    if sys.argv[1] == "echo":
        echo(sys.argv[2])
    lost, of = send(sys.argv[2], sys.argv[3])
    print(f"{lost} of {of}", flush=True)
