"""Commands with a fixed syntax: all that is not an edit of the configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Flag, auto

from console.model.schema import Type


class Where(Flag):
    """In which contexts a command can be typed."""

    EXEC = auto()
    TUNNEL = auto()
    CONFIG = auto()
    ANYWHERE = EXEC | TUNNEL | CONFIG


@dataclass(frozen=True, slots=True)
class Argument:
    """A value to be typed where ``syntax`` has its placeholder.

    ``source``: where completion finds values ("tunnel", "commit", "part", ...); "" for none.
    ``rest``: takes all words up to the end of the line. ``number``: (smallest, largest) of a whole number.
    ``type``: what else a value may be, as that of a leaf.
    """

    help: str
    source: str = ""
    rest: bool = False
    number: tuple[int, int] | None = None
    type: Type | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """``syntax``: words; PLACEHOLDERS, which ``arguments`` describe; ``[...]`` may be missing; ``a|b`` is
    either, in round brackets where words stand around it. Consecutive ``[...]`` that begin with a word come
    in any order. ``[no]`` in front: it has a negated form.

    ``words``: help for single words of the syntax. ``run``: gets the shell.console.Console and what was
    given by placeholder or word; returns the exit status, None for 0.
    ``json``: can be had with --json.
    """

    syntax: str
    help: str
    run: Callable[..., int | None]
    where: Where = Where.ANYWHERE
    words: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    json: bool = False
