"""The words of ``yangswand``: options that override the settings file, and what it says of itself."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from importlib.metadata import version
from pathlib import Path

from agent import credential
from agent.settings import (
    CHARON_MODES,
    LOG_FORMATS,
    LOG_LEVELS,
    Settings,
    SettingsError,
    from_file_as_far_as_it_goes,
    parse_address,
    refuse_octets,
)

log = logging.getLogger("agent")

PROGRAM = "yangswand"
PACKAGE = Path("/usr/lib/yangswan")
"""The virtual environment of the Debian package; below /etc are its settings."""
PACKAGE_SETTINGS = Path("/etc/yangswan/settings.toml")


class Task(Enum):
    """What is to be done; the values are options."""

    RUN = "run"
    CHECK = "check"
    PROTECT = "protect"
    UNPROTECT = "unprotect"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for. ``faults``: a sentence for each setting that cannot be used, for which
    ``settings`` has the default. ``yes``: the question of the task is answered."""

    settings: Settings
    faults: tuple[str, ...] = ()
    task: Task = Task.RUN
    yes: bool = False


def read_settings(argv: Sequence[str] | None = None) -> Settings:
    """Return the settings of the command line and of the file that it names.

    Raises:
        SettingsError: something in them cannot be used.
        SystemExit: ``--help``, ``--version`` or a wrong option.
    """
    asked = read(argv)
    if asked.faults:
        raise SettingsError(*asked.faults)
    return asked.settings


def read(argv: Sequence[str] | None = None) -> Asked:
    """Return what the command line asks for, with all that is wrong with its settings and with its file.

    Raises:
        SystemExit: ``--help``, ``--version`` or a wrong option.
    """
    with printing(SystemExit(0)):
        options = make_parser().parse_args(argv)
        if options.version:
            print(f"{PROGRAM} {version('yangswan')}")
            raise SystemExit(0)
    settings, faults = settings_of(options)
    if options.recovery_user:
        settings = replace(settings, recovery_users=(*settings.recovery_users, *options.recovery_user))
    if (options.user is None) != (options.authorized_keys is None):
        faults.append("--user and --authorized-keys belong together")
    elif options.user is not None:
        settings = replace(settings, users={**settings.users, options.user: options.authorized_keys})
    if options.yes and options.task is not Task.REPAIR:
        faults.append("--yes belongs to --repair")
    settings = replace(settings, credential=credential.host_key(os.environ))
    return Asked(settings, faults=tuple(faults), task=options.task, yes=options.yes)


def settings_of(options: argparse.Namespace, *, needed: bool = True) -> tuple[Settings, list[str]]:
    """Return the settings of the file that ``options`` name and of the options that ``add_settings`` has
    added, and a sentence for each that cannot be used. Without ``needed`` whoever may not read the file of
    the package does without it, and the log says so."""
    if file := options.config or _file_of_the_package(options, needed=needed):
        settings, faults = from_file_as_far_as_it_goes(file)
    else:
        settings, faults = Settings(data_dir=_default_folder()), []
    if getattr(options, "listen", None) is not None:
        try:
            host, port = parse_address(options.listen)
            settings = replace(settings, host=host, port=port)
        except SettingsError as problem:
            faults.extend(problem.faults)
    for name in ("data_dir", "charon", "log_level", "log_format"):
        value = getattr(options, name, None)
        if value is not None:
            settings = replace(settings, **{name: value})
    if options.yang_module:
        settings = replace(settings, yang_modules=(*settings.yang_modules, *options.yang_module))
    try:
        refuse_octets(settings.data_dir)
    except SettingsError as problem:
        faults.extend(problem.faults)
    return settings, faults


def _file_of_the_package(options: argparse.Namespace, *, needed: bool) -> Path | None:
    """Return the settings file of who names none, where the program is the package's: the agent of this
    machine is meant. Who names a data folder means another agent."""
    if not Path(sys.prefix).is_relative_to(PACKAGE) or options.data_dir is not None:
        return None
    if needed or os.access(PACKAGE_SETTINGS, os.R_OK):
        return PACKAGE_SETTINGS
    log.warning("%s cannot be read, so no settings count but those of the command line", PACKAGE_SETTINGS)
    return None


def _default_folder() -> Path:
    """Return the data folder of who names none: that of the checkout, wherever the agent is started."""
    checkout = Path(sys.prefix).parent
    return checkout / "var" if (checkout / "script" / "run").is_file() else Settings().data_dir


_TASKS = {
    Task.CHECK: "look at the settings and end: 0, or 78 with all that is wrong",
    Task.PROTECT: "keep packets of tunnels from passing in clear, and end: for boot, before the network",
    Task.UNPROTECT: "let them pass again, and end: for when the agent is removed",
    Task.REPAIR: "say what a damaged history has lost, ask, keep it, and make a new one of the rest",
}


@contextmanager
def printing(unread: BaseException | None = None) -> Iterator[None]:
    """Print what the block prints; raise ``unread`` if who reads it has seen enough.

    So ends ``yangswand --help | head -1``, and an agent goes on without a reader.
    """
    try:
        try:
            yield
        finally:  # also when argparse ends the program
            if sys.stdout is not None:  # it is None for who starts it without one
                sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        if unread is not None:
            raise unread from None
    except OSError:
        _discard_output()
        raise


def _discard_output() -> None:
    """What could not be written is not tried again when the program ends."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="The agent of yangswan: configures strongSwan over NETCONF, and runs until it is stopped."
        " The operator's command is yangswan.",
        epilog="Options override the settings file, whose keys are in docs/settings.md. See README.md for how"
        " to connect. Without a running agent: yangswand check, export, import and history; each has help.",
    )
    add = parser.add_argument
    # argparse's own action would look the version up at every start; an agent without metadata runs, too.
    add("--version", action="store_true", help="say the version, and end")
    only_one = parser.add_mutually_exclusive_group().add_argument
    for task, what in _TASKS.items():
        only_one(
            f"--{task.value}", dest="task", action="store_const", const=task, default=Task.RUN, help=what
        )
    add("--yes", action="store_true", help="with --repair: do not ask")
    add("--listen", metavar="ADDR:PORT", help="where to accept NETCONF over SSH (default 127.0.0.1:8300)")
    add_settings(parser, "info")
    add(
        "--log-format",
        choices=LOG_FORMATS,
        help="how to log: text or json on standard error, or fields of systemd's journal (default text)",
    )
    add(
        "--user",
        type=_word,
        action=_Once,
        metavar="NAME",
        help="a user who may connect, with --authorized-keys; for more there is the settings file",
    )
    add(
        "--authorized-keys",
        type=file_name,
        action=_Once,
        metavar="FILE",
        help="public keys of --user, one a line",
    )
    add(
        "--recovery-user",
        type=_word,
        action="append",
        metavar="NAME",
        help="a user to whom no rule of access control applies, to get back in after a mistake (repeatable)",
    )
    return parser


def add_settings(parser: argparse._ActionsContainer, log_level: str) -> None:
    """Add the options that every task has, to one whose default for the log is ``log_level``."""
    add = parser.add_argument
    add(
        "--config",
        type=file_name,
        metavar="FILE",
        help=f"settings file (TOML); the Debian package takes {PACKAGE_SETTINGS} for who names neither it nor"
        " --data-dir",
    )
    add(
        "--data-dir",
        type=file_name,
        metavar="DIR",
        help="keys, history, daemon files (default var in the checkout that the program is from, else ./var)",
    )
    add(
        "--yang-module",
        type=file_name,
        action="append",
        metavar="FILE",
        help="serve one more YANG module, without a translator (repeatable)",
    )
    add(
        "--charon",
        choices=CHARON_MODES,
        help="managed: start a private charon; external: use the running one; none: keep configuration, "
        "apply nothing (default managed)",
    )
    add(
        "--log-level",
        choices=LOG_LEVELS,
        help=f"how much to log to standard error (default {log_level})",
    )


class _Once(argparse.Action):
    """An option whose first value would be lost without a word if it were given again."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        if getattr(namespace, self.dest) is not None:
            raise argparse.ArgumentError(self, "it can be given only once")
        setattr(namespace, self.dest, values)


def _word(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text


def file_name(text: str) -> Path:
    """Refuse what is empty, which a Path would take for the folder that one is in."""
    return Path(_word(text))
