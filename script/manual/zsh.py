"""Completion for zsh: a specification for _arguments (zshcompsys(1)) of each program and command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from script.manual.parsers import Command, Kind, Operand, Option

_KINDS = {Kind.FILE: "_files", Kind.FOLDER: "_files -/", Kind.WORD: " "}


# Answers of the program come as WORD, a tabulator, and what it says of it.
_ASK = """\
answers=(${(f)"$($program $before complete -- %s 2>/dev/null)"})
answers=(${${answers//:/\\\\:}/$'\\t'/:})
_describe command answers && ret=0"""


def completion(*programs: Command) -> str:
    """Return the file for all of ``programs``; the first is asked for what only a program knows."""
    names = " ".join(program.name for program in programs)
    lines = [f"#compdef {names}", "# Completion for zsh. Made by script/build-man.", ""]
    lines += ["local curcontext=$curcontext state line ret=1 program=$words[1]"]
    lines += ["local -a answers before all=($words)", "typeset -A opt_args", "", "case $service in"]
    for program in programs:
        lines += [f"{program.name})", *_indented(_program(program, asks=program is programs[0])), ";;"]
    return "\n".join([*lines, "esac", "", "return ret", ""])


def _program(program: Command, *, asks: bool) -> Iterator[str]:
    yield from _arguments(program, "1:command:->command", "*::argument:->argument")
    yield "case $state in"
    yield "command)"
    yield "    local -a commands=("
    yield from (f"        {_quoted(f'{c.name}:{c.summary}')}" for c in program.commands)
    yield "    )"
    yield "    _describe command commands && ret=0"
    if asks:
        yield "    before=(${(Q)all[2,CURRENT-1]})"
        yield from _indented((_ASK % '"$PREFIX"').split("\n"))
    yield "    ;;"
    yield "argument)"
    yield "    curcontext=${curcontext%:*:*}:$service-$line[1]:"
    yield "    case $line[1] in"
    for command in program.commands:
        yield f"    {command.name})"
        yield from (f"    {line}" for line in _indented(_arguments(command, *_operands(command))))
        yield "        ;;"
    if asks:
        yield "    *)"
        yield "        before=(${(Q)all[2,$#all-$#words]})"
        yield from (f"        {line}" for line in (_ASK % '"${(Q@)words[1,CURRENT]}"').split("\n"))
        yield "        ;;"
    yield "    esac"
    yield "    ;;"
    yield "esac"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)


def _arguments(command: Command, *operands: str) -> Iterator[str]:
    specifications = [*(line for option in command.options for line in _option(command, option)), *operands]
    yield "_arguments -C \\"
    yield from (f"    {_quoted(line)} \\" for line in specifications)
    yield "    && ret=0"


def _option(command: Command, option: Option) -> Iterator[str]:
    others = {o.names[0]: o.names for o in command.options}
    beside = [name for first in option.excludes for name in others[first]]
    beside += [] if option.repeatable else option.names
    for name in option.names:
        excluded = f"({' '.join(beside)})" if beside else ""
        sign = ("=" if name.startswith("--") else "") if option.value is not None else ""
        value = f":{_escaped(option.value)}:{_action(option)}" if option.value is not None else ""
        yield f"{'*' * option.repeatable}{excluded}{name}{sign}[{_escaped(option.help)}]{value}"


def _operands(command: Command) -> Iterator[str]:
    for at, operand in enumerate(command.operands, 1):
        place = "*" if operand.most is None else f"{at}:" if operand.optional else f"{at}"
        # A word that cannot be completed would keep options from being inserted where it is optional.
        action = _action(operand) if _action(operand).strip() else f'_guard "^-*" {operand.name}'
        yield f"{place}:{_escaped(operand.name)}:{action}"


def _action(what: Option | Operand) -> str:
    return f"({' '.join(what.choices)})" if what.choices else _KINDS[what.kind]


def _escaped(text: str) -> str:
    """Return text for a place where colons and brackets end something."""
    for character in "\\:[]":
        text = text.replace(character, f"\\{character}")
    return text


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
