"""Words along arcs: which of them a word means, abbreviated or not, and what is said if it means none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from console.grammar.arcs import Arc, Rank, State, Value
from console.grammar.typed import Refused
from console.grammar.values import Meaning, Mistake, Span, Suggestion, ValueMissing
from console.grammar.words import Word, has_private_key, one_blank_each
from console.harmless import is_unseen

_MOST_EXPECTED = 100
_MOST_CHOICES = 32
_LONGEST_SHOWN = 60

PRIVATE_KEY = "a private key does not belong here, and is not kept: import-private-key takes it"


class Ambiguous(Mistake):
    """A word that is the beginning of several: which of them was meant is not guessed at another level."""


class Unknown(Mistake):
    """A word that means nothing where it stands."""


class Unquoted(Unknown):
    """A word behind the first one of a text: it may belong to the text."""


class Walk:
    """A line that is read from left to right.

    ``states``: all that it may mean so far. ``abbreviated``: a word of it was not typed in full.
    """

    def __init__(self, states: Sequence[State], line: str) -> None:
        self.states = list(states)
        self._line = line
        self._secret = False
        self._behind = ""
        self.abbreviated = False

    def take(self, words: Sequence[Word]) -> None:
        """Go along ``words``.

        Raises:
            Mistake: one of them can mean nothing, or several things.
        """
        for place in range(len(words)):
            held = [state for state in self.states if state.absorbs]
            offered = [state.arcs() for state in self.states if not state.absorbs]
            try:
                followed = self._step(offered, words[place:])
            except Mistake:
                if not held:
                    raise
                followed = []
            self.states = [*held, *followed]

    def _step(self, offered: Sequence[Sequence[Arc]], words: Sequence[Word]) -> list[State]:
        word = words[0]
        literals = [arc for arcs in offered for arc in arcs if arc.word]
        exact = [arc for arc in literals if arc.word == word.text] if not word.quoted else []
        text, self._behind = self._behind, ""
        if exact:
            return [arc.follow(word.text, word.span) for arc in exact]
        accepted, refused = self._values(offered, words)
        begun = _begun(literals, word)
        if begun and not any(not value.open for value, _ in accepted):
            names = {arc.word for arc in begun}
            if len(names) == 1:
                name = names.pop()
                self.abbreviated = self.abbreviated or name != word.text
                return [arc.follow(name, word.span) for arc in literals if arc.word == name]
            if not accepted:
                raise Ambiguous(
                    f"{_shown(word)} could be {_enumerated(sorted(names))}",
                    word.span,
                    tuple(_suggestions(begun)),
                )
        if accepted:
            value = accepted[0][0]
            is_text = value.type is not None and value.open and not (word.quoted or value.secret)
            self._behind = value.name if is_text else ""
            return [state for _, state in accepted]
        if not word.quoted and (small := word.text.lower()) != word.text:
            with suppress(Unknown):
                return self._step(_of_words(offered), [replace(word, text=small), *words[1:]])
        problem = self._refusal(word, literals, refused, [arc for arcs in offered for arc in arcs])
        if not text or word.quoted or refused or self._secret:
            raise problem
        said = f"{problem.message}: a {text} of several words stands in quotes"
        raise Unquoted(said, problem.span, problem.expected)

    def _values(
        self, offered: Sequence[Sequence[Arc]], words: Sequence[Word]
    ) -> tuple[list[tuple[Value, State]], list[tuple[Value, Refused]]]:
        """Return where the word is a value, and why it is none elsewhere."""
        accepted: list[tuple[Value, State]] = []
        refused: list[tuple[Value, Refused]] = []
        for arcs in offered:
            for arc in arcs:
                if arc.value is None:
                    continue
                text, span = self._text(arc.value, words)
                if not arc.value.secret and has_private_key(text):
                    raise Mistake(PRIVATE_KEY, span)
                try:
                    accepted.append((arc.value, arc.follow(arc.value.read(text), span)))
                except Refused as problem:
                    refused.append((arc.value, self._with_blanks(arc.value, words) or problem))
                    continue
                self._secret = self._secret or arc.value.secret
                break
        return _rest_alone(accepted, refused)

    def _text(self, value: Value, words: Sequence[Word]) -> tuple[str, Span]:
        word = words[0]
        if not value.rest or len(words) == 1:
            return word.text, word.span
        span = Span(word.span.start, words[-1].span.end)
        text = self._line[span.start : span.end]
        # What has a source is read as words once more.
        return text if value.source else one_blank_each(text), span

    def _with_blanks(self, value: Value, words: Sequence[Word]) -> Refused | None:
        """Return what is wrong with a secret whose blanks part it into words; None for a single word."""
        if not value.secret or value.rest or len(words) == 1:
            return None
        try:
            value.read(self._line[words[0].span.start : words[-1].span.end])
        except Refused as problem:
            said = problem.said if problem.whole else f"{value.name} {problem.said}"
            return Refused(f"there are blanks in this: {said}", whole=True)
        return Refused("there are blanks in this: it has to stand in quotes", whole=True)

    def _refusal(
        self,
        word: Word,
        literals: Sequence[Arc],
        refused: Sequence[tuple[Value, Refused]],
        arcs: Sequence[Arc],
    ) -> Mistake:
        if has_private_key(word.text):
            return Mistake(PRIVATE_KEY, word.span)
        expected = tuple(_suggestions(arcs))
        # What follows a secret may be the rest of it.
        shown = "this" if self._secret else _shown(word)
        for value, problem in refused:
            about = shown if problem.several else value.name
            return Unknown(problem.said if problem.whole else f"{about} {problem.said}", word.span, expected)
        if not literals:
            too_much = "a secret with blanks stands in quotes" if self._secret else f"{shown} is too much"
            return Unknown(f"nothing is expected here: {too_much}", word.span, expected)
        return Unknown(f"{shown} is not known here", word.span, expected)

    def meaning(self) -> Meaning:
        """Return what the line means now that it ends.

        Raises:
            Mistake: something is missing.
        """
        for state in sorted(self.states, key=lambda one: one.rank):  # of two of a rank the first one
            if (meaning := state.meaning()) is not None:
                return meaning
        arcs = [arc for state in self.states for arc in state.arcs()]
        end = len(self._line.rstrip())
        kind = ValueMissing if any(value.may_have_lines for value in values(arcs)) else Mistake
        raise kind(_missing(arcs), Span(end, end + 1), tuple(_suggestions(arcs)))


def _of_words(offered: Sequence[Sequence[Arc]]) -> list[list[Arc]]:
    """Return what may be typed in capitals: words, and values that are nothing else."""
    return [
        [arc for arc in arcs if arc.word or (arc.value is not None and arc.value.only_choices)]
        for arcs in offered
    ]


def _rest_alone(
    accepted: list[tuple[Value, State]], refused: list[tuple[Value, Refused]]
) -> tuple[list[tuple[Value, State]], list[tuple[Value, Refused]]]:
    """Return what takes all up to the end of the line alone, if something does.

    Else what stands in a text could be taken for something else, and be offered behind it.
    """
    if not any(value.rest for value, _ in (*accepted, *refused)):
        return accepted, refused
    return [one for one in accepted if one[0].rest], [one for one in refused if one[0].rest]


def _begun(literals: Sequence[Arc], word: Word) -> list[Arc]:
    """Return those of the lowest rank that begin with ``word``."""
    if word.quoted or not word.text:
        return []
    found = [arc for arc in literals if arc.word.startswith(word.text)]
    first = min((arc.rank for arc in found), default=Rank.OURS)
    return [arc for arc in found if arc.rank == first]


def _missing(arcs: Sequence[Arc]) -> str:
    words = dict.fromkeys(arc.word for arc in arcs if arc.word and arc.rank <= Rank.MODEL)
    some = [*dict.fromkeys(value.placeholder for value in values(arcs)), *words]
    if not some:
        return "something is missing"
    if len(some) > 8:
        return "a word is missing"
    return f"{_enumerated(some)} is missing"


def _suggestions(arcs: Sequence[Arc]) -> Iterator[Suggestion]:
    found = suggested(arcs)
    for count, suggestion in enumerate(found):
        if count == _MOST_EXPECTED:
            return
        yield suggestion


def suggested(arcs: Sequence[Arc]) -> Iterator[Suggestion]:
    """Yield each word and each kind of value of ``arcs`` once, but for those that are not suggested."""
    words: dict[str, str] = {}
    for arc in sorted(arcs, key=lambda one: one.rank):
        if arc.rank <= Rank.MODEL and arc.word:
            words[arc.word] = words.get(arc.word) or arc.description
    for word, description in words.items():
        yield Suggestion(word, description)
    for value in values(arcs):
        if 0 < len(value.choices) <= _MOST_CHOICES and value.only_choices:
            yield from (Suggestion(one.name, one.description.partition("\n")[0]) for one in value.choices)
        else:
            yield placeholder(value)


def values(arcs: Sequence[Arc]) -> Iterator[Value]:
    """Yield the values that are expected, each kind once; whoever goes first tells about it."""
    seen = set[tuple[str, str]]()
    for arc in sorted(arcs, key=lambda one: one.rank):
        if arc.value is not None:
            kind = (arc.value.description, arc.value.expectation)
            if kind not in seen:
                seen.add(kind)
                yield arc.value


def placeholder(value: Value) -> Suggestion:
    words = "; ".join(filter(None, (value.description, value.expectation)))
    return Suggestion(value.placeholder, words, placeholder=True)


def _shown(word: Word) -> str:
    text = word.text if len(word.text) <= _LONGEST_SHOWN else f"{word.text[:_LONGEST_SHOWN]}..."
    return f"'{''.join(chr(0xFFFD) if is_unseen(one) else one for one in text)}'"


def _enumerated(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
