"""A grammar with some commands, and what a session does with lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from lxml import etree

from console.grammar import edits
from console.grammar.command import Argument, Command, Where
from console.grammar.reading import Grammar
from console.grammar.values import Called, Change, Changes, Mistake, Path, SecretMissing
from tests.console.served import schema

Element = etree._Element


def _run(*given: object) -> None:
    raise AssertionError("no command is run here")


COMMANDS = (
    Command("config", "Change the configuration", _run, Where.EXEC),
    Command("tunnel", "Look at tunnels", _run, Where.EXEC),
    Command("end", "One level up", _run, Where.CONFIG | Where.TUNNEL),
    Command("leave", "Commit, and out", _run, Where.CONFIG),
    Command(
        "commit [check] [confirmed [SEC]] [verify] [comment TEXT]",
        "Make it the configuration of the gateway",
        _run,
        Where.CONFIG,
        words={"check": "Only look whether it could be"},
        arguments={
            "SEC": Argument("After so long it is undone", number=(1, 86400)),
            "TEXT": Argument("Why", rest=True),
        },
    ),
    Command(
        "show ipsec [ID [log]]",
        "Show tunnels",
        _run,
        arguments={"ID": Argument("The tunnel", source="tunnel", number=(1, 65535))},
        json=True,
    ),
    Command("show history [N] [by USER|since TIME]", "Show commits", _run),
    Command("ipsec (restart|monitor)", "The daemon", _run, Where.EXEC | Where.TUNNEL),
    Command("[no] ipsec log [FILE]", "The log", _run, Where.TUNNEL, arguments={"FILE": Argument("Into")}),
    Command("ping HOST", "Ask whether somebody is there", _run, Where.EXEC),
)


@cache
def grammar(*more: str) -> Grammar:
    return Grammar(schema(*more), COMMANDS)


def in_tunnel(number: int = 1) -> Path:
    """Return the context of a tunnel."""
    return context("tunnel", f"ipsec {number}")


def context(*lines: str) -> Path:
    """Return where one is after ``lines``, typed at the top of the configuration."""
    at: Path = ()
    for line in lines:
        meaning = grammar().read(line, at)
        assert isinstance(meaning, Changes)
        assert meaning.enters is not None
        at = meaning.enters
    return at


def said(line: str, at: Path | None = ()) -> list[tuple[str, str, str | None]]:
    """Return the changes that ``line`` means: operation, path with keys below the tunnels, value."""
    meaning = grammar().read(line, at)
    assert isinstance(meaning, Changes), meaning
    return [(change.operation.value, path_of(change), change.value) for change in meaning.changes]


def path_of(change: Change) -> str:
    """Return the path below /tunnels/ipsec[id]/ if it is there, else all of it."""
    steps = [step.node.name + (f"[{','.join(step.keys)}]" if step.keys else "") for step in change.path]
    below = steps[2:] if steps[0] == "tunnels" and len(steps) > 2 and steps[1].startswith("ipsec[") else steps
    return "/".join(below)


def mistake(line: str, at: Path | None = (), *, tunnel: bool = False) -> tuple[str, str]:
    """Return what is said about ``line``, and the piece of it that is pointed at."""
    try:
        meaning = grammar().read(line, at, tunnel)
    except Mistake as problem:
        return problem.message, line[problem.span.start : problem.span.end]
    raise AssertionError(f"it means {meaning}")


def read_all(lines: Iterable[str], using: Grammar) -> list[Change]:
    """Return the changes of lines that are typed one after the other, beginning at the top."""
    at: Path = ()
    changes: list[Change] = []
    for line in lines:
        meaning = using.read(line, at)
        assert not isinstance(meaning, SecretMissing), line
        if isinstance(meaning, Called):
            assert meaning.command.syntax == "end", line
            at = at[:-1]
            continue
        changes += meaning.changes
        at = at if meaning.enters is None else meaning.enters
    assert at == (), "each context is left again"
    return changes


def config_of(lines: Sequence[str], *more: str) -> Element:
    """Return the <config> that ``lines`` make."""
    using = grammar(*more)
    return edits.edit_config(read_all(lines, using), using.schema)
