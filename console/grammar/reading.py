"""The grammar of one server's command line: what a line means, and what could stand at any place of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from console.grammar import completing, parts, telling
from console.grammar.arcs import Arc, Rank, State
from console.grammar.command import Command, Where
from console.grammar.fixed import NO, CommandForm, start
from console.grammar.mending import Mending
from console.grammar.model_words import DataState
from console.grammar.rows import Manual
from console.grammar.values import (
    Change,
    Changes,
    Meaning,
    Mistake,
    Operation,
    Path,
    Span,
    Step,
    Suggestion,
    sweeping,
)
from console.grammar.walking import Ambiguous, Unquoted, Walk
from console.grammar.words import Word, in_comment, quoted, split
from console.model.schema import Kind, Schema

DO = "do"
_ANOTHER = "another command begins here: it needs a line of its own"

Lookup = Callable[[str | Path, str], Sequence[Suggestion]]
"""Values that are there now: a source that an Argument names, or a path; and what was typed of the value.

Of a path whose last step is a list with fewer keys than it has, the next key of its entries; else, of a list,
a leaf or a leaf-list without keys on the way, all that there are. Some hundred of them are enough.
"""


def nothing(source: str | Path, prefix: str) -> Sequence[Suggestion]:
    """A lookup that knows of no values."""
    return ()


class Sweeping(Mistake):
    """Much would go away by an abbreviated line: that nobody meant something else is not guessed."""


class Contradiction(Mistake):
    """A line sets one leaf to two values, or two cases of one choice."""


class Grammar:
    """``schema``: what the server serves. ``commands``: all that is no edit."""

    def __init__(self, schema: Schema, commands: Iterable[Command]) -> None:
        self.schema = schema
        self.commands = tuple(commands)
        self._manual = Manual(schema)
        self.names = self._manual.names
        self._mending = Mending(self._manual)
        self._begun: dict[tuple[Where, bool], list[State]] = {}

    def read(self, line: str, context: Path | None = None, tunnel: bool = False) -> Meaning:
        """Return what ``line`` means where one is; a line without words changes nothing.

        Raises:
            Mistake: it means nothing.
        """
        words = split(line)
        if not words:
            return Changes(())
        try:
            return self._meaning(line, words, self._states(context, tunnel))
        except (Ambiguous, Contradiction, Sweeping):
            raise
        except Mistake as problem:
            if context is None:
                if way := self._first(line, words, tunnel):
                    said = f"{problem.message}; to configure it, type {way} first"
                    raise Mistake(said, problem.span, problem.expected) from None
                raise
            first = words[1] if words[0].text == NO and len(words) > 1 else words[0]
            unknown = problem.span.start == first.span.start
            if unknown and (hint := self._other_level(line, words, context)):
                raise Mistake(hint, words[0].span, problem.expected) from None
            if self._begins_another(line, words, problem, context):
                raise Mistake(_ANOTHER, problem.span) from None
            if isinstance(problem, Unquoted):
                raise
            return self._without_do(line, words, problem)

    def _without_do(self, line: str, words: Sequence[Word], problem: Mistake) -> Meaning:
        """Return what ``line`` means outside of the configuration, where it means nothing in it.

        Raises:
            Mistake: ``problem``, or another one if more of the line is known there.
        """
        try:
            return self._meaning(line, words, self._elsewhere())
        except Mistake as other:
            raise (other if other.span.start > problem.span.start else problem) from None

    def _meaning(self, line: str, words: Sequence[Word], states: Sequence[State]) -> Meaning:
        walk = Walk(states, line)
        walk.take(words)
        meaning = walk.meaning()
        if isinstance(meaning, Changes) and (second := _contradicts(words, meaning)):
            raise Contradiction(_ANOTHER, second)
        if walk.abbreviated and isinstance(meaning, Changes) and (swept := sweeping(meaning)):
            raise Sweeping(
                f"this removes all of {swept[0].path[-1].node.name}: type it in full", swept[0].span
            )
        return meaning

    def _other_level(self, line: str, words: Sequence[Word], context: Path) -> str:
        """Return what to type before ``line``, if it would mean a change at a level above, or one below."""
        for end in range(len(context) - 1, -1, -1):
            if self._changes_at(line, words, context[:end]):
                up = len(context) - end
                ends = "end" if up == 1 else "end twice" if up == 2 else f"end {up} times"
                return f"this is for {self.prompt(context[:end])}: type {ends} before it"
        for word, node in self.names.below(context).items():
            below = (*context, Step(node))
            if node.kind is Kind.CONTAINER and self._changes_at(line, words, below):
                return f"this is for {self.prompt(below)}: type {self._manual.alias(node) or word} before it"
        return ""

    def _first(self, line: str, words: Sequence[Word], tunnel: bool) -> str:
        """Return what to type before ``line``, if it would mean a change in the configuration."""
        ways: list[tuple[Path, str]] = [((), "config")]
        for node in self.names.below(()).values():
            if alias := self._manual.alias(node):
                # In its context outside of the configuration, that within it is meant.
                ways.insert(0 if tunnel else 1, ((Step(node),), f"config and {alias}"))
        return next((way for context, way in ways if self._changes_at(line, words, context)), "")

    def _begins_another(self, line: str, words: Sequence[Word], problem: Mistake, context: Path) -> bool:
        """Return whether a whole command ends where ``problem`` is, and another one begins."""
        at = next((at for at, word in enumerate(words) if word.span.start == problem.span.start), 0)
        parts = words[:at], words[at:]
        if not all(some and self._changes_at(line, some, context) for some in parts):
            return False
        # What goes on with a text may be the beginning of any word.
        begun = {arc.word for state in self._states(context, tunnel=False) for arc in state.arcs()}
        return not isinstance(problem, Unquoted) or words[at].text in begun

    def _changes_at(self, line: str, words: Sequence[Word], context: Path) -> bool:
        negated = _Behind(NO, (DataState(self.names, context, negated=True),))
        try:
            self._meaning(line, words, [DataState(self.names, context), negated])
        except Mistake:
            return False
        return True

    def suggest(
        self, text: str, context: Path | None = None, tunnel: bool = False, lookup: Lookup = nothing
    ) -> Sequence[Suggestion]:
        """Return what the last word of ``text``, or the one behind it, may be; () if nothing fits."""
        walk, prefix = self._up_to_the_last(text, context, tunnel)
        return completing.suggestions(walk, prefix, lookup, self.names) if walk is not None else ()

    def expected(
        self, text: str, context: Path | None = None, tunnel: bool = False, lookup: Lookup = nothing
    ) -> Sequence[Suggestion]:
        """Return the same for who asks with ``?``: placeholders, too, and ``<cr>`` where a line may end."""
        walk, prefix = self._up_to_the_last(text, context, tunnel)
        found = completing.expected(walk, prefix, lookup, self.names) if walk is not None else ()
        if found or context is None:
            return found
        # A command of the level outside needs no "do" where it is clear.
        walk, prefix = self._up_to_the_last(f"{DO} {text}", context, tunnel)
        return completing.expected(walk, prefix, lookup, self.names) if walk is not None else ()

    def within_text(self, text: str, context: Path | None = None, tunnel: bool = False) -> bool:
        """Return whether ``text`` ends within a value that may have any character: ``?`` is one, too."""
        walk, prefix = self._up_to_the_last(text, context, tunnel)
        return walk is not None and completing.is_text(walk, prefix)

    def about(self, text: str, context: Path | None = None, tunnel: bool = False) -> str:
        """Return all about the last word of ``text``, in lines.

        Raises:
            Mistake: it means nothing.
        """
        words = split(text)
        before = Walk(self._states(context, tunnel), text)
        before.take(words[:-1])
        after = Walk(before.states, text)
        after.take(words[-1:])
        return telling.about(after.states, words[-1].text if words else "")

    def prompt(self, context: Path | None, tunnel: bool = False) -> str:
        """Return where one is: "/", "/tunnel", "/config/tunnel/ipsec-1"."""
        if context is None:
            return "/tunnel" if tunnel else "/"
        parts = ["/config"]
        for step in context:
            name = self._manual.alias(step.node) or step.node.name
            parts.append("-".join((name, *(quoted(key) for key in step.keys))))
        return "/".join(parts)

    def part(self, text: str) -> Path:
        """Return the part of the configuration that ``text`` names, from the top: "tunnel ipsec 1".

        Raises:
            Mistake: it names none.
        """
        return parts.part(text, self.names)

    def mending(self, error: tuple[str, str, str], context: Path | None = None) -> str:
        """Return what to type about an rpc-error, "" if nothing is known; ``error``: its path, its message,
        and its info in words."""
        path, message, info = error
        return self._mending.lines(path, message, info, context)

    def _up_to_the_last(
        self, text: str, context: Path | None, tunnel: bool
    ) -> tuple[Walk | None, completing.Prefix]:
        try:
            words = split(text, partial=True)
            prefix = completing.prefix_of(text, words)
            walk = Walk(self._states(context, tunnel), text)
            if in_comment(text):
                return None, prefix
            walk.take(words[:-1] if prefix.typed else words)
        except Mistake:
            return None, completing.Prefix()
        return walk, prefix

    def _states(self, context: Path | None, tunnel: bool) -> list[State]:
        if context is None:
            return self._outside(Where.TUNNEL if tunnel else Where.EXEC)
        negated = [*self._commands(Where.CONFIG, negated=True), DataState(self.names, context, negated=True)]
        return [
            DataState(self.names, context),
            *self._commands(Where.CONFIG),
            _Behind(NO, negated),
            _Behind(DO, self._elsewhere()),
        ]

    def _elsewhere(self) -> list[State]:
        """Return the commands of all levels outside of the configuration."""
        return self._outside(Where.EXEC | Where.TUNNEL)

    def _outside(self, where: Where) -> list[State]:
        negated = self._commands(where, negated=True)
        return [*self._commands(where), *([_Behind(NO, negated)] if negated else ())]

    def _commands(self, where: Where, *, negated: bool = False) -> list[State]:
        """Return the states before all commands that are meant for one of ``where``."""
        if (where, negated) not in self._begun:
            meant = [command for command in self.commands if command.where & where]
            found = [start(CommandForm(one), one.syntax, Rank.OURS, negated=negated) for one in meant]
            self._begun[where, negated] = [_Begun(state.arcs()) for state in found if state is not None]
        return self._begun[where, negated]


@dataclass(frozen=True, slots=True)
class _Begun:
    """Before the first word of a command: how it goes on is the same for all lines."""

    found: Sequence[Arc]
    rank: Rank = Rank.OURS
    absorbs: bool = False

    def arcs(self) -> Sequence[Arc]:
        return self.found

    def meaning(self) -> Meaning | None:
        return None


_WORDS = {NO: "Undo, or set back to the default", DO: "A command of the level outside of the configuration"}


@dataclass(frozen=True, slots=True)
class _Behind:
    """Before a word that stands in front of others."""

    word: str
    states: Sequence[State]
    rank: Rank = Rank.OURS
    absorbs: bool = False

    def arcs(self) -> Sequence[Arc]:
        if not self.states:
            return ()
        return (Arc(self._follow, self.word, description=_WORDS[self.word]),)

    def _follow(self, text: str, span: Span) -> State:
        return _Several(self.states)

    def meaning(self) -> Meaning | None:
        return None


@dataclass(frozen=True, slots=True)
class _Several:
    """All of some states at once."""

    states: Sequence[State]
    rank: Rank = Rank.OURS
    absorbs: bool = False

    def arcs(self) -> Sequence[Arc]:
        return [arc for state in self.states for arc in state.arcs()]

    def meaning(self) -> Meaning | None:
        return None


def _contradicts(words: Sequence[Word], meaning: Changes) -> Span | None:
    """Return the word at which a line begins to say something else of the same than before; else None."""
    made: list[Change] = []
    for change in meaning.changes:
        if change.value is None or change.operation is not Operation.MERGE:
            continue
        if any(_excludes(change, other) for other in made):
            end = made[-1].span.end
            return next((word.span for word in words if word.span.start >= end), change.span)
        made.append(change)
    return None


def _excludes(one: Change, other: Change) -> bool:
    """Return whether of two edits the later takes back the earlier."""
    for step, its in zip(one.path, other.path, strict=False):
        if step.node is not its.node:
            cases = dict(its.node.case)
            return any(cases.get(choice, case) != case for choice, case in step.node.case)
        if step.keys != its.keys:
            return False
    same = len(one.path) == len(other.path) and one.path[-1].node.kind is Kind.LEAF
    return same and one.value != other.value
