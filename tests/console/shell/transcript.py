"""A session as the router's manual prints one: prompts, what is typed behind them, and what is answered.

What stands behind a prompt is typed; the lines below it are patterns, one for each line of the answer.
``...`` stands for any lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.console.shell.lines import Terminal

_TYPED = re.compile(r"(\*?[\w-]+:/(?:[\w/-]*/)?#>)(?: (.*))?")
ANYTHING = "..."


@dataclass(frozen=True, slots=True)
class Exchange:
    """``line`` was typed behind ``prompt``; ``answer``: a pattern for each line, up to the next prompt."""

    prompt: str
    line: str
    answer: tuple[str, ...]


def exchanges(text: str) -> Iterator[Exchange]:
    """Yield what ``text`` has, one for each prompt; the last prompt may have nothing behind it."""
    prompt, line, answer = "", "", list[str]()
    for one in text.strip("\n").split("\n"):
        if found := _TYPED.fullmatch(one):
            if prompt:
                yield Exchange(prompt, line, tuple(answer))
            prompt, line, answer = found[1], found[2] or "", []
        else:
            assert prompt, f"before {one!r} nothing was typed"
            answer.append(one)
    yield Exchange(prompt, line, tuple(answer))


def play(terminal: Terminal, text: str) -> None:
    """Type what ``text`` types, at the first prompt that it has, and compare each answer.

    Returns at its last prompt; nothing is typed there unless something stands behind it.
    """
    said, last = "", None
    for exchange in exchanges(text):
        said = terminal.at(exchange.prompt.removesuffix("#>"))
        if last is not None:
            compare(last, said.rpartition(f"#> {last.line}")[2].removesuffix(exchange.prompt))
        if exchange.line:
            terminal.types(exchange.line)
            last = exchange


def compare(exchange: Exchange, said: str) -> None:
    """Assert that ``said`` is the answer that is wanted."""
    wanted = "".join(r"(?:.*\n)*?" if one == ANYTHING else f"{one}\n" for one in exchange.answer)
    shown = "".join(f"{one.rstrip()}\n" for one in said.strip("\n").split("\n") if one.strip())
    assert re.fullmatch(wanted, shown), f"{exchange.prompt} {exchange.line}\n{shown}"
