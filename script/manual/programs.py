"""The two programs as their parsers describe them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from agent import command_line as agent
from agent.offline import words
from console import command_line as console
from console.model.compiled import compile_schema
from console.model.schema import Schema
from script.manual.parsers import Command, read

_IMPORTED = ("ietf-inet-types", "ietf-yang-types", "ietf-netconf-acm")


def yangswand() -> Command:
    """Return the agent, with what it does while it does not run."""
    return replace(read(agent.make_parser(), agent.PROGRAM), commands=_offline(agent.PROGRAM))


def yangswan() -> Command:
    """Return the operator's command; what it passes on is described by who does it."""
    parser, _ = console.make_parser()
    program = read(parser, console.PROGRAM)
    passed_on = {command.name: command for command in _offline(console.PROGRAM)}
    commands = tuple(passed_on.get(command.name, command) for command in program.commands)
    # ``help COMMAND`` knows the commands only when all of them are there.
    names = tuple(command.name for command in commands)
    commands = tuple(
        replace(command, operands=tuple(
            replace(operand, choices=names) if operand.name == "COMMAND" else operand
            for operand in command.operands
        ))
        for command in commands
    )  # fmt: skip
    return replace(program, commands=commands)


def _offline(program: str) -> tuple[Command, ...]:
    return tuple(read(words.make_parser(program, task), task, what) for task, what in words.TASKS.items())


def schema(yang: Path) -> Schema:
    """Return the tree of the modules in the folder ``yang``, and of those of the IETF that they import."""
    ietf = Path(sys.prefix) / "share/yang/modules/ietf"
    files = [*yang.glob("*.yang"), *(ietf / f"{name}.yang" for name in _IMPORTED)]
    return compile_schema({path.stem: path.read_text(encoding="utf-8") for path in files})
