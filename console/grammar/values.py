"""What a line of the command line means, and what is wrong with one that means nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from console.grammar.command import Command
from console.model.schema import Kind, Node

_NAMED = re.compile(r"[^\s,;:'\"()]+")


@dataclass(frozen=True, slots=True)
class Step:
    """A data node on the way down; ``keys``: the entry of a list, in the order of its keys."""

    node: Node
    keys: tuple[str, ...] = ()


Path = tuple[Step, ...]
"""From the root down. As a context: where in the configuration one is; () at its top."""


class Operation(Enum):
    """What is done to a node; the values are attributes of <edit-config> (RFC 6241 section 7.2).

    EXPECT does nothing: all of the line is refused unless the leaf or leaf-list has the value.
    """

    MERGE = "merge"
    REPLACE = "replace"
    REMOVE = "remove"
    EXPECT = "expect"


@dataclass(frozen=True, slots=True)
class Span:
    """Columns of a line, from 0; ``end`` is exclusive."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Change:
    """One edit of the candidate. ``value``: of a leaf; None for containers, entries, and REMOVE of a leaf.

    ``span``: the columns of the line that it came from, for an error of the server about this node.
    """

    path: Path
    operation: Operation
    value: str | None = None
    span: Span = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Changes:
    """A line that edits. ``enters``: the context after it, when it names an entry or a container."""

    changes: tuple[Change, ...]
    enters: Path | None = None


def sweeping(meaning: Changes) -> list[Change]:
    """Return those of a line that remove a container at the top, or all entries of a list."""
    return [
        change
        for change in meaning.changes
        if change.operation is Operation.REMOVE
        and (
            (len(change.path) == 1 and change.path[0].node.kind is Kind.CONTAINER)
            or (change.path[-1].node.kind is Kind.LIST and not change.path[-1].keys)
        )
    ]


@dataclass(frozen=True, slots=True)
class SecretMissing:
    """A line that lacks only the value of a secret leaf, which is asked for without echo."""

    change: Change


@dataclass(frozen=True, slots=True)
class Called:
    """A command with what was given to it: by placeholder ("ID"), or by word ("verify" -> "verify").

    ``part``: the columns of the part of the configuration that was given, if one was; the command reads it.
    ``spans``: the columns of each value.
    """

    command: Command
    given: Mapping[str, str]
    negated: bool = False
    part: Span | None = None
    spans: Mapping[str, Span] = field(default_factory=dict)

    def named(self, text: str) -> Span | None:
        """Return the columns of the value that ``text`` names first; None if it names none."""
        spans = {self.given.get(name, ""): span for name, span in self.spans.items()}
        return next((spans[word] for word in _NAMED.findall(text) if word in spans), None)

    def placed(self, problem: Mistake) -> Mistake:
        """Return ``problem``, which the command found in the part, at its columns of the line."""
        if self.part is None:
            return problem
        whole, at = self.part, problem.span
        # In quotes its columns are others than those of what it means: then all of it is marked.
        as_typed = whole.end - whole.start in map(len, self.given.values())
        inside = as_typed and at.start < at.end <= whole.end - whole.start
        span = Span(whole.start + at.start, whole.start + at.end) if inside else whole
        return Mistake(problem.message, span, problem.expected)


Meaning = Changes | SecretMissing | Called


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What may stand at a place: a word to type, or, with ``placeholder``, what kind of value is expected."""

    text: str
    description: str = ""
    placeholder: bool = False


class Mistake(Exception):
    """A line that means nothing. ``span``: where; ``expected``: what could stand there."""

    def __init__(self, message: str, span: Span, expected: tuple[Suggestion, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.expected = expected


class ValueMissing(Mistake):
    """A line that ends where a value is expected that may have several lines."""
