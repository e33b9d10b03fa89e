"""Events of a subscription for who has something else to do, too: bounded, and waited for with a limit."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic

from console.client.session import Element, Gone

WAITING = 1000
"""Events that wait here at most; what comes then waits in the connection, or is dropped by the server."""
_LOOK_S = 0.2


class Feed:
    """Reads ``events`` on a thread of its own until ``close``."""

    def __init__(self, events: Iterator[Element]) -> None:
        self._events = events
        self._queue: queue.Queue[Element | BaseException] = queue.Queue(WAITING)
        self._closed = threading.Event()
        threading.Thread(target=self._read, name="events", daemon=True).start()

    def take(self, seconds: float) -> list[Element]:
        """Return what has come, at the latest after ``seconds`` and then [].

        Raises:
            Gone: nothing comes any more.
            ServerErrors: the server refuses to tell.
        """
        found: list[Element] = []
        with suppress(queue.Empty):
            one = self._queue.get(timeout=max(seconds, 0))
            while len(found) < WAITING:  # more may come as quickly as it is taken
                if isinstance(one, BaseException):
                    if not found:
                        raise one
                    self._queue.put(one)  # nothing follows it, so there is room
                    break
                found.append(one)
                if len(found) < WAITING:
                    one = self._queue.get_nowait()
        return found

    def close(self) -> None:
        self._closed.set()

    def _read(self) -> None:
        try:
            for event in self._events:
                self._put(event)
                if self._closed.is_set():
                    return
            raise Gone("the server ended the subscription")
        except Exception as problem:
            self._put(problem)

    def _put(self, one: Element | BaseException) -> None:
        while not self._closed.is_set():
            with suppress(queue.Full):
                self._queue.put(one, timeout=_LOOK_S)
                return


class Ticks:
    """The next moment of a clock that ticks every ``every_s`` seconds."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next = monotonic() + every_s

    def left(self) -> float:
        return self._next - monotonic()

    def due(self) -> bool:
        """Return whether the moment has come; then the next one is waited for."""
        if self.left() > 0:
            return False
        self._next = monotonic() + self._every_s
        return True
