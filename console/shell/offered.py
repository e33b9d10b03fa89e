"""What may follow on a line of the system's shell, for its completion, which asks at every tabulator.

A shell must not wait for a gateway: after LIMIT_S there is an answer without what only the gateway knows.
Nothing is asked of a person, and nothing goes over a network.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from console.client.session import Client, Gone, ServerErrors
from console.grammar.command import Command
from console.grammar.reading import Grammar
from console.grammar.values import Path, Suggestion
from console.grammar.words import quoted
from console.model.schema import Schema
from console.show.data import IPSEC, every, subtree, text, top, tree

LIMIT_S = 1.0
MOST_OFFERED = 200
_NOTHING = Schema(roots={}, rpcs={}, notifications={}, namespaces={}, prefixes={})


class _Late(Exception):
    """The time is over."""


def offers(
    words: Sequence[str], commands: Iterable[Command], connect: Callable[[], Client] | None
) -> Iterator[Suggestion]:
    """Yield what the last of ``words`` may be, which has perhaps only begun, or not even that.

    ``connect``: opens a session, for values that are there now; it may raise Gone.
    """
    *before, last = words or [""]
    line = "".join(f"{quoted(word)} " for word in before) + last

    def lookup(source: str | Path, prefix: str) -> Sequence[Suggestion]:
        if source != "tunnel" or connect is None:
            return ()
        try:
            with _within(LIMIT_S):
                return [one for one in _tunnels(connect()) if one.text.startswith(prefix)][:MOST_OFFERED]
        except (_Late, Gone, ServerErrors):
            return ()

    found = Grammar(_NOTHING, commands).suggest(line, lookup=lookup)
    return (one for one in found[:MOST_OFFERED] if not one.placeholder)


def _tunnels(client: Client) -> Iterator[Suggestion]:
    wanted = subtree(tree(IPSEC, "tunnels", {"ipsec": {"id": None, "description": None}}))
    for one in every(top(client.get_config("running", wanted), IPSEC, "tunnels"), "ipsec"):
        yield Suggestion(text(one, "id"), text(one, "description"))


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
