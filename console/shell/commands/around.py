"""Help, and the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from console.grammar.command import Argument, Command
from console.grammar.values import Suggestion
from console.harmless import harmless, harmless_lines
from console.shell.shell import Shell
from console.show.layout import folded
from console.show.screen import width_of

_KEYS = """Tab completes, ? shows what may come next, Ctrl-R searches what was typed before, Ctrl-C drops the
line and commits nothing, Ctrl-D ends. Words may be shortened as long as they are clear. 'help WORD' tells all
about a word. The first edit locks the candidate, so that others cannot edit until 'commit', 'leave', 'abort'
or 'discard'; who only looks locks nothing."""


def about(shell: Shell, given: Mapping[str, str]) -> None:
    """List what may be typed here, or tell all about some words."""
    grammar = shell.grammar if shell.context is not None else shell.ways.exec_grammar
    if words := given.get("WORDS"):
        told = harmless_lines(grammar.about(words, shell.context, shell.tunnel))
        shell.out.text("\n".join(narrowed(told, width_of(shell))))
        return
    shell.out.text(listing(grammar.expected("", shell.context, shell.tunnel)) + "\n\n" + _KEYS)


def narrowed(text: str, width: int | None) -> Iterator[str]:
    """Yield lines of ``text`` that are not longer than the terminal, cut between words, each as far in."""
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        yield from folded(line.lstrip(), width, indent, f"{indent}  ") if line else [""]


def listing(suggestions: Sequence[Suggestion]) -> str:
    """Return words with their descriptions, one below the other."""
    rows = [(harmless(one.text), harmless(one.description)) for one in suggestions]
    width = max((len(text) for text, _ in rows), default=0)
    return "\n".join(f"  {text:{width}}  {description}".rstrip() for text, description in rows)


def clear(shell: Shell, given: Mapping[str, str]) -> None:
    shell.out.rich.clear()


def terminal(shell: Shell, given: Mapping[str, str]) -> None:
    if "COLUMNS" in given:
        shell.out.set_width(int(given["COLUMNS"]))
    else:
        shell.out.set_length(int(given["LINES"]))


COMMANDS = (
    Command(
        "help [WORDS]",
        "what may be typed here, or all about a word",
        about,
        words={"help": "what may be typed here"},
        arguments={"WORDS": Argument("the words to tell about", rest=True)},
    ),
    Command("clear", "clear the screen", clear, words={"clear": "clear the screen"}),
    Command(
        "terminal (width COLUMNS|length LINES)",
        "how wide lines may be, and from how many lines on the pager shows them",
        terminal,
        words={
            "terminal": "how this program writes",
            "width": "columns; 0: as wide as the terminal",
            "length": "lines from which on the pager is used; 0: never",
        },
        arguments={
            "COLUMNS": Argument("columns; 0: as wide as the terminal", number=(0, 1000)),
            "LINES": Argument("lines; 0: no pager", number=(0, 100_000)),
        },
    ),
)
