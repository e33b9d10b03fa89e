"""The command line of script/machine."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from script.machines import requirements
from script.machines.apart import ENDING, STATUS_LIMIT, STATUS_TROUBLE, Interrupted, LimitReached
from script.machines.cache import Cache
from script.machines.chroots import run_chroot
from script.machines.guests import run_guest
from script.machines.layers import Layer
from script.machines.progress import Trouble, tell
from script.machines.systems import run_system

GUEST_LIMIT_S = 3600.0
EPILOG = """\
COMMAND runs in the checkout: files that git tracks or would. What it writes goes with the run. Its exit
status is that of script/machine; 124: ended after --limit, 125: the machine could not be made.
YANGSWAN_MACHINES names the folder of what is kept (default: ~/.cache/yangswan-machines).

  script/machine chroot 13 -- bash                     a fresh Debian 13, to look around
  script/machine chroot 12 --layer setup script/setup -- script/demo --once
  script/machine guest -- script/demo --once           this system, ESP by a Debian kernel
  script/machine system 12 --layer setup script/setup -- aa-status
"""


def main(arguments: list[str]) -> int:
    for number in ENDING:
        signal.signal(number, _interrupt)
    # Cut here and not by argparse, so that a further -- belongs to COMMAND.
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = _parser().parse_args(arguments[:end])
    options.command = arguments[end + 1 :]
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except Trouble as trouble:
        tell(str(trouble))
        return STATUS_TROUBLE
    except LimitReached as reached:
        tell(str(reached))
        return STATUS_LIMIT
    except Interrupted as interrupted:
        tell(f"{interrupted}: ended, and what it made is gone")
        return interrupted.exit_status


def _chroot(options: argparse.Namespace) -> int:
    requirements.require(requirements.FOR_CHROOT)
    return run_chroot(
        _cache(), options.release,
        layers=options.layer, command=_command(options), limit_s=options.limit, brought=options.bring,
    )  # fmt: skip


def _guest(options: argparse.Namespace) -> int:
    requirements.require(requirements.FOR_GUEST)
    return run_guest(_cache(), command=_command(options), limit_s=options.limit, console=options.console)


def _system(options: argparse.Namespace) -> int:
    requirements.require(requirements.FOR_SYSTEM)
    return run_system(
        _cache(), options.release,
        layers=options.layer, command=_command(options), limit_s=options.limit, console=options.console,
        brought=options.bring,
    )  # fmt: skip


def _list(options: argparse.Namespace) -> int:
    cache = _cache()
    sizes = cache.sizes()
    for name, megabytes, days in sizes:
        print(f"{megabytes:6d} MB  used {days:4.1f} days ago  {name}")
    print(f"{sum(size for _, size, _ in sizes):6d} MB  {cache.folder}")
    return 0


def _clean(options: argparse.Namespace) -> int:
    _cache().clean(everything=options.all)
    return 0


def _cache() -> Cache:
    folder = os.environ.get("YANGSWAN_MACHINES") or "~/.cache/yangswan-machines"
    return Cache(Path(folder).expanduser().absolute())


def _command(options: argparse.Namespace) -> list[str]:
    command: list[str] = options.command
    if not command:
        raise Trouble("what shall run? After -- comes a command, e.g.: -- bash")
    return command


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="script/machine", description="Run a command on another machine.",
        usage="script/machine [-h] chroot|guest|system|list|clean [options] [-- COMMAND...]",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    kinds = parser.add_subparsers(required=True, metavar="chroot|guest|system|list|clean")
    chroot = kinds.add_parser("chroot", help="a fresh Debian below this kernel and its network")
    guest = kinds.add_parser("guest", help="this machine's root below a Debian kernel, without network")
    system = kinds.add_parser("system", help="a whole Debian with systemd and AppArmor, without network")
    for kind, run in ((chroot, _chroot), (guest, _guest), (system, _system)):
        kind.set_defaults(run=run)
    for kind in (chroot, system):
        kind.add_argument("release", choices=("12", "13"), help="of Debian")
        kind.add_argument(
            "--layer", nargs=2, action=_AddLayer, default=[], metavar=("NAME", "COMMAND"),
            help="run COMMAND in the checkout first, with network, and keep what it did; may be repeated",
        )  # fmt: skip
        kind.add_argument(
            "--bring", type=Path, action="append", default=[], metavar="FILE",
            help="put FILE into /root of the machine; may be repeated",
        )  # fmt: skip
    for kind in (guest, system):
        kind.add_argument("--console", type=Path, metavar="FILE", help="keep what the kernel said")
    for kind, default in ((chroot, None), (guest, GUEST_LIMIT_S), (system, GUEST_LIMIT_S)):
        kind.add_argument(
            "--limit", type=float, default=default, metavar="SECONDS",
            help="end it after that long" + (f" (default: {default:.0f})" if default else ""),
        )  # fmt: skip
    listed = kinds.add_parser("list", help="what is kept, and how large it is")
    listed.set_defaults(run=_list)
    clean = kinds.add_parser("clean", help="remove leftovers and what was not used for two weeks")
    clean.add_argument("--all", action="store_true", help="remove everything that is not in use")
    clean.set_defaults(run=_clean)
    return parser


class _AddLayer(argparse.Action):
    def __call__(self, parser: object, namespace: object, values: object, option: object = None) -> None:
        assert isinstance(values, list)
        if not re.fullmatch(r"[a-z0-9]+", values[0]):
            raise argparse.ArgumentError(self, f"{values[0]}: a name is of small letters and digits")
        setattr(namespace, self.dest, [*getattr(namespace, self.dest), Layer(*values)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
