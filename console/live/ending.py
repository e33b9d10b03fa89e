"""What runs until Ctrl-C ends in order whatever ends it: a closed terminal and SIGTERM are as good."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
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
    before = {number: signal.signal(number, _interrupt) for number in _AS_CTRL_C}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Ended(number)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Inside, a second Ctrl-C does not keep what has to be done from being done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
