"""What runs until Ctrl-C ends in order whatever ends it: a closed terminal and SIGTERM are as good."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_AS_CTRL_C = (signal.SIGTERM, signal.SIGHUP)
ENDS = (signal.SIGINT, *_AS_CTRL_C)


class Ended(KeyboardInterrupt):
    """A signal, of which ``status`` is the exit status."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.status = 128 + number


@contextmanager
def ends_in_order() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP interrupt as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield  # which gets no signals
        return
    with _handled(_AS_CTRL_C, _interrupt):
        yield


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Ended(number)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Inside, a second Ctrl-C does not keep what has to be done from being done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with _handled(ENDS, signal.SIG_IGN):
        yield


@contextmanager
def put_off() -> Iterator[None]:
    """Inside, nothing interrupts; what came meanwhile interrupts when this ends.

    A mask would not do: it is one thread's, and a signal that another thread takes interrupts all the same.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    with _handled(ENDS, lambda number, frame: came.append(number)):
        yield
    for number in came:
        signal.raise_signal(number)


@contextmanager
def _handled(
    numbers: tuple[signal.Signals, ...], handler: Callable[[int, FrameType | None], object] | signal.Handlers
) -> Iterator[None]:
    # Read before any is set: an interrupt between the two would lose which it was.
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        for number in numbers:
            signal.signal(number, handler)
        yield
    finally:
        for number, handled in before.items():
            signal.signal(number, handled)
