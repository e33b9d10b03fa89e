"""Who is inside libyang, so that the process is copied (fork) while nobody is.

A copy has only the thread that makes it: what another one had locked or half changed then, libyang's
dictionary above all, would stay so in it. Each call goes through a gate: a copy waits for those that have
begun, and keeps no thread from its next one for longer than it takes to make it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


class Gate:
    """Through which threads go into calls that give up the GIL. The GIL orders what is done here without a
    lock: who goes in says so before he looks whether the gate is closed, and who closes it looks then who is
    inside."""

    def __init__(self) -> None:
        self._inside: set[int] = set()
        self._turn = threading.Condition()
        self._wanted = 0
        self._closed = False
        self._alone: int | None = None

    def through(self, function: Function) -> Function:
        """Return ``function``, called through the gate; it must not call back."""
        inside = self._inside

        def call(*arguments: Any) -> Any:
            me = get_ident()
            inside.add(me)
            if self._closed:
                self._wait(me)
            try:
                return function(*arguments)
            finally:
                inside.discard(me)
                if self._wanted:
                    self._hand_over()

        return call  # type: ignore[return-value]

    def _wait(self, me: int) -> None:
        if self._alone == me:  # Python frees a tree when it likes: who keeps the others out waits for nobody
            return
        self._inside.discard(me)
        with self._turn:
            self._turn.wait_for(lambda: not self._closed)
            self._inside.add(me)

    def _hand_over(self) -> None:
        """Keep the gate shut for who waits, or the next call of this thread would be quicker than he."""
        with self._turn:
            if self._wanted and not self._inside:
                self._closed = True
                self._turn.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Have no other thread inside meanwhile. In a copy that is made meanwhile there is none."""
        process = os.getpid()
        with self._turn:
            self._wanted += 1
            try:
                self._turn.wait_for(self._shut)
            finally:
                self._wanted -= 1
            self._alone = threading.get_ident()
            try:
                yield
            finally:
                if os.getpid() != process:  # those who wait for their turn are not in the copy
                    self._wanted = 0
                self._alone = None
                self._closed = False
                self._turn.notify_all()

    def _shut(self) -> bool:
        self._closed = True
        if self._inside:
            self._closed = False
            self._turn.notify_all()
        return self._closed


GATE = Gate()
"""That of libyang."""
