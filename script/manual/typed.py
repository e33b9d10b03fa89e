"""The commands that are typed on the command line of yangswan, as entries of its page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from console.grammar.command import Command, Where
from console.grammar.manual import IPSEC
from console.grammar.model_words import first_sentence
from console.grammar.rows import Manual, RowForm, bare
from console.model.schema import Schema
from script.manual import roff

_CONTEXTS = ("Everywhere", "Outside of the configuration", "In the configuration")


def blocks(commands: Iterable[Command]) -> Iterator[str]:
    """Yield roff for ``commands``, by where they can be typed, each part in the order of the alphabet."""
    ordered = sorted(commands, key=lambda command: command.syntax.removeprefix("[no] "))
    for context in _CONTEXTS:
        here = [command for command in ordered if _context(command.where) == context]
        if here:
            yield roff.subsection(context)
            yield from map(_entry, here)


def of_a_tunnel(schema: Schema) -> Iterator[str]:
    """Yield roff for the commands of the router's guide that configure a tunnel, described by ``schema``."""
    yield roff.subsection("In a tunnel of the configuration")
    yield from map(_row, Manual(schema).forms(IPSEC))


def _row(form: RowForm) -> str:
    row = form.row
    nearest = min((bare(effect.path) for effect in (*row.does, *row.undoes)), key=len)
    told = row.help or first_sentence(form.nodes[nearest].description)
    text = " ".join(sentence for sentence in (told.rstrip(".") + ".", row.more) if sentence)
    return roff.entry(roff.syntax(row.syntax), roff.prose(text))


def _context(where: Where) -> str:
    if Where.CONFIG not in where:
        return "Outside of the configuration"
    return "In the configuration" if where is Where.CONFIG else "Everywhere"


def _entry(command: Command) -> str:
    told = command.help[:1].upper() + command.help[1:]
    entry = roff.entry(roff.syntax(command.syntax), roff.prose(f"{told}."))
    details = [
        roff.entry(roff.italic(name), roff.prose(f"{argument.help[:1].upper()}{argument.help[1:]}."))
        for name, argument in command.arguments.items()
        if argument.help
    ]
    return "\n".join([entry, ".RS", *details, ".RE"]) if details else entry
