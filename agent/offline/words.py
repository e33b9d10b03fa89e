"""The words of what is done without a running agent: check, export, import and history."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.command_line import PROGRAM, add_settings, file_name, printing, settings_of
from agent.offline.formats import Format
from agent.settings import LOG_LEVELS, Settings, SettingsError
from agent.visible import comment_fault

COMMENT_LENGTH_MAX = 1024
LOG_LEVEL = "warning"
_CALLED = "--program="
TASKS = {
    "check": "look at a file, settings or a configuration, and say all that is wrong with it",
    "export": "write the whole configuration of a stopped agent",
    "import": "make a configuration that of a stopped agent",
    "history": "list the commits of a stopped agent",
}
"""What there is, and what each does."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for; what an option does not belong to has its default. ``program`` is what
    its user has typed. ``commit`` is a number of the history. ``options``: all, as they were typed.
    ``faults``: what of the settings cannot be used, where it may not matter: for a check."""

    task: str
    settings: Settings
    options: argparse.Namespace
    faults: tuple[str, ...] = ()
    program: str = PROGRAM
    file: Path | None = None
    format: Format = Format.INSTANCE_XML
    with_secrets: bool = False
    force: bool = False
    yes: bool = False
    keep_secrets: bool = False
    comment: str | None = None
    commit: int | None = None
    json: bool = False


def read(argv: Sequence[str]) -> Asked:
    """Return what the command line asks for; its first word is one of TASKS.

    Raises:
        SettingsError: the settings cannot be used, and it is no check.
        SystemExit: ``--help``, or a mistake (status 2).
    """
    with printing(SystemExit(0)):
        options = make_parser(program_of(argv), argv[0]).parse_args(argv[1:])
    checks = argv[0] == "check"
    settings, faults = settings_of(options, needed=not checks)
    if faults and not checks:
        raise SettingsError(*faults)
    known = Asked.__dataclass_fields__
    rest = {name: value for name, value in vars(options).items() if name in known}
    return Asked(task=argv[0], settings=settings, options=options, faults=tuple(faults), **rest)


def log_level_of(argv: Sequence[str]) -> str:
    """Return how much is to be logged; the settings file is about an agent that runs."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--log-level", nargs="?")
    given = parser.parse_known_args(argv)[0].log_level
    return given if given in LOG_LEVELS else LOG_LEVEL


def program_of(argv: Sequence[str]) -> str:
    """Return the name of the program that was typed: that of another one may have begun this."""
    given = argv[1] if len(argv) > 1 else ""
    return given.removeprefix(_CALLED) if given.startswith(_CALLED) else PROGRAM


def make_parser(program: str, task: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"{program} {task}", description=_IN_FULL[task])
    parser.add_argument("--program", default=program, help=argparse.SUPPRESS)
    _ADD[task](parser)
    add_settings(parser.add_argument_group("settings", "The same as of the agent itself."), LOG_LEVEL)
    return parser


_IN_FULL = {
    "check": "Look at FILE and say all that is wrong with it, an error a line: 0 if nothing is, 1 if"
    " something is, 2 for a mistake on the command line. FILE holds settings (TOML), or a configuration:"
    " XML, JSON (RFC 7951), or instance data (RFC 9195) in one of them. A configuration is looked at as an"
    " agent with these settings would; no agent and no charon is asked, and nothing is changed.",
    "export": "Write the whole configuration of a stopped agent, access control too, as its next start would"
    " have it. Secrets are left out unless they are asked for; private keys are files and in no export. The"
    " data folder stays as it is.",
    "import": "Make FILE the whole configuration of a stopped agent: a commit in its history, in force with"
    " its next start. FILE is what export writes, or any configuration in XML or JSON; it is checked as"
    " an agent would.",
    "history": "List the commits of a stopped agent, newest first. The data folder stays as it is.",
}


def _check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=file_name, metavar="FILE", help="what to look at")


def _export(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("-o", "--output", dest="file", type=file_name, metavar="FILE", help="a new file, for its owner alone")
    add("--force", action="store_true", help="replace the file if there is one")
    add(
        "--format",
        type=Format,
        choices=list(Format),
        default=Format.INSTANCE_XML,
        metavar="FORMAT",
        help="instance-xml or instance-json (RFC 9195), xml (a <config> for edit-config), or json (RFC 7951)"
        " (default instance-xml)",
    )
    add("--with-secrets", action="store_true", help="with pre-shared keys, and all that is as secret")


def _import(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("file", type=file_name, metavar="FILE", help="a configuration")
    add("--yes", action="store_true", help="do not ask before what is configured is replaced")
    add("--keep-secrets", action="store_true", help="keep the secrets of what stays, where FILE has none")
    add("--comment", type=_comment, metavar="TEXT", help="why, for the history (default: which file)")


def _history(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("commit", nargs="?", type=_number, metavar="N", help="this commit alone, with all paths it changed")
    add("--json", action="store_true", help="as JSON: an array, or with N an object")


def _comment(text: str) -> str:
    """Take what the comment of a commit may be over NETCONF."""
    if not 1 <= len(text) <= COMMENT_LENGTH_MAX:
        raise argparse.ArgumentTypeError(f"it has 1 to {COMMENT_LENGTH_MAX} characters")
    if (fault := comment_fault(text)) is not None:
        raise argparse.ArgumentTypeError(fault[1])
    return text


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:19]) < 2**63:
        raise argparse.ArgumentTypeError("it is no number of a commit")
    return int(text)


_ADD = {"check": _check, "export": _export, "import": _import, "history": _history}
