"""The words of ``yangswan``: a command, its options, and what is said to who mistypes them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import NoReturn

from console import stopped, subsystem

PROGRAM = "yangswan"
AGENT = stopped.AGENT

_IS = f"The operator's command of yangswan, a client of its agents. The agent itself is {AGENT}."
# yangswan was the name of the agent before it had a command of its own.
_OF_THE_AGENT = frozenset({
    "--authorized-keys", "--charon", "--check", "--config", "--data-dir", "--listen", "--log-format",
    "--log-level", "--protect", "--recovery-user", "--repair", "--unprotect", "--user", "--yang-module",
    "--yes",
})  # fmt: skip

Command = Callable[[argparse.Namespace], int]
"""Carries a command out; returns the exit status."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and what to type instead."""

    @property
    def options(self) -> Collection[str]:
        return self._option_string_actions.keys()

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{PROGRAM}: {message} ('{PROGRAM} help' lists the commands)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command of ``argv``; returns its exit status: 0, 1 for what could not be done, 2 for a mistake.

    Raises:
        SystemExit: argparse has said everything (``--version``, ``--help``, a mistake).
    """
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        try:
            return _run(words)
        finally:  # also when argparse ends the program: what it printed may still be on its way
            _flush()
    except BrokenPipeError:
        # Who read has seen enough (``yangswan help | head -1``).
        _discard_output()
        return 0
    except OSError as problem:
        _discard_output()
        print(f"{PROGRAM}: {problem.strerror or problem}", file=sys.stderr)
        return 1


def _run(words: Sequence[str]) -> int:
    if words and words[0] in stopped.TASKS:
        return stopped.pass_on(words, PROGRAM)
    parser, commands = _parser()
    if words:
        _check_first(words[0], parser, commands)
    options = parser.parse_args(words)
    if options.command is None:
        parser.print_help()
        return 0
    carry_out: Command = options.carry_out
    return carry_out(options)


def _check_first(word: str, parser: _Parser, commands: Mapping[str, argparse.ArgumentParser]) -> None:
    """Refuse a word that begins nothing; argparse would take the word after it for the mistake."""
    option = word.partition("=")[0]
    # The agent takes its options abbreviated, too.
    if len(option) > 2 and any(name.startswith(option) for name in _OF_THE_AGENT):
        parser.exit(2, f"{PROGRAM}: {option} is an option of the agent, which {AGENT} starts\n")
    if option.startswith("-"):
        if option not in parser.options:
            parser.error(f"there is no option '{option}'")
    elif word not in commands:
        parser.error(f"there is no command '{word}'")


def _parser() -> tuple[_Parser, Mapping[str, argparse.ArgumentParser]]:
    """Return the parser of everything, and that of each command; one more is added to ``commands``."""
    parser = _Parser(prog=PROGRAM, description=_IS)
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {version('yangswan')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    about = commands.add_parser("help", help="what there is to type, or all about one command")
    about.add_argument("about", nargs="?", metavar="COMMAND", help="the command to tell about")
    about.set_defaults(carry_out=partial(_help, parser, commands.choices))
    subsystem.add_to(commands)
    for task, what in stopped.TASKS.items():  # not parsed here
        commands.add_parser(task, help=what, add_help=False)
    return parser, commands.choices


def _help(
    parser: argparse.ArgumentParser,
    commands: Mapping[str, argparse.ArgumentParser],
    options: argparse.Namespace,
) -> int:
    if options.about is not None and options.about not in commands:
        parser.error(f"there is no command '{options.about}'")
    if options.about in stopped.TASKS:
        return stopped.pass_on([options.about, "--help"], PROGRAM)
    told = parser if options.about is None else commands[options.about]
    told.print_help()
    return 0


def _flush() -> None:
    if sys.stdout is not None:  # it is when whoever started this closed it (``>&-``)
        sys.stdout.flush()


def _discard_output() -> None:
    """What could not be written is not tried again when the program ends."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
