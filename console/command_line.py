"""The words of ``yangswan``: a command, its options, and what is said to who mistypes them."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

from console import passwd, stopped, subsystem
from console.harmless import harmless
from console.unread import discard

PROGRAM = "yangswan"
AGENT = stopped.AGENT

_IS = f"The operator's command of yangswan, a client of its agents. The agent itself is {AGENT}."
# yangswan was the name of the agent before it had a command of its own.
_OF_THE_AGENT = frozenset({
    "--authorized-keys", "--charon", "--check", "--config", "--data-dir", "--listen", "--log-format",
    "--log-level", "--protect", "--recovery-user", "--repair", "--unprotect", "--user", "--yang-module",
    "--yes",
})  # fmt: skip

_NO_MORE_OPTIONS = "--"
HELP = "help"
COMPLETE = "complete"
_STATUSES = (
    "Exit status: 0 done; 1 refused by the server, or nothing committed what was edited; 2 a mistake in a "
    "line, or on this one; 3 no session, or it ended; 130 Ctrl-C."
)

Command = Callable[[argparse.Namespace], int]
"""Carries a command out; returns the exit status."""


class _Version(argparse.Action):
    """Says which version this is; who does not ask does not wait until it is found out."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        print(f"{PROGRAM} {version('yangswan')}")
        parser.exit()


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and what to type instead."""

    @property
    def options(self) -> Collection[str]:
        return self._option_string_actions.keys()

    def takes_value(self, option: str) -> bool:
        action = self._option_string_actions[option]
        return action.nargs != 0

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{PROGRAM}: {harmless(message)} ('{PROGRAM} help' lists the commands)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command of ``argv``; returns its exit status: ``_STATUSES`` says which there are.

    Raises:
        SystemExit: argparse has said everything (``--version``, ``--help``, a mistake).
    """
    words = [_in_utf8(word) for word in (sys.argv[1:] if argv is None else argv)]
    _open_streams()
    status = 0
    try:
        try:
            status = _run(words)
        finally:  # also when argparse ends the program: what it printed may still be on its way
            _flush()
        return status
    except BrokenPipeError:
        # Who read has seen enough (``yangswan help | head -1``).
        discard(sys.stdout)
        return status
    except OSError as problem:
        discard(sys.stdout)
        closed = problem.errno == errno.EBADF and problem.filename is None
        why = "standard output is closed" if closed else problem.strerror or problem
        print(f"{PROGRAM}: {why}", file=sys.stderr)
        return 1


def _in_utf8(word: str) -> str:
    """Return a word as it was typed, whatever characters the locale has."""
    try:
        return os.fsencode(word).decode("utf-8")
    except UnicodeError:
        return word


def _run(words: Sequence[str]) -> int:
    if words and words[0] in stopped.TASKS:
        return stopped.pass_on(words, PROGRAM)
    parser, commands = make_parser()
    at = _end_of_options(words, parser)
    if words[at : at + 1] == [_NO_MORE_OPTIONS]:
        words = [*words[:at], *words[at + 1 :]]
    if at < len(words):
        if not words[at]:
            parser.error("there is no command ''")
        if words[at] in commands and not (words[at] == HELP and _about_more(words[at + 1 :], commands)):
            options = parser.parse_args([*words[:at], *words[at:]])
            carry_out: Command = options.carry_out
            return carry_out(options)
    options = parser.parse_args(words[:at])
    if wrong := _contradiction(options, words[at:]):
        parser.error(wrong)
    # What speaks with a server is much, and nothing above needs it.
    from console.shell import opening

    return opening.run(options, words[at:])


def _contradiction(options: argparse.Namespace, words: Sequence[str]) -> str:
    """Return what is wrong with options of which one would be ignored without a word; "" for nothing."""
    if options.host is not None and options.socket is not None:
        return "--socket and --host name two gateways: one of them"
    if options.host is None:
        for name in ("user", "key", "known_hosts"):
            if getattr(options, name) is not None:
                return f"--{name.replace('_', '-')} is for a gateway over SSH: it goes with --host"
    given = [name for name, value in (("-c", options.command), ("-f", options.file)) if value is not None]
    if words:
        given.append("a command")
    if len(given) > 1:
        return f"{given[0]} and {given[1]} at once: one of them"
    if options.comment is not None and not options.commit:
        return "--comment is for the commit after the last line: it goes with --commit"
    return ""


def _end_of_options(words: Sequence[str], parser: _Parser) -> int:
    """Return where the first word stands that is neither an option nor its value; refuse unknown options.

    argparse would take the word after one that it does not know for the mistake.
    """
    at = 0
    while at < len(words) and words[at].startswith("-"):
        if words[at] == _NO_MORE_OPTIONS and at + 1 < len(words):
            return at
        option, equals, _ = words[at].partition("=")
        # The agent takes its options abbreviated, too.
        if (
            len(option) > 2
            and option not in parser.options
            and any(name.startswith(option) for name in _OF_THE_AGENT)
        ):
            parser.exit(2, f"{PROGRAM}: {option} is an option of the agent, which {AGENT} starts\n")
        if option not in parser.options:
            parser.error(f"there is no option '{harmless(option)}'")
        at += 2 if not equals and parser.takes_value(option) else 1
    return min(at, len(words))


def _about_more(about: Sequence[str], commands: Mapping[str, argparse.ArgumentParser]) -> bool:
    """Return whether help is wanted about a command that a gateway carries out."""
    return bool(about) and about[0] not in commands and not about[0].startswith("-")


def make_parser() -> tuple[_Parser, Mapping[str, argparse.ArgumentParser]]:
    """Return the parser of everything, and those of the commands that take no session."""
    parser = _Parser(
        prog=PROGRAM,
        description=f"{_IS} Without a command it reads lines: on a terminal it asks for them.",
        usage=f"{PROGRAM} [options] [COMMAND ...]",
        allow_abbrev=False,
        epilog=_STATUSES,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show program's version number and exit")
    _add_options(parser)
    commands = parser.add_subparsers(prog=PROGRAM, dest="command_word", metavar="COMMAND", title="commands")
    about = commands.add_parser(HELP, help="what there is to type, or all about one command")
    about.add_argument("about", nargs="?", metavar="COMMAND", help="the command to tell about")
    about.set_defaults(carry_out=partial(_help, parser, commands.choices))
    subsystem.add_to(commands)
    passwd.add_to(commands)
    offering = commands.add_parser(COMPLETE)  # without help: it is for the completion of shells alone
    offering.add_argument("words", nargs="*", metavar="WORD", help="of a line; the last may be unfinished")
    offering.set_defaults(carry_out=_offer)
    for task, what in stopped.TASKS.items():  # not parsed here
        commands.add_parser(task, help=what, add_help=False)
    return parser, commands.choices


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Add where to connect, and what to carry out."""
    where = parser.add_argument_group("where to connect (without: the agent of this machine)")
    where.add_argument(
        "--socket", type=Path, metavar="PATH", help="the UNIX socket of the agent (YANGSWAN_SOCKET)"
    )
    where.add_argument("--host", metavar="HOST[:PORT]", help="a gateway, over SSH; port 830 without another")
    where.add_argument("--user", metavar="NAME", help="who logs in there (without: your name here)")
    where.add_argument("--key", type=Path, metavar="FILE", help="the private key (without: those of ssh)")
    where.add_argument("--known-hosts", type=Path, metavar="FILE", help="host keys (~/.ssh/known_hosts)")
    where.add_argument("--name", metavar="NAME", help="what the prompt calls the gateway")
    what = parser.add_argument_group("what to carry out")
    what.add_argument("-c", dest="command", metavar="LINES", help="these lines, with ';' between them")
    what.add_argument(
        "-f", dest="file", type=Path, metavar="FILE", help="the lines of a file; -: standard input"
    )
    what.add_argument("--commit", action="store_true", help="commit after the last line, if no line failed")
    what.add_argument("--comment", metavar="TEXT", help="with --commit: why, for the history")
    what.add_argument("--shared", action="store_true", help="edit without a lock, along with others")
    what.add_argument(
        "--secret-file", type=Path, metavar="FILE",
        help="secrets that are not on their lines, one on each line of FILE; -: standard input",
    )  # fmt: skip
    what.add_argument("--json", action="store_true", help="show as JSON (RFC 7951), also behind the command")


def _help(
    parser: argparse.ArgumentParser,
    commands: Mapping[str, argparse.ArgumentParser],
    options: argparse.Namespace,
) -> int:
    if options.about in stopped.TASKS:
        return stopped.pass_on([options.about, "--help"], PROGRAM)
    if options.about is not None:
        commands[options.about].print_help()
        return 0
    parser.print_help()
    from console.shell import opening

    print(f"\ncommands on a gateway:\n{opening.listing_of_commands()}")
    return 0


def _offer(options: argparse.Namespace) -> int:
    from console.shell import offered

    return offered.run(options)


def _open_streams() -> None:
    """What whoever started this has closed (``>&-``) is nothing, and no file that is opened later.

    What is written to a closed output is an error then, as with other tools: it was asked for, and is lost.
    """
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115  # it stays open
    sys.stdout = sys.stdout or open(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may not have all letters


def _flush() -> None:
    sys.stdout.flush()
