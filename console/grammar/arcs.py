"""What may stand at a place of a line, and where one is after it; reading and completion walk these arcs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from console.grammar import typed
from console.grammar.typed import Refused
from console.grammar.values import Meaning, Path, Span
from console.model.schema import Choice, Type


class Rank(IntEnum):
    """Who goes first where a word could mean several things."""

    OURS = 0
    """Words of the manual, and commands that are meant for where one is."""
    MODEL = 1
    """Names of YANG nodes."""
    QUALIFIED = 2
    """Names with their module where the name would be enough, or beside a word of the manual: found, and not
    suggested."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value to be typed. ``name``: what it is for, in messages; ``placeholder``: how it stands in a syntax.

    ``source``: where completion finds values; a path for entries of a list or for what a leafref means.
    ``rest``: takes all up to the end of the line. ``reads``: goes before the type.
    """

    name: str
    placeholder: str
    description: str = ""
    type: Type | None = None
    units: str = ""
    default: str = ""
    number: tuple[int, int] | None = None
    source: str | Path = ""
    rest: bool = False
    secret: bool = False
    reads: Callable[[str], str] | None = None

    def read(self, text: str) -> str:
        """Return the value that ``text`` means.

        Raises:
            Refused: it means none.
        """
        if self.reads is not None:
            return self.reads(text)
        if self.type is not None:
            return typed.read(self.type, text)
        if self.number is not None:
            low, high = self.number
            digits = text.isascii() and text.isdigit() and len(text) <= 20
            if not digits or not low <= int(text) <= high:
                raise Refused(f"takes a number {low}..{high}")
            return str(int(text))
        if not text:
            raise Refused("takes a text that is not empty")
        typed.check_sendable(text)
        return text

    @property
    def open(self) -> bool:
        """Whether any word is a value."""
        if self.type is not None:
            return self.reads is None and typed.is_open(self.type)
        return self.number is None

    @property
    def choices(self) -> Sequence[Choice]:
        return typed.shown(typed.offered(self.type)) if self.type is not None else ()

    @property
    def only_choices(self) -> bool:
        """Whether a value is one of ``choices`` and nothing else."""
        return bool(self.choices) and self.type is not None and self.type.base not in ("union", "bits")

    @property
    def expectation(self) -> str:
        """What a value is, in a few words, with its default."""
        if self.type is not None:
            words = typed.expectation(self.type, self.units)
        elif self.number is not None:
            words = f"a number {self.number[0]}..{self.number[1]}"
        else:
            words = ""
        return f"{words}; default {self.default}" if self.default else words


class State(Protocol):
    """Where one is in a line. ``absorbs``: all further words belong to it already."""

    @property
    def rank(self) -> Rank: ...

    @property
    def absorbs(self) -> bool: ...

    def arcs(self) -> Sequence[Arc]:
        """Return what may stand here; of two values that would take a word, the first does."""

    def meaning(self) -> Meaning | None:
        """Return what the line means if it ends here, None if it may not."""


@dataclass(frozen=True, slots=True)
class Arc:
    """A ``word``, or with ``value`` a value; ``follow`` gets the value and its columns."""

    follow: Callable[[str, Span], State]
    word: str = ""
    value: Value | None = None
    description: str = ""
    rank: Rank = Rank.OURS
