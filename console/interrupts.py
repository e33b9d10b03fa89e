"""Ctrl-C: while a command line starts it ends at once; where something may be lost it is an exception.

An exception may come in the middle of an import, where nobody catches it and Python prints what it was doing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

INTERRUPTED = 130


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


def end_at_once() -> None:
    """From now on Ctrl-C ends this process, unless whoever started it has had it ignored."""
    _replace(signal.default_int_handler, _end)


def raise_again() -> None:
    """From now on Ctrl-C is KeyboardInterrupt, where it would have ended this process."""
    _replace(_end, signal.default_int_handler)


def ignore() -> None:
    """All is done: what comes now changes nothing any more."""
    for now in (_end, signal.default_int_handler):
        _replace(now, signal.SIG_IGN)


@contextmanager
def ending_at_once(wanted: bool = True) -> Iterator[None]:
    """Have it end this process meanwhile, if that is ``wanted``."""
    changed = wanted and _replace(signal.default_int_handler, _end)
    try:
        yield
    finally:
        if changed:
            raise_again()


@contextmanager
def raising() -> Iterator[None]:
    """Have it be KeyboardInterrupt meanwhile: a terminal has to be left as it was."""
    changed = _replace(_end, signal.default_int_handler)
    try:
        yield
    finally:
        if changed:
            end_at_once()


def _replace(
    now: Callable[[int, FrameType | None], object],
    then: Callable[[int, FrameType | None], object] | signal.Handlers,
) -> bool:
    """Set ``then`` where ``now`` is set; False if it is not."""
    if signal.getsignal(signal.SIGINT) is now:
        with suppress(ValueError):  # of other threads nobody asks that
            signal.signal(signal.SIGINT, then)
            return True
    return False
