"""Where an export goes: standard output, or a file that only its owner can read, whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
from contextlib import suppress
from pathlib import Path


class Refused(Exception):
    """It is not written; the message says why and what to do."""


def write_out(data: bytes) -> None:
    """Write ``data`` to standard output.

    Raises:
        Refused: it is closed.
        OSError: it cannot be written.
    """
    refuse_closed_output(": say -o FILE")
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def refuse_closed_output(instead: str = "") -> None:
    """Refuse to print where nobody can get it; ``instead``: what else there is.

    Raises:
        Refused: standard output is closed.
    """
    if sys.stdout is None:
        raise Refused(f"standard output is closed{instead}")


def refuse_exposed_output() -> None:
    """Refuse standard output for secrets where it is a file that others may read.

    Raises:
        Refused: it is one.
    """
    if sys.stdout is None:
        return
    found = os.fstat(sys.stdout.fileno())
    mode = stat.S_IMODE(found.st_mode)
    if stat.S_ISREG(found.st_mode) and mode & 0o077:
        raise Refused(
            f"standard output is a file that others may read (mode {mode:04o}), and there are secrets in "
            "the export: say -o FILE, which only its owner can read"
        )


def refuse_taken(file: Path, *, force: bool) -> None:
    """Refuse a name that is taken; with ``force`` a regular file may have it.

    Raises:
        Refused: it is.
        OSError: it cannot be looked at.
    """
    try:
        kind = file.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(kind):
        what = "a link" if stat.S_ISLNK(kind) else "a folder" if stat.S_ISDIR(kind) else "no regular file"
        raise Refused(f"{file} is {what}: give the name of a file")
    if not force:
        raise Refused(f"{file} is there already: say --force to have it replaced, or give another name")


def write_file(file: Path, data: bytes, *, force: bool) -> None:
    """Make ``file``, mode 0600, of ``data``; when this returns it is on disk. Before that there is none.

    Raises:
        Refused: the name is taken.
        OSError: it cannot be written; nothing is left of it.
    """
    refuse_taken(file, force=force)
    new = file.with_name(f".{file.name[:200]}.{secrets.token_hex(4)}.new")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            os.fchmod(target.fileno(), 0o600)  # whatever the umask is
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        if force:
            new.replace(file)
        else:
            _give_name(new, file)
    except BaseException as problem:
        with suppress(OSError):
            new.unlink()
        if isinstance(problem, OSError):
            problem.filename, problem.filename2 = str(file), None  # the other name means nothing to anybody
        raise
    _sync(file.parent)


def _give_name(new: Path, file: Path) -> None:
    """Rename ``new``, but never over a file that somebody has made meanwhile."""
    try:
        os.link(new, file)
    except FileExistsError:
        raise Refused(f"{file} is there already") from None
    except OSError as problem:
        if problem.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        new.rename(file)  # where there are no links
        return
    new.unlink()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
