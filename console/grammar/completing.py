"""What may stand at a place of a line: for completion, and for ``?``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from console.grammar import parts
from console.grammar.arcs import Arc, Rank, Value
from console.grammar.fixed import PART
from console.grammar.model_words import Names
from console.grammar.values import Mistake, Path, Suggestion
from console.grammar.walking import Walk, placeholder, suggested, values
from console.grammar.words import Word, quoted

MOST_SUGGESTED = 500
ENTER = "<cr>"

_Lookup = Callable[[str | Path, str], Sequence[Suggestion]]


@dataclass(frozen=True, slots=True)
class Prefix:
    """What stands of the word that is completed. ``typed``: it has begun; ``quoted``: in quotes."""

    text: str = ""
    typed: bool = False
    quoted: bool = False


def prefix_of(text: str, words: Sequence[Word]) -> Prefix:
    """Return what is to be completed at the end of ``text``, whose words are ``words``."""
    if not words or (words[-1].span.end < len(text)):
        return Prefix()
    last = words[-1]
    return Prefix(last.text, True, last.quoted)


def suggestions(walk: Walk, prefix: Prefix, lookup: _Lookup, names: Names) -> Sequence[Suggestion]:
    """Return words and values that begin with the prefix, and placeholders for values that are not known.

    ``names``: of the parts of the configuration, where one of them may stand.
    """
    arcs = list(parts.arcs(walk.states, names))
    found: list[Suggestion] = []
    for suggestion in suggested([arc for arc in arcs if arc.word]):
        if not prefix.quoted and suggestion.text.startswith(prefix.text):
            found.append(suggestion)
    if not found and prefix.text and not prefix.quoted:
        found += _elsewhere(arcs, prefix.text)
    small = replace(prefix, text=prefix.text.lower())
    if not found and small != prefix and not prefix.quoted:
        choices = [value for value in values(arcs) if value.only_choices]
        some = suggested([arc for arc in arcs if arc.word])
        found += (one for one in some if one.text.startswith(small.text))
        found += (one for value in choices for one in _of_value(value, small.text, lookup))
    seen = {suggestion.text for suggestion in found}
    for value in values(arcs):
        for suggestion in _of_value(value, prefix.text, lookup):
            if suggestion.text not in seen and len(found) < MOST_SUGGESTED:
                seen.add(suggestion.text)
                found.append(suggestion)
    return found


def expected(walk: Walk, prefix: Prefix, lookup: _Lookup, names: Names) -> Sequence[Suggestion]:
    """Return what ``?`` shows."""
    found = list(suggestions(walk, prefix, lookup, names))
    part = parts.begun(walk.states)
    if prefix.typed or (part is not None and not parts.is_part(part, names)):
        return found
    try:
        walk.meaning()
    except Mistake:
        return found
    return [*found, Suggestion(ENTER, "The line may end here", placeholder=True)]


def is_text(walk: Walk, prefix: Prefix) -> bool:
    """Return whether the end of what was typed is within a value that may have any character in it."""
    if any(state.absorbs for state in walk.states):
        return parts.begun(walk.states) is None
    arcs = [arc for state in walk.states for arc in state.arcs()]
    begun = any(arc.word.startswith(prefix.text) for arc in arcs if arc.word)
    return prefix.typed and not begun and any(value.open or value.secret for value in values(arcs))


def _elsewhere(arcs: Sequence[Arc], prefix: str) -> Iterator[Suggestion]:
    """Yield words that are not suggested of themselves, once there is nothing else."""
    begun = {arc.word: arc for arc in arcs if arc.rank > Rank.MODEL and arc.word.startswith(prefix)}
    for arc in begun.values():
        yield Suggestion(arc.word, arc.description)


def _of_value(value: Value, prefix: str, lookup: _Lookup) -> Iterator[Suggestion]:
    choices = value.choices
    for choice in choices:
        if choice.name.startswith(prefix):
            words = choice.description.partition("\n")[0]
            default = " (default)" if choice.name == value.default else ""
            yield Suggestion(quoted(choice.name), f"{words}{default}".strip())
    asked = value.source and value.source != PART and not value.secret
    known = lookup(value.source, prefix) if asked else ()
    for suggestion in known:
        if suggestion.text.startswith(prefix):
            yield Suggestion(quoted(suggestion.text), suggestion.description, suggestion.placeholder)
    if not value.only_choices:
        yield placeholder(value)
