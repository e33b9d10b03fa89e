"""Commands with a fixed syntax along arcs: those of other rooms, and those that the manual has for nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from console.grammar import syntax
from console.grammar.arcs import Arc, Rank, State, Value
from console.grammar.command import Command
from console.grammar.syntax import Expr, Literal
from console.grammar.values import Called, Meaning, Span

NO = "no"
PART = "part"
"""The source of an argument that is a part of the configuration, in the words of the grammar."""
_NEGATED = "[no] "


@dataclass(frozen=True, slots=True)
class Given:
    """What was typed: a word of the syntax (``name`` is the word) or the value of a placeholder."""

    name: str
    text: str
    span: Span


class Form(Protocol):
    """Whose syntax it is."""

    def value(self, name: str) -> Value:
        """Return what is typed for a placeholder."""

    def words(self, word: str, rest: Expr) -> str:
        """Return the description of a word of the syntax; ``rest``: what is left behind it."""

    def meaning(self, given: Sequence[Given], negated: bool) -> Meaning:
        """Return what the whole line means."""

    def asked(self, given: Sequence[Given], missing: str) -> Meaning | None:
        """Return what a line means that lacks only one value, None if it means nothing."""


@dataclass(frozen=True, slots=True)
class FixedState:
    """Somewhere in the syntax of a form."""

    form: Form
    left: Expr
    rank: Rank
    given: tuple[Given, ...] = ()
    negated: bool = False
    absorbs: bool = False

    def arcs(self) -> Sequence[Arc]:
        return [self._arc(leaf, rest) for leaf, rest in syntax.arcs(self.left)]

    def _arc(self, leaf: syntax.Leaf, rest: Expr) -> Arc:
        name = leaf.word if isinstance(leaf, Literal) else leaf.name
        value = None if isinstance(leaf, Literal) else self.form.value(name)

        def follow(text: str, span: Span) -> State:
            given = (*self.given, Given(name, text, span))
            whole = value is not None and value.rest
            return FixedState(
                form=self.form, left=rest, rank=self.rank, given=given, negated=self.negated, absorbs=whole
            )

        if value is not None:
            return Arc(follow, value=value, rank=self.rank)
        return Arc(follow, name, description=self.form.words(name, rest), rank=self.rank)

    def meaning(self) -> Meaning | None:
        if syntax.may_end(self.left):
            return self.form.meaning(self.given, self.negated)
        nexts = syntax.arcs(self.left)
        if len(nexts) == 1 and isinstance(nexts[0][0], syntax.Slot) and syntax.may_end(nexts[0][1]):
            return self.form.asked(self.given, nexts[0][0].name)
        return None


def start(form: Form, text: str, rank: Rank, *, negated: bool = False) -> FixedState | None:
    """Return the state before a line of ``text``, a syntax; None if ``negated`` and it has no such form."""
    bare = text.removeprefix(_NEGATED)
    if negated and bare == text:
        return None
    expression = syntax.compiled(bare)
    return FixedState(
        form=form,
        left=syntax.lenient(expression) if negated else expression,
        rank=rank,
        given=(),
        negated=negated,
    )


@dataclass(frozen=True, slots=True)
class CommandForm:
    """A command of another room."""

    command: Command

    def value(self, name: str) -> Value:
        argument = self.command.arguments.get(name)
        if argument is None:
            return Value(name, name)
        return Value(
            name,
            name,
            argument.help,
            type=argument.type,
            number=argument.number,
            source=argument.source,
            rest=argument.rest,
        )

    def words(self, word: str, rest: Expr) -> str:
        if word in self.command.words:
            return self.command.words[word]
        # The last word of those that have to be there tells what all of it does.
        return self.command.help if not syntax.head(rest) else ""

    def meaning(self, given: Sequence[Given], negated: bool) -> Meaning:
        values: Mapping[str, str] = {one.name: one.text for one in given}
        parts = (one.span for one in given if self.value(one.name).source == PART)
        spans = {one.name: one.span for one in given if one.name in self.command.arguments}
        return Called(self.command, values, negated=negated, part=next(parts, None), spans=spans)

    def asked(self, given: Sequence[Given], missing: str) -> Meaning | None:
        return None
