"""What a server refused, and what is wrong with a line, in words for a person: never XML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from console.client.session import ServerError, ServerErrors
from console.grammar.placing import place, steps
from console.grammar.values import Change, Mistake, Span
from console.harmless import harmless

MOST_ERRORS = 20
ASK = " ('?' shows what is)"
_EXPECTED = 12
_OPERATION = re.compile(r"<([a-z][a-z0-9-]*) ?/?>")


def caret(span: Span, line: str) -> str:
    """Return the line that marks ``span`` of the ``line`` above it."""
    # What is made harmless may be wider than what was typed.
    start = len(harmless(line[: span.start]))
    return " " * start + "^" * max(1, len(harmless(line[span.start : span.end])))


def mistake(problem: Mistake, more: str = "") -> str:
    """Return what is wrong, and what could stand there; ``more``: who tells, where that is much."""
    said = set(re.findall(r"[^\s,;']+", problem.message))
    words = [one.text for one in problem.expected]
    # "takes ..." is what a placeholder means.
    if all(one.text in said or (one.placeholder and "takes" in said) for one in problem.expected):
        return problem.message
    if len(words) > _EXPECTED:
        return f"{problem.message}{more}" if "not known" in problem.message else problem.message
    return f"{problem.message}; expected: {', '.join(words)}"


def refused(problem: ServerErrors, changes: Sequence[Change] = ()) -> Iterator[tuple[Span | None, str]]:
    """Yield what the server did not take: where in the line of ``changes`` that stands, and why."""
    for error in problem.errors[:MOST_ERRORS]:
        span = place(error.path, changes) if error.path and changes else None
        yield span, _typed(error.message) if span else in_words(error)
    if len(problem.errors) > MOST_ERRORS:
        yield None, f"... and {len(problem.errors) - MOST_ERRORS} more"


def incomplete(problem: ServerErrors, mending: Callable[[ServerError], str]) -> Iterator[str]:
    """Yield what the server does not take of a whole configuration, and what to type about it."""
    for error in problem.errors[:MOST_ERRORS]:
        yield with_mending(error, mending)
    if len(problem.errors) > MOST_ERRORS:
        yield f"... and {len(problem.errors) - MOST_ERRORS} more"


def with_mending(error: ServerError, mending: Callable[[ServerError], str]) -> str:
    """Return ``error`` in words, and what to type about it as far as ``mending`` knows."""
    lines = mending(error)
    return f"{in_words(error)} ({lines})" if lines else in_words(error)


def in_words(error: ServerError) -> str:
    """Return the message of ``error`` behind the words of the configuration that it is about."""
    about, message = path_in_words(error.path), _typed(error.message)
    if error.tag == "access-denied" and not about:
        return f"you may not do that: {message}"
    return f"{about}: {message}" if about else message


def _typed(message: str) -> str:
    """Return ``message`` with operations as they are typed here: <cancel-commit/> is cancel-commit."""
    return _OPERATION.sub(r"\1", message)


def path_in_words(path: str) -> str:
    """Return the names and keys of an error-path: "tunnel ipsec 3 secret"."""
    words: list[str] = []
    for name, keys in steps(path):
        words += [name, *keys.values()]
    # The list of tunnels is entered with "tunnel", as on routers.
    return " ".join(["tunnel", *words[1:]] if words[:1] == ["tunnels"] else words)
