"""Completion for bash: tables of what may follow what, for the functions in packaging/completion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from script.manual.parsers import Command, Kind, Operand, Option

_KINDS = {Kind.FILE: "@file", Kind.FOLDER: "@folder", Kind.WORD: "@"}


def completion(functions: str, *programs: Command) -> str:
    """Return the file for all of ``programs``; ``functions`` read its tables.

    A place is a program, or a program and a command of it, with a blank between.
    """
    places = [place for program in programs for place in _places(program)]
    tables = {
        "commands": {place: _row(known.name for known in command.commands) for place, command in places},
        "options": {place: _row(n for o in command.options for n in o.names) for place, command in places},
        "values": dict(row for place, command in places for row in _values(place, command)),
        "beside": dict(row for place, command in places for row in _beside(place, command)),
        "operands": dict(row for place, command in places for row in _operands(place, command)),
    }
    names = " ".join(program.name for program in programs)
    lines = ["# Completion for bash. Made by script/build-man.", ""]
    for name, table in tables.items():
        lines += _table(f"_yangswan_{name}", table)
    return "\n".join([*lines, "", functions.rstrip("\n"), "", f"complete -F _yangswan {names}", ""])


def _places(program: Command) -> Iterator[tuple[str, Command]]:
    yield program.name, program
    for command in program.commands:
        yield f"{program.name} {command.name}", command


def _table(name: str, rows: Mapping[str, str]) -> Iterator[str]:
    """Return an array; it is global also where a function reads the file."""
    yield f"declare -gA {name}=("
    for key, value in rows.items():
        if value:
            yield f"    [{_quoted(key)}]={_quoted(value)}"
    yield ")"


def _values(place: str, command: Command) -> Iterator[tuple[str, str]]:
    for option in command.options:
        if option.value is not None:
            for name in option.names:
                yield f"{place} {name}", _offer(option)


def _beside(place: str, command: Command) -> Iterator[tuple[str, str]]:
    """Yield for each option the names that cannot be given any more when it is: its own, too, as a rule."""
    for option in command.options:
        others = [n for other in command.options if other.names[0] in option.excludes for n in other.names]
        for name in option.names:
            yield f"{place} {name}", _row([*others, *(() if option.repeatable else option.names)])


def _operands(place: str, command: Command) -> Iterator[tuple[str, str]]:
    at = 0
    for operand in command.operands:
        for _ in range(operand.most or 1):
            yield f"{place} {at}", _offer(operand)
            at += 1


def _offer(what: Option | Operand) -> str:
    return _row(what.choices) or _KINDS[what.kind]


def _row(words: Iterable[str]) -> str:
    return " ".join(words)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
