"""The raw client: an OpenSSH of its own for each session, and a pipe.

Messages are prepared octets; of a reply is looked at where it ends, and whether its beginning is an error.
Encryption is done by the ssh process, and this one sleeps while it waits.
"""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench import processes
from bench.messages import END, HELLO

READ_OCTETS = 1024 * 1024
HEAD_OCTETS = 4096
OPEN_LIMIT_S = 30.0
ANSWER_LIMIT_S = 300.0
HELLO_END = b"]]>]]>"


class Refused(Exception):
    """The server answered with an error, or closed; the text has its words."""


class Late(Exception):
    """The server did not answer in time."""


class Session:
    """One NETCONF session of base:1.1. Its calls wait, for an answer ``limit_s`` at most; with
    ``open_session`` it is ended again."""

    def __init__(self, process: subprocess.Popen[bytes], limit_s: float = ANSWER_LIMIT_S) -> None:
        self._limit_s = limit_s
        assert process.stdin is not None
        assert process.stdout is not None
        self.pid = process.pid
        self._into = process.stdin.fileno()
        self._from = process.stdout.fileno()
        self._ready = select.poll()
        self._ready.register(self._from, select.POLLIN)

    def greet(self) -> None:
        self.send(HELLO)
        self._until(HELLO_END, OPEN_LIMIT_S)

    def send(self, message: bytes) -> None:
        rest = memoryview(message)
        try:
            while rest:
                rest = rest[os.write(self._into, rest) :]
        except BrokenPipeError as error:
            raise Refused("the session was closed") from error

    def ask(self, message: bytes) -> bytes:
        """Send ``message`` and return its reply, framed.

        Raises:
            Refused: it is an error.
            Late: there was none.
        """
        self.send(message)
        reply = self._until(END, self._limit_s)
        if b"<rpc-error>" in reply[:HEAD_OCTETS] or b":rpc-error>" in reply[:HEAD_OCTETS]:
            raise Refused(reply[:HEAD_OCTETS].decode(errors="replace"))
        return reply

    def ask_deep(self, message: bytes, count: int, depth: int) -> None:
        """Send ``message`` so many times, with ``depth`` of them unanswered at a time."""
        deadline = time.monotonic() + self._limit_s
        self.send(message * min(depth, count))
        sent, answered, tail = min(depth, count), 0, b""
        while answered < count:
            tail += self._read(deadline)
            came = tail.count(END)
            # Ends do not overlap; what may be the beginning of one stays.
            tail = tail[tail.rfind(END) + len(END) :] if came else tail
            tail = tail[-(len(END) - 1) :]
            answered += came
            more = min(came, count - sent)
            if more:
                self.send(message * more)
                sent += more

    def fileno(self) -> int:
        return self._from

    def take(self) -> bytes:
        """Return what has come, at least one octet.

        Raises:
            Refused: the session was closed.
        """
        return self._read(time.monotonic() + self._limit_s)

    def _until(self, mark: bytes, limit_s: float) -> bytes:
        """Return what came until it ended with ``mark``: only one reply is ever awaited."""
        deadline = time.monotonic() + limit_s
        parts: list[bytes] = []
        tail = b""
        while True:
            data = self._read(deadline)
            parts.append(data)
            tail = (tail + data[-len(mark) :])[-len(mark) :]
            if tail == mark:
                return b"".join(parts)

    def _read(self, deadline: float) -> bytes:
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not self._ready.poll(left_s * 1000):
            raise Late("no answer in time")
        data = os.read(self._from, READ_OCTETS)
        if not data:
            raise Refused("the session was closed")
        return data


def ssh_command(user: str, key: Path, port: int, prefix: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the command of a session at ``port`` of loopback; ``prefix`` is written before it."""
    options = {
        "BatchMode": "yes",
        "KexAlgorithms": "curve25519-sha256",
        "GSSAPIAuthentication": "no",
        "Compression": "no",
        "IdentitiesOnly": "yes",
        "LogLevel": "ERROR",
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return (
        *prefix, "ssh", "-F", "none", "-T", *words, "-i", str(key), "-p", str(port), f"{user}@127.0.0.1",
        "-s", "netconf",
    )  # fmt: skip


@contextmanager
def open_session(command: Sequence[str], folder: Path, limit_s: float = ANSWER_LIMIT_S) -> Iterator[Session]:
    """A session that has said hello, ended with the block.

    Raises:
        Refused: the server let nobody in.
    """
    with processes.running(command, folder) as process:
        session = Session(process, limit_s)
        session.greet()
        yield session
