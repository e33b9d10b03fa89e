"""What comes by itself, and when: all streams of an agent read by one thread, by one clock.

Each ear holds one descriptor. What came of it is looked at where it can be read, after a single wait for all
of them, so that no stream is behind because another one was read first by a thread of its own.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from bench.session import Late, Refused

READ_OCTETS = 256 * 1024
STEP_S = 0.05
HEAD_END = b"\r\n\r\n"
LIMIT_S = 60.0


class Ear(Protocol):
    """One stream. ``hear`` reads what has come, without waiting, and returns the values that it says, in
    their order."""

    def fileno(self) -> int: ...
    def hear(self) -> Sequence[str]: ...


class Words:
    """Reads values out of octets: ``pattern`` has one group, or two, joined by a blank."""

    def __init__(self, pattern: bytes, kept_octets: int = 4096) -> None:
        self._pattern = re.compile(pattern)
        self._kept_octets = kept_octets
        self._rest = b""

    def of(self, data: bytes) -> list[str]:
        """Return what ``data`` says, which follows on what came before."""
        text = self._rest + data
        found, end = [], 0
        for match in self._pattern.finditer(text):
            found.append(b" ".join(match.groups()).decode())
            end = match.end()
        self._rest = text[end:][-self._kept_octets :]
        return found


class Stream:
    """Octets that never end. ``read`` returns what has come, b"" at the end."""

    def __init__(self, fileno: int, read: Callable[[], bytes], words: Words) -> None:
        self._fileno = fileno
        self._read = read
        self._words = words
        self.octets = 0

    def fileno(self) -> int:
        return self._fileno

    def hear(self) -> Sequence[str]:
        data = self._read()
        if not data:
            raise Refused("a stream was ended")
        self.octets += len(data)
        return self._words.of(data)


class Web:
    """A connection of HTTP to an agent of this machine; what ``ask`` asks for is sent at once."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._socket = socket.create_connection((host, port), timeout=LIMIT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._host = f"{host}:{port}"

    def close(self) -> None:
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> bytes:
        return self._socket.recv(READ_OCTETS)

    def ask(self, target: str, *fields: str, method: str = "GET", body: bytes = b"") -> None:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._host}", *fields]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def head(self) -> tuple[int, str, bytes]:
        """Return status and head of an answer, and what has come of its body."""
        data = b""
        while HEAD_END not in data:
            more = self.read()
            if not more:
                raise Refused("no answer over HTTP")
            data += more
        head, _, body = data.partition(HEAD_END)
        text = head.decode("latin-1")
        return int(text.split(" ", 2)[1]), text, body


class Scrape:
    """Asks for metrics, one scrape at a time, which says one of ``says``: if ``pattern`` is found, or not."""

    def __init__(self, web: Web, pattern: bytes, says: tuple[str, str]) -> None:
        self._web = web
        self._pattern = re.compile(pattern)
        self._says = says
        self._data = b""
        self.goes_on = False

    def fileno(self) -> int:
        return self._web.fileno()

    def ask(self) -> None:
        self.goes_on = True
        self._web.ask("/metrics")

    def hear(self) -> Sequence[str]:
        self._data += self._web.read()
        head, found, body = self._data.partition(HEAD_END)
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if not found or length is None or len(body) < int(length[1]):
            return ()
        if not head.startswith(b"HTTP/1.1 200"):
            raise Refused(head.decode("latin-1"))
        self._data, self.goes_on = b"", False
        return [self._says[0] if self._pattern.search(body) else self._says[1]]


class Ears:
    """All ears of a measure, by name."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def add(self, name: str, ear: Ear) -> None:
        self._selector.register(ear, selectors.EVENT_READ, name)

    def remove(self, fileno: int) -> None:
        self._selector.unregister(fileno)

    def close(self) -> None:
        self._selector.close()

    def heard(
        self, until: Callable[[], bool], what: str = "the end", limit_s: float = LIMIT_S
    ) -> Iterator[tuple[str, str, float]]:
        """Yield name, value and the time of the monotonic clock of what is said, until ``until()``.

        Raises:
            Late: that was not so in ``limit_s``; it says ``what`` of.
        """
        end = time.monotonic() + limit_s
        while not until():
            if time.monotonic() > end:
                raise Late(f"{what} was not heard of in {limit_s:g} s")
            for key, _ in self._selector.select(STEP_S):
                ear: Ear = key.fileobj  # type: ignore[assignment]
                now = time.monotonic()
                for value in ear.hear():
                    yield key.data, value, now
