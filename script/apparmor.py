"""What AppArmor lets charon do in the data folder of an agent: rules in the local file of its profile.

Debian's profile of charon names the files of strongSwan's own packages. For each data folder a block is added
to the file that the profile includes for this, /etc/apparmor.d/local/usr.lib.ipsec.charon, and the profile is
loaded anew; it stays in the mode that it has. The block names only what charon itself opens: the private keys
that stand beside it are the agent's.

Standard library alone, and one file: a package can bring it as it is.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PROFILE = "/usr/lib/ipsec/charon"
PROFILE_FILE = "usr.lib.ipsec.charon"
CHARON_FOLDER = "strongswan"
FILES = (
    ("strongswan.conf", "r"),
    ("vici.sock", "rw"),
    ("notify.sock", "rw"),
    ("charon.log", "rw"),
    ("charon.err", "w"),
)
"""What a charon of our own opens in its folder, and how; its pid file is in /run, which is the profile's."""
DATA_FOLDERS_MIN_DEPTH = 2
LOAD_LIMIT_S = 120.0

# Inside quotes AppArmor takes these for patterns, variables or its own quotes; a line ends the rule.
_SPECIAL = re.compile(r'[][*?{}^"\\@\x00-\x1f\x7f]')
_BEGIN = re.compile(r'# yangswan: begin "(?P<about>[^"]+)"(?: while (?P<pid>\d+))?$')
_END = "# yangswan: end"


class Refused(Exception):
    """The rule cannot be written or loaded; the text says why. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where AppArmor has its files; tests have made-up ones."""

    profiles: Path = Path("/etc/apparmor.d")
    enabled: Path = Path("/sys/module/apparmor/parameters/enabled")
    loaded: Path = Path("/sys/kernel/security/apparmor/profiles")
    processes: Path = Path("/proc")
    parser: str = "apparmor_parser"

    @property
    def local(self) -> Path:
        return self.profiles / "local" / PROFILE_FILE


HERE = Places()


@dataclass(frozen=True, slots=True)
class Block:
    """The rules about one data folder, or, ending in ``/**``, about all below a folder.

    ``pid``: the block is for as long as this process runs.
    """

    about: str
    pid: int | None = None

    def lines(self) -> list[str]:
        if self.about.endswith("/**"):
            folder = self.about
        else:
            folder = os.path.realpath(f"{self.about}/{CHARON_FOLDER}")
        while_runs = f" while {self.pid}" if self.pid else ""
        rules = [f'"{folder}/" r,', *(f'"{folder}/{name}" {how},' for name, how in FILES)]
        return [f'# yangswan: begin "{self.about}"{while_runs}', *rules, _END]


def block_of(folder: str | Path, *, below: bool = False, pid: int | None = None) -> Block:
    """Return the block for the data folder ``folder``, or for all data folders below it.

    AppArmor sees real paths: symbolic links are followed. Only root may have a say in a folder below which
    all is allowed.

    Raises:
        Refused: the path cannot be written as a rule, or such a folder is not root's alone.
    """
    path = os.path.realpath(folder)
    for name in (path, os.path.realpath(f"{path}/{CHARON_FOLDER}")):
        if found := _SPECIAL.search(name):
            raise Refused(f"{name!r} has {found[0]!r}, which means something else in a rule of AppArmor: "
                          "choose another data folder")  # fmt: skip
    if not below:
        return Block(path, pid)
    status = os.stat(path)
    if status.st_uid != os.geteuid() or status.st_mode & 0o022 or path.count("/") < DATA_FOLDERS_MIN_DEPTH:
        raise Refused(f"{path} is not a folder in which nobody else can write")
    return Block(f"{path}/**", pid)


def is_loaded(places: Places = HERE) -> bool:
    """Is charon's profile in the kernel? Where that cannot be read, as in containers, it does not matter."""
    with contextlib.suppress(OSError):
        return any(line.rpartition(" (")[0] == PROFILE for line in places.loaded.read_text().splitlines())
    return False


def is_on(places: Places = HERE) -> bool:
    with contextlib.suppress(OSError):
        return places.enabled.read_text().strip() == "Y"
    return False


def allow(*blocks: Block, places: Places = HERE) -> str:
    """Have ``blocks`` in the local file and the kernel; return in words what was done.

    Raises:
        Refused: the file cannot be written, or AppArmor does not take it.
    """
    names = ", ".join(block.about for block in blocks)
    loaded = _change(blocks, (), places)
    return f"charon may use its files in {names} ({places.local}{loaded})"


def forget(*blocks: Block, places: Places = HERE) -> str:
    """Take ``blocks`` out again; return in words what was done.

    Raises:
        Refused: the file cannot be written, or AppArmor does not take it.
    """
    names = ", ".join(block.about for block in blocks)
    loaded = _change((), blocks, places)
    return f"nothing is said of {names} any more ({places.local}{loaded})"


@contextlib.contextmanager
def allowed_below(folder: Path, places: Places = HERE) -> Iterator[None]:
    """Let charon use its files in all data folders below ``folder``; nothing is written where AppArmor
    does not confine charon.

    Raises:
        Refused: the rules cannot be written or taken out, or AppArmor does not take them.
    """
    if not (is_on(places) and is_loaded(places)):
        yield
        return
    block = block_of(folder, below=True, pid=os.getpid())
    allow(block, places=places)
    try:
        yield
    finally:
        forget(block, places=places)


def allowed(places: Places = HERE) -> list[Block]:
    """Return the blocks that stand in the local file.

    Raises:
        Refused: it cannot be read.
    """
    return [part for part in _parts(_read(places.local)) if isinstance(part, Block)]


def has(*blocks: Block, places: Places = HERE) -> bool:
    """Do ``blocks`` stand in the local file as they would be written today?

    Raises:
        Refused: it cannot be read.
    """
    text = _read(places.local)
    return all("".join(f"{line}\n" for line in block.lines()) in text for block in blocks)


# --- the local file ---


def _change(more: Sequence[Block], less: Sequence[Block], places: Places) -> str:
    if not places.profiles.is_dir():
        raise Refused(f"there is no {places.profiles}: AppArmor is not installed")
    gone = {block.about for block in (*more, *less)}
    try:
        places.local.parent.mkdir(exist_ok=True)
        with _turn(places.local.parent):
            before = _read(places.local)
            lines: list[str] = []
            for part in _parts(before):
                if isinstance(part, str):
                    lines.append(part)
                elif part.about not in gone and _is_wanted(part, places):
                    lines += part.lines()
            for block in more:
                lines += block.lines()
            after = "".join(f"{line}\n" for line in lines)
            if after != before:
                _write(places.local, after)
            return _load(before, places)
    except OSError as problem:
        raise Refused(f"{problem.filename or places.local}: {problem.strerror}") from None


def _parts(text: str) -> Iterator[str | Block]:
    """Yield lines that are not ours, and blocks in place of those that are."""
    block: Block | None = None
    # Not splitlines(): what else it takes for the end of a line is other people's.
    for line in text.removesuffix("\n").split("\n") if text else ():
        if begun := _BEGIN.match(line):
            if block is not None:
                break
            block = Block(begun["about"], int(begun["pid"]) if begun["pid"] else None)
        elif line == _END and block is not None:
            yield block
            block = None
        elif block is None:
            yield line
    if block is not None:
        raise Refused(f'the block about "{block.about}" has no end ("{_END}"): mend the file by hand')


def _is_wanted(block: Block, places: Places) -> bool:
    """A process that was killed could not take its block out; whoever comes next does."""
    return block.pid is None or (places.processes / str(block.pid)).exists()


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Wait until nobody else changes files in ``folder``."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""
    except OSError as problem:
        raise Refused(f"{path}: {problem.strerror}") from None


def _write(path: Path, text: str) -> None:
    """Replace the file whole: at no time does the profile include half of it."""
    real = Path(os.path.realpath(path))
    new = real.with_name(f".{real.name}.new")
    new.write_text(text, encoding="utf-8", errors="surrogateescape")
    new.chmod(0o644)
    new.replace(real)


# --- the kernel ---


def _load(before: str, places: Places) -> str:
    """Load the profile anew if it is loaded; ``before`` comes back into the file if that fails."""
    if not is_on(places):
        return ""
    if not is_loaded(places):
        return f"; the profile {PROFILE} is not loaded"
    file = places.profiles / PROFILE_FILE
    command = [places.parser, "--replace", "--skip-read-cache", "--write-cache", str(file)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LOAD_LIMIT_S, check=False)
        said = done.stderr.strip() or f"exit status {done.returncode}"
        if done.returncode == 0:
            return f"; the profile {PROFILE} is loaded anew"
    except (OSError, subprocess.TimeoutExpired) as problem:
        said = str(problem)
    _write(places.local, before)
    raise Refused(f"{' '.join(command)} failed, and {places.local} is as it was: {said}")


# --- the command ---


def main(arguments: Sequence[str] | None = None, places: Places = HERE) -> int:
    options = _parser().parse_args(arguments)
    try:
        if options.command == "list":
            for block in allowed(places):
                print(block.about)
            return 0
        blocks = [block_of(folder) for folder in options.folders]
        if options.command == "has":
            return 0 if has(*blocks, places=places) else 1
        said = (allow if options.command == "allow" else forget)(*blocks, places=places)
    except Refused as refused:
        print(f"apparmor: {refused}", file=sys.stderr)
        return 2
    print(f"apparmor: {said}", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="script/apparmor",
        description="Lets charon use the files of data folders where AppArmor confines it. One block for each"
        f" folder in {HERE.local}; the profile stays in the mode that it has.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (
        ("allow", "have the rules for these data folders, and load the profile anew"),
        ("forget", "take the rules for these data folders out again"),
        ("has", "succeed if the rules for all of these are there"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("folders", nargs="+", metavar="DIR", help="as --data-dir of the agent")
    commands.add_parser("list", help="print the data folders that have rules")
    return parser


if __name__ == "__main__":
    sys.exit(main())
