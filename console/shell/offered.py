"""``yangswan complete``: what may follow on a line of a shell; its completion asks at each tabulator.

A shell must not wait for a gateway: after LIMIT_S there is an answer without what only the gateway knows.
Nobody is asked anything, and nothing goes over a network.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from console import subsystem
from console.client.connection import Connection
from console.client.session import Gone
from console.client.unix import UnixStream
from console.grammar.reading import Lookup, nothing
from console.grammar.values import Path, Suggestion
from console.grammar.words import quoted
from console.harmless import harmless
from console.shell import lookup
from console.shell.opening import without_a_server

LIMIT_S = 1.0
_PLAIN = re.compile(r"[\w.:/@+%,-]+")
"""What a shell takes as it stands: it inserts an answer without a look at it."""


class _Late(Exception):
    """The time is over."""


def run(options: argparse.Namespace) -> int:
    """Print what the last of the words may be, a line each: the word, a tabulator, and what it is."""
    known = nothing if options.host is not None else values_of(lambda: _connected(options))
    for one in offers(options.words, known):
        print(f"{one.text}\t{' '.join(harmless(one.description).split())}")
    return 0


def offers(words: Sequence[str], known: Lookup) -> Iterator[Suggestion]:
    """Yield what the last of ``words`` may be, which has perhaps only begun, or not even that."""
    *before, last = words or [""]
    line = "".join(f"{quoted(word)} " for word in before) + last
    found = [one for one in without_a_server().suggest(line, lookup=known) if not one.placeholder]
    return (one for one in found[: lookup.MOST] if one.text.startswith(last) and _PLAIN.fullmatch(one.text))


def values_of(connect: Callable[[], Connection]) -> Lookup:
    """Return a lookup that asks a server, and finds nothing where none answers in time."""

    def found(source: str | Path, prefix: str) -> Sequence[Suggestion]:
        try:
            with _within(LIMIT_S):
                return lookup.Lookup(connect())(source, prefix)
        except (_Late, Gone):
            return ()

    return found


def _connected(options: argparse.Namespace) -> Connection:
    path = options.socket or subsystem.find(os.environ)
    return Connection(lambda: UnixStream(path), str(path))


@contextmanager
def _within(limit_s: float) -> Iterator[None]:
    """Raise _Late in the block when ``limit_s`` seconds are over."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
