"""The syntax of a command as an expression: what may come next, whether it may end, and how it is written.

The language is that of Command.syntax; ``...`` behind a placeholder or a group says that it may be repeated.
An expression is read by its derivatives: each word that it may begin with has the expression of what is left.
Of what is left there is one object each, so that what is known of it is found without a look into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

_TOKEN = re.compile(r"\.\.\.|[][()|]|[^][()|\s.]+(?:\.[^][()|\s.]+)*")
_PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9_/-]*\Z")


@dataclass(frozen=True, slots=True, eq=False)
class Literal:
    """A word that is typed as it is."""

    word: str


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """A placeholder."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Seq:
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Alt:
    options: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Opt:
    inner: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Many:
    """Once or more often."""

    inner: Expr


@dataclass(frozen=True, slots=True, eq=False)
class AnyOrder:
    """Each at most once."""

    options: tuple[Expr, ...]


Expr = Literal | Slot | Seq | Alt | Opt | Many | AnyOrder
Leaf = Literal | Slot

END = Seq(())

_sequence_of, _optional, _in_any_order = cache(Seq), cache(Opt), cache(AnyOrder)


@cache
def compiled(syntax: str) -> Expr:
    """Return the expression of ``syntax``.

    Raises:
        ValueError: it is none; that is a mistake in a table of this program.
    """
    tokens = _TOKEN.findall(syntax)
    expression, left = _alternatives(tokens, 0)
    if left != len(tokens):
        raise ValueError(f"{tokens[left]!r} in {syntax!r}")
    return expression


def _alternatives(tokens: Sequence[str], at: int) -> tuple[Expr, int]:
    options = []
    while True:
        option, at = _sequence(tokens, at)
        options.append(option)
        if at >= len(tokens) or tokens[at] != "|":
            return (options[0] if len(options) == 1 else Alt(tuple(options))), at
        at += 1


def _sequence(tokens: Sequence[str], at: int) -> tuple[Expr, int]:
    items: list[Expr] = []
    while at < len(tokens) and tokens[at] not in ("]", ")", "|"):
        token = tokens[at]
        if token == "...":
            items[-1] = Many(items[-1]) if not isinstance(items[-1], Opt) else Opt(Many(items[-1].inner))
        elif token in "[(":
            inner, at = _alternatives(tokens, at + 1)
            if at >= len(tokens) or tokens[at] != {"[": "]", "(": ")"}[token]:
                raise ValueError(f"{token!r} is not closed in {' '.join(tokens)!r}")
            items.append(Opt(inner) if token == "[" else inner)
        else:
            items.append(Slot(token) if _PLACEHOLDER.match(token) else Literal(token))
        at += 1
    return seq(_unordered(items)), at


def _unordered(items: Sequence[Expr]) -> list[Expr]:
    """Return ``items`` with those ``[...]`` in a row that begin with a word as one, in any order."""
    found: list[Expr] = []
    run: list[Expr] = []
    for item in items:
        if isinstance(item, Opt) and all(isinstance(leaf, Literal) for leaf, _ in arcs(item)):
            run.append(item.inner)
            continue
        found += _run(run)
        run = []
        found.append(item)
    return [*found, *_run(run)]


def _run(run: Sequence[Expr]) -> list[Expr]:
    if len(run) > 1:
        return [AnyOrder(tuple(run))]
    return [Opt(one) for one in run]


def seq(items: Sequence[Expr]) -> Expr:
    """Return one after the other, without what is empty."""
    flat = [one for item in items for one in (item.items if isinstance(item, Seq) else (item,))]
    return flat[0] if len(flat) == 1 else _sequence_of(tuple(flat))


def may_end(expression: Expr) -> bool:
    """Return whether nothing at all fulfils ``expression``."""
    match expression:
        case Seq(items):
            return all(may_end(item) for item in items)
        case Alt(options):
            return any(may_end(option) for option in options)
        case Many(inner):
            return may_end(inner)
        case Opt() | AnyOrder():
            return True
        case _:
            return False


@cache
def arcs(expression: Expr) -> tuple[tuple[Leaf, Expr], ...]:
    """Return each word or placeholder that ``expression`` may begin with, and what is left behind it."""
    return tuple(_arcs(expression))


def _arcs(expression: Expr) -> Iterator[tuple[Leaf, Expr]]:
    match expression:
        case Literal() | Slot():
            yield expression, END
        case Seq(()):
            return
        case Seq(items):
            for leaf, rest in arcs(items[0]):
                yield leaf, seq((rest, *items[1:]))
            if may_end(items[0]):
                yield from arcs(seq(items[1:]))
        case Alt(options):
            for option in options:
                yield from arcs(option)
        case Opt(inner):
            yield from arcs(inner)
        case Many(inner):
            for leaf, rest in arcs(inner):
                yield leaf, seq((rest, _optional(expression)))
        case AnyOrder(options):
            for place, option in enumerate(options):
                left = (*options[:place], *options[place + 1 :])
                for leaf, rest in arcs(option):
                    yield leaf, seq((rest, _in_any_order(left))) if left else rest


@cache
def lenient(expression: Expr) -> Expr:
    """Return ``expression`` so that it may end anywhere behind the words that it begins with: for ``no``."""
    items = expression.items if isinstance(expression, Seq) else (expression,)
    head = 0
    while head < len(items) and isinstance(items[head], Literal):
        head += 1
    rest: Expr = END
    for item in reversed(items[head:]):
        rest = _optional(seq((item, rest)))
    return seq((*items[:head], rest))


@cache
def head(expression: Expr) -> tuple[str, ...]:
    """Return the words that ``expression`` begins with, whatever comes behind them."""
    found = []
    for item in expression.items if isinstance(expression, Seq) else (expression,):
        if not isinstance(item, Literal):
            break
        found.append(item.word)
    return tuple(found)


@cache
def slots(expression: Expr) -> frozenset[str]:
    """Return the names of all placeholders of ``expression``."""
    match expression:
        case Slot(name):
            return frozenset((name,))
        case Seq(items) | Alt(items) | AnyOrder(items):
            return frozenset(name for item in items for name in slots(item))
        case Opt(inner) | Many(inner):
            return slots(inner)
        case _:
            return frozenset()


def written(expression: Expr, values: Mapping[str, Sequence[str]]) -> list[str] | None:
    """Return the words of ``expression`` with ``values`` for its placeholders, or None if some are missing.

    What may be missing is written if there are values for it.
    """
    match expression:
        case Literal(word):
            return [word]
        case Slot(name):
            return list(values[name][:1]) if values.get(name) else None
        case Seq(items):
            parts = [written(item, values) for item in items]
            return None if None in parts else [word for part in parts if part for word in part]
        case Alt(options):
            # One that leaves a value out would lose it.
            bound = slots(expression) & values.keys()
            whole = [option for option in options if bound <= slots(option)]
            return next((words for option in whole if (words := written(option, values)) is not None), None)
        case AnyOrder(options):
            return [word for option in options for word in written(_optional(option), values) or ()]
        case Opt(inner):
            return written(inner, values) or [] if slots(inner) & values.keys() else []
        case Many(inner):
            return _repeated(inner, values)


def _repeated(inner: Expr, values: Mapping[str, Sequence[str]]) -> list[str] | None:
    names = slots(inner) & values.keys()
    times = max((len(values[name]) for name in names), default=0)
    rows = [{name: values[name][row : row + 1] for name in names} for row in range(times)]
    parts = [written(inner, row) for row in rows]
    return None if not parts or None in parts else [word for part in parts if part for word in part]
