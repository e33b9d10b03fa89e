"""The words of ``yangswan``: a command, its options, and what is said to who mistypes them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import NoReturn

PROGRAM = "yangswan"
AGENT = "yangswand"

_IS = f"The operator's command of yangswan, a client of its agents. The agent itself is {AGENT}."
# yangswan was the name of the agent before it had a command of its own.
_OF_THE_AGENT = frozenset({
    "--authorized-keys", "--charon", "--config", "--data-dir", "--listen", "--log-level", "--recovery-user",
    "--user", "--yang-module",
})  # fmt: skip

Command = Callable[[argparse.Namespace], int]
"""Carries a command out; returns the exit status."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and what to type instead."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{PROGRAM}: {message} ('{PROGRAM} help' lists the commands)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command of ``argv``; returns its exit status: 0, or 2 for words that are not understood.

    Raises:
        SystemExit: argparse has said everything (``--version``, ``--help``, a mistake).
    """
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        status = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who read has seen enough (``yangswan help | head -1``); nothing is to be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _run(words: Sequence[str]) -> int:
    first = words[0].partition("=")[0] if words else ""
    if first in _OF_THE_AGENT:
        print(f"{PROGRAM}: {first} is an option of the agent, which {AGENT} starts", file=sys.stderr)
        return 2
    parser = _parser()
    options = parser.parse_args(words)
    if options.command is None:
        parser.print_help()
        return 0
    carry_out: Command = options.carry_out
    return carry_out(options)


def _parser() -> _Parser:
    """Return the parser of everything; a command is one more of ``commands``, with what carries it out."""
    parser = _Parser(prog=PROGRAM, description=_IS)
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {version('yangswan')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    about = commands.add_parser("help", help="what there is to type, or all about one command")
    about.add_argument("about", nargs="?", metavar="COMMAND", help="the command to tell about")
    about.set_defaults(carry_out=partial(_help, parser, commands.choices))
    return parser


def _help(
    parser: argparse.ArgumentParser,
    commands: Mapping[str, argparse.ArgumentParser],
    options: argparse.Namespace,
) -> int:
    if options.about is not None and options.about not in commands:
        parser.error(f"there is no command '{options.about}'")
    told = parser if options.about is None else commands[options.about]
    told.print_help()
    return 0
