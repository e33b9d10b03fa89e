"""Who is inside libyang, so that the process is copied (fork) while nobody is.

A copy has only the thread that makes it: what another one had locked or half changed then, libyang's
dictionary above all, would stay so in it. Each call goes through a gate: a copy waits for those that have
begun, and keeps no thread from its next one for longer than it takes to make it.

And how a thread that calls libyang often keeps from the others no more than its turn. A call that gives up
the GIL for a microsecond has it again before who waits for it is awake, and Python then counts his patience
from the beginning: without a pause he waits for as long as such calls go on.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from time import perf_counter, sleep
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

TURN_S = 0.002
"""After so long a thread pauses, as others need the GIL some times for each request;"""
PAUSE_S = 0.00005
"""and for so long, with what the system adds: enough to wake up."""


class Pauses:
    """The threads that give way to others now and then, and from when on each is to do so again.

    Args:
        now: seconds, from any beginning.
        pause: gives up the GIL for so many seconds.
    """

    def __init__(
        self, now: Callable[[], float] = perf_counter, pause: Callable[[float], object] = sleep
    ) -> None:
        self.now = now
        self._pause = pause
        self.due_s: dict[int, float] = {}
        self._rests_since_s: dict[int, float] = {}

    def begin(self) -> None:
        """Have this thread pause from now on; not one that others wait for, as the event loop is."""
        self.due_s[get_ident()] = self.now() + TURN_S

    def rest(self) -> None:
        """Note that this thread waits for work from now on."""
        self._rests_since_s[get_ident()] = self.now()

    def resume(self) -> None:
        """Note that this thread has work: one that has waited for as long as a pause is pauses anew after a
        turn, for the others had theirs."""
        me = get_ident()
        since_s = self._rests_since_s.get(me)
        if since_s is not None and me in self.due_s and self.now() - since_s >= PAUSE_S:
            self.begin()

    def take(self) -> None:
        """Pause if it is time for this thread."""
        due_s = self.due_s.get(get_ident())
        if due_s is not None and self.now() >= due_s:
            self.pause()

    def pause(self) -> None:
        """Pause now, and not again before a turn is over."""
        self._pause(PAUSE_S)
        self.begin()


class Gate:
    """Through which threads go into calls that give up the GIL. The GIL orders what is done here without a
    lock: who goes in says so before he looks whether the gate is closed, and who closes it looks then who is
    inside."""

    def __init__(self, pauses: Pauses | None = None) -> None:
        self._pauses = pauses or Pauses()
        self._inside: set[int] = set()
        self._turn = threading.Condition()
        self._wanted = 0
        self._closed = False
        self._alone: int | None = None

    def through(self, function: Function) -> Function:
        """Return ``function``, called through the gate; it must not call back."""
        inside = self._inside
        pauses, due, now = self._pauses, self._pauses.due_s.get, self._pauses.now

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
                due_s = due(me)  # here, as a call more for each call would be felt
                if due_s is not None and now() >= due_s:
                    pauses.pause()

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


def refuse_in_copy(process: int) -> None:
    """Refuse to wait for another thread of ``process`` in a copy of that, where there is none: it would wait
    for ever.

    Raises:
        RuntimeError: this is a copy.
    """
    if os.getpid() != process:
        raise RuntimeError("a copy of the process would wait for a thread that it has not")


PAUSES = Pauses()
"""Those of the threads that call libyang,"""
GATE = Gate(PAUSES)
"""and the gate to it."""
