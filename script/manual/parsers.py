"""What an argparse parser takes, as values: its options, its operands, its commands."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a value is, for who completes it."""

    WORD = "word"
    FILE = "file"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Option:
    """An option. ``value``: how its value is called; None if it takes none. ``excludes``: the first names of
    the options that cannot stand beside it."""

    names: tuple[str, ...]
    help: str
    value: str | None = None
    kind: Kind = Kind.WORD
    choices: tuple[str, ...] = ()
    repeatable: bool = False
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operand:
    """A word that is no option. ``most``: how many may stand there; None for any number."""

    name: str
    help: str
    kind: Kind = Kind.WORD
    choices: tuple[str, ...] = ()
    optional: bool = False
    most: int | None = 1


@dataclass(frozen=True, slots=True)
class Group:
    """Options under a title of their own; those without have an empty one."""

    title: str
    about: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A program, or a command of one. ``summary``: what a list of commands says of it."""

    name: str
    summary: str
    about: str
    epilog: str
    groups: tuple[Group, ...]
    operands: tuple[Operand, ...]
    commands: tuple[Command, ...] = ()

    @property
    def options(self) -> tuple[Option, ...]:
        return tuple(option for group in self.groups for option in group.options)


_STANDARD_TITLES = frozenset({"options", "positional arguments"})


def read(parser: argparse.ArgumentParser, name: str, summary: str = "") -> Command:
    """Return what ``parser`` takes.

    argparse has no public way to ask for it; these private names are the same from Python 3.11 to 3.14.
    """
    groups: list[Group] = []
    operands: list[Operand] = []
    commands: tuple[Command, ...] = ()
    for group in parser._action_groups:
        options = []
        for action in group._group_actions:
            if isinstance(action, argparse._SubParsersAction):
                commands = tuple(_commands(action))
            elif action.help == argparse.SUPPRESS:
                continue
            elif action.option_strings:
                options.append(_option(parser, action))
            else:
                operands.append(_operand(parser, action))
        if options:
            title = "" if group.title in _STANDARD_TITLES else group.title or ""
            groups.append(Group(title, group.description or "", tuple(options)))
    return Command(
        name=name,
        summary=summary,
        about=parser.description or "",
        epilog=parser.epilog or "",
        groups=tuple(groups),
        operands=tuple(operands),
        commands=commands,
    )


def _commands(action: argparse._SubParsersAction[argparse.ArgumentParser]) -> Iterator[Command]:
    for listed in action._choices_actions:
        if listed.help != argparse.SUPPRESS:
            yield read(action.choices[listed.dest], listed.dest, listed.help or "")


def _option(parser: argparse.ArgumentParser, action: argparse.Action) -> Option:
    beside = (group._group_actions for group in parser._mutually_exclusive_groups)
    takes = action.nargs != 0
    return Option(
        names=tuple(action.option_strings),
        help=_help(parser, action),
        value=_called(action) if takes else None,
        kind=_kind(action),
        choices=_choices(action),
        repeatable=isinstance(action, argparse._AppendAction),
        excludes=tuple(
            other.option_strings[0]
            for actions in beside
            if action in actions
            for other in actions
            if other is not action and other.option_strings
        ),
    )


def _operand(parser: argparse.ArgumentParser, action: argparse.Action) -> Operand:
    many = action.nargs in (argparse.ZERO_OR_MORE, argparse.ONE_OR_MORE, argparse.REMAINDER)
    return Operand(
        name=_called(action),
        help=_help(parser, action),
        kind=_kind(action),
        choices=_choices(action),
        optional=action.nargs in (argparse.OPTIONAL, argparse.ZERO_OR_MORE, argparse.REMAINDER),
        most=None if many else action.nargs if isinstance(action.nargs, int) else 1,
    )


def _called(action: argparse.Action) -> str:
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    return action.metavar or ("|".join(_choices(action)) or action.dest.upper())


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """Return the help of an action with its default and the like filled in."""
    return parser._get_formatter()._expand_help(action) if action.help else ""


def _choices(action: argparse.Action) -> tuple[str, ...]:
    return tuple(str(choice) for choice in action.choices or ())


def _kind(action: argparse.Action) -> Kind:
    """Return what a value is: the help says FILE or DIR where it is one."""
    of = {"FILE": Kind.FILE, "PATH": Kind.FILE, "DIR": Kind.FOLDER}
    return of.get(str(action.metavar), Kind.WORD)
