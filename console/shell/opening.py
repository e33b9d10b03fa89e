"""From the words behind ``yangswan`` to a command line that runs: where to connect, what to carry out."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from io import TextIOWrapper
from typing import TextIO

from console import interrupts, subsystem
from console.client.connection import Connection
from console.client.session import Gone
from console.client.stream import Stream
from console.client.unix import UnixStream
from console.grammar.command import Command
from console.grammar.reading import Grammar
from console.grammar.typed import Refused, check_sendable
from console.grammar.values import Mistake, Span
from console.grammar.words import LONGEST_LINE, commands, quoted
from console.harmless import harmless, harmless_lines
from console.model.schema import Schema
from console.shell import saying
from console.shell.asking import answered
from console.shell.output import Terminal
from console.shell.script import Plan, Secrets, carry_out
from console.shell.shell import Shell, Status, Ways
from console.shell.table import COMMANDS

JSON = "--json"
NOTHING_SERVED = Schema(roots={}, rpcs={}, notifications={}, namespaces={}, prefixes={})
_HELP = "('yangswan help' lists the commands)"
_UTF8 = "utf-8-sig"
"""Some editors write a byte order mark in front."""
_LONGEST_LINE = 1024 * 1024
_MOST_SECRETS = 4 * 1024 * 1024


def without_a_server(table: Sequence[Command] = COMMANDS) -> Grammar:
    """Return the grammar of what can be typed outside of the configuration, which no server has to tell."""
    return Grammar(NOTHING_SERVED, table)


def listing_of_commands(table: Sequence[Command] = COMMANDS) -> str:
    """Return all commands with what they do."""
    rows = [(command.syntax, command.help) for command in table]
    return "\n".join(f"  {syntax}\n      {what}" for syntax, what in rows)


def run(options: argparse.Namespace, words: Sequence[str]) -> int:
    """Carry out what the command line of a shell says; returns the exit status."""
    exec_grammar = without_a_server()
    as_json = options.json or JSON in words
    typed = " ".join(_typed(word) for word in words if word != JSON)
    try:
        _check(options)
        if words[:1] == ["help"]:
            return _about(exec_grammar, " ".join(words[1:]))
        if typed:
            exec_grammar.read(typed)  # a mistake needs no server to be said
        lines = _lines(options, typed)
        secrets = _secrets(options, typed=bool(typed) or lines is None)
    except (Mistake, OSError, UnicodeDecodeError) as problem:
        return _mistaken(problem)
    interactive = lines is None
    out = Terminal(as_json=as_json, interactive=interactive or (bool(typed) and sys.stdout.isatty()))
    ways = Ways(secrets, exec_grammar, _grammar)
    try:
        client = _connected(options, interactive or (bool(typed) and sys.stdin.isatty()))
    except (Gone, ValueError) as problem:
        out.warn(f"yangswan: {problem}")
        return Status.NO_SESSION if isinstance(problem, Gone) else Status.MISTAKE
    except KeyboardInterrupt:
        return Status.INTERRUPTED
    try:
        shell = Shell(client, out, ways, gateway=options.name or _gateway(options))
        if lines is None:
            from console.shell.interactive import converse

            return converse(shell)
        if typed and sys.stdin.isatty() and sys.stdout.isatty():
            _ask_on_terminal(shell)
        plan = Plan(
            commit=options.commit,
            comment=options.comment or "",
            shared=options.shared,
            numbered=not typed,
            ends=bool(typed) or options.command is not None or str(options.file or "-") != "-",
        )
        return carry_out(shell, lines, plan)
    finally:
        client.close()


def _about(grammar: Grammar, words: str) -> int:
    """Tell about a command; no server is needed for that."""
    told = grammar.about(words)
    print(harmless_lines(told))
    return Status.OK


def _grammar(client: Connection) -> Grammar:
    from console.model.modules import schema_of

    return Grammar(schema_of(client), COMMANDS)


def _typed(word: str) -> str:
    """Return a word of a shell as it is typed here: what was one word there is one here."""
    return quoted(word) if not word or any(one.isspace() or one in "\"'\\;#" for one in word) else word


def _mistaken(problem: Exception) -> int:
    if isinstance(problem, OSError):
        said = (
            f"{problem.filename}: {problem.strerror}"
            if problem.filename
            else str(problem.strerror or problem)
        )
    elif isinstance(problem, Mistake):
        said = f"{saying.mistake(problem)} {_HELP}"
    else:
        said = "a file is not in UTF-8"
    print(f"yangswan: {harmless(said)}", file=sys.stderr)
    return Status.MISTAKE


def _lines(options: argparse.Namespace, typed: str) -> Iterable[str] | None:
    """Return the lines to carry out, None to ask for them on a terminal."""
    if typed:
        return [typed]
    if options.command is not None:
        return commands(options.command)
    if options.file is not None and str(options.file) != "-":
        return _of(open(options.file, encoding=_UTF8))
    if options.file is None and sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty():
        return None
    return _of(_standard_input()) if sys.stdin is not None else ()


def _of(file: TextIO) -> Iterator[str]:
    with file:
        while line := file.readline(_LONGEST_LINE):
            yield line.rstrip("\r\n")


def _check(options: argparse.Namespace) -> None:
    """Raise Mistake for what cannot be sent, or shown."""
    for name in ("comment", "name", "user", "host"):
        try:
            check_sendable(getattr(options, name) or "")
        except Refused as problem:
            raise Mistake(f"--{name} {problem.said}", Span(0, 0)) from None


def _standard_input() -> TextIO:
    # Files are in UTF-8 whatever the locale says, and so is what is written into a pipe.
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(encoding=_UTF8, errors="strict")
    return sys.stdin


def _secrets(options: argparse.Namespace, *, typed: bool) -> Secrets:
    """Return where secrets come from that are not on their lines; ``typed``: those lines are in no file.

    Raises:
        Mistake: the lines come from there, too.
    """
    if options.secret_file is None:
        return Secrets(iter(()))
    if str(options.secret_file) == "-":
        if not typed and options.command is None and str(options.file or "-") == "-":
            raise Mistake("--secret-file - goes with -c or -f FILE: standard input has the lines", Span(0, 0))
        return Secrets(_short(_standard_input()), "standard input")
    with open(options.secret_file, encoding=_UTF8) as file:
        text = file.read(_MOST_SECRETS + 1)
    if len(text) > _MOST_SECRETS:
        raise Mistake(f"--secret-file: more than {_MOST_SECRETS} characters are no secrets", Span(0, 0))
    lines = text.removesuffix("\n").split("\n") if text else []
    return Secrets(iter(lines), str(options.secret_file))


def _short(file: TextIO) -> Iterator[str]:
    """Yield the lines of ``file``.

    Raises:
        Mistake: one of them is too long to be a secret.
    """
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise Mistake(f"a secret has at most {LONGEST_LINE} characters", Span(0, 0))
        yield line.rstrip("\r\n")


def _connected(options: argparse.Namespace, on_terminal: bool) -> Connection:
    """Return a session with the server that ``options`` name.

    Raises:
        Gone: there is none.
        ValueError: they name none.
    """
    if options.host is None:
        path = options.socket or subsystem.find(os.environ)
        return Connection(lambda: UnixStream(path), f"the agent at {path}")
    return _over_ssh(options, on_terminal)


def _over_ssh(options: argparse.Namespace, on_terminal: bool) -> Connection:
    # Half of the time of a start: only who needs it waits for it.
    from console.client.ssh import PORT, Address, Login, SshStream, address
    from console.client.ssh_config import configured

    said = configured(address(options.host).host)
    server = Address(said.host, address(options.host, said.port or PORT).port)
    login = Login(
        user=options.user or said.user,
        key=options.key,
        known_hosts=options.known_hosts,
        keys=said.keys,
        known_hosts_files=said.known_hosts,
        ask=_yes if on_terminal else None,
        # Asked for once: another session may begin while something else is on the terminal.
        passphrase=cache(_passphrase) if on_terminal else None,
    )

    def connect() -> Stream:
        return SshStream(server, login)

    return Connection(connect, str(server))


def _yes(question: str) -> bool:
    try:
        with interrupts.raising():
            return answered(lambda: input(f"{question} [y/N] "))
    except EOFError:
        return False


def _passphrase(key: str) -> str:
    from getpass import getpass

    with interrupts.raising():
        return getpass(f"passphrase of {key}: ")


def _ask_on_terminal(shell: Shell) -> None:
    """One command that somebody typed in a shell may ask, too."""
    shell.confirm = lambda question: _yes(harmless(question))


def _gateway(options: argparse.Namespace) -> str:
    if options.host is None:
        return socket.gethostname().partition(".")[0]
    host = str(options.host)
    return (
        host
        if any(one in host for one in ":[") or host.replace(".", "").isdigit()
        else host.partition(".")[0]
    )
