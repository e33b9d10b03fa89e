"""The data folder: made private, and used by one agent at a time. What it did not make it leaves as it is."""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from agent.errors import about_file
from agent.regular_file import ENDINGS, demand_regular

KEYS = ("host_key", "client_key")
"""What a first start makes in the data folder after the history."""
CREDENTIAL_TRACE = "credential_host_key.pub"
"""What it makes where the host key is not of the folder: its public half."""
TRACES = (*KEYS, CREDENTIAL_TRACE)


class DataDirInUse(Exception):
    """The settings are in order, and another agent that has the same data folder runs."""


class Exposed(OSError):
    """Others may read or write what only the agent may; the message says what and what to do."""


class Lost(OSError):
    """The history of a folder that was in use is not there; the message says how to go on."""


def demand_private(file: Path, instead: str = "Remove it to have another one made") -> None:
    """Refuse a file with secrets that others may read, or write; ``instead`` of which there can be another.

    Raises:
        Exposed: it is so.
        OSError: it cannot be looked at.
    """
    kind = file.stat().st_mode
    if not stat.S_ISREG(kind):
        raise OSError(errno.EINVAL, "it is no file", str(file))
    mode = stat.S_IMODE(kind)
    if mode & 0o077:
        raise Exposed(
            f"{file} may be read by others (mode {mode:04o}). {instead}; or, if "
            f"nobody has read it, say: chmod 600 {file}"
        )


class Foreign(OSError):
    """What is in the folder is another user's, and of no use to this one; the message says what to do."""


LOOKED_AT_MAX = 10_000
"""How many files are looked at for their owner: more than an agent makes."""


PASSING = frozenset({
    errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EROFS,
    errno.ESTALE, errno.ETIMEDOUT,
})  # fmt: skip
"""What may be otherwise at the next start, though nobody has changed what the folder is called."""


def faults(path: Path) -> list[str]:
    """Return why ``path``, or what an earlier start left in it, can never be used; nothing is written."""
    problem = _problem(path)
    if problem is not None and problem.errno not in PASSING:
        return [_sentence(path, problem)]
    found = []
    for refuse in (refuse_writable, refuse_foreign, refuse_read, refuse_lost, refuse_read_history):
        try:
            refuse(path)
        except (Exposed, Foreign, Lost) as reason:
            found.append(str(reason))
        except OSError as reason:
            if reason.errno not in PASSING:
                found.append(about_file(reason))
    return found


def refuse_writable(path: Path) -> None:
    """Refuse a folder that others may write in.

    Raises:
        Exposed: it is so.
        OSError: it cannot be looked at.
    """
    with suppress(FileNotFoundError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise Exposed(
                f"others may write in the data folder {path} (mode {mode:04o}), so put another history or "
                f"key there. Give another folder, or say: chmod go-w {path}"
            )


def refuse_foreign(path: Path) -> None:
    """Refuse a folder with something of another user that this one may not read and write: what root has left
    there, as by --repair, for an agent that is a user of its own.

    Raises:
        Foreign: it is so.
        OSError: it cannot be looked at.
    """
    if not path.is_dir():
        return
    for found in (path, *islice(path.rglob("*"), LOOKED_AT_MAX)):
        try:
            owner = found.lstat().st_uid
        except FileNotFoundError:  # of an agent that runs
            continue
        if owner == os.geteuid() or found.is_symlink():
            continue
        if not os.access(found, os.R_OK | os.W_OK):
            raise Foreign(
                f"{found} belongs to {_user(owner)}, and this is {_user(os.geteuid())}, who may not use it: "
                f"chown -R {_user(os.geteuid())} {path}"
            )


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def refuse_read(path: Path) -> None:
    """Refuse keys of the folder that others may read.

    Raises:
        Exposed: it is so.
        OSError: they cannot be looked at, or are no files.
    """
    for name in KEYS:
        with suppress(FileNotFoundError):
            demand_private(path / name)


def refuse_lost(path: Path) -> None:
    """Refuse a folder without a history, or with an empty one, beside keys that an earlier start made.

    To begin anew would take every tunnel out of a charon, and open access to whom the first rules permit it.

    Raises:
        Lost: it is so.
        OSError: it cannot be looked at.
    """
    history = path / "history.db"
    if history.is_symlink():
        return  # refused as such
    there = history.exists()
    if there and (history.stat().st_size > 0 or not history.is_file()):
        return
    for name in TRACES:
        if (path / name).exists():
            state = "empty" if there else "missing"
            raise Lost(
                f"{history} is {state}, and {path / name} shows that it was not. "
                "Put a copy of the data folder in its place; or, to begin anew, give another data folder, or "
                "let yangswand --repair make a history without tunnels, in which nobody may do anything but "
                "recovery users"
            )


def may_begin(path: Path) -> bool:
    """Return whether a history may be made: no start has got as far as to make a key."""
    return not any((path / name).exists() for name in TRACES)


def refuse_read_history(path: Path) -> None:
    """Refuse a history, or a journal of it, that others may read or write, or that leads elsewhere.

    Raises:
        Exposed: others may.
        OSError: it is no file of its own.
    """
    history = path / "history.db"
    demand_regular(history)
    if history.exists() and history.stat().st_size == 0 and not may_begin(path):
        return  # it is lost, and holds nothing
    for ending in ENDINGS:
        with suppress(FileNotFoundError):
            demand_private(path / f"history.db{ending}", "Put a copy of the data folder in its place")


def hindrances(path: Path) -> list[str]:
    """Return why ``path`` cannot be made at the moment; one that is there serves on a full disk, too."""
    problem = _problem(path)
    passes = problem is not None and problem.errno in PASSING and not path.exists()
    return [_sentence(path, problem)] if problem is not None and passes else []


def _problem(path: Path) -> OSError | None:
    try:
        for found in (path, *path.absolute().parents):
            with suppress(FileNotFoundError):
                _look(found)
                room = os.statvfs(found)
                full = found != path and room.f_blocks and not room.f_bfree
                return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(found)) if full else None
            if found.is_symlink():
                return FileNotFoundError(errno.ENOENT, "where this link leads there is nothing", str(found))
    except OSError as problem:
        return problem
    return None


def _sentence(path: Path, problem: OSError) -> str:
    where = "" if problem.filename == str(path) else f"{problem.filename}: "
    return f"{path} cannot be the data folder: {where}{problem.strerror}"


def _look(folder: Path) -> None:
    """Make a file without a name in ``folder``: it leaves no trace.

    Raises:
        OSError: no file can be made in it.
    """
    try:
        os.close(os.open(str(folder), os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except OSError as problem:
        # Not every file system has files without names; but those of the kernel's own have no room at all.
        if problem.errno not in (errno.EOPNOTSUPP, errno.EISDIR) or os.statvfs(folder).f_blocks == 0:
            raise


class Unused(OSError):
    """No agent has used the folder: whoever names it means another one."""


_BEFORE_A_HISTORY = frozenset({"lock", "lost+found"})
"""What may lie in a folder that no start has got as far as to use."""


def is_fresh(path: Path) -> bool:
    """Return whether ``path`` is missing or empty, as of a machine on which no agent has run yet.

    Raises:
        OSError: it cannot be looked at.
    """
    try:
        return {file.name for file in path.iterdir()} <= _BEFORE_A_HISTORY
    except FileNotFoundError:
        return not path.is_symlink()


def refuse_unused(path: Path) -> None:
    """Refuse a folder without a history, from which nothing can be said of what an agent left in this system.

    Raises:
        Unused: it has none.
    """
    if not (path / "history.db").is_file():
        raise Unused(
            f"{path} is no data folder that an agent has used: there is no history.db in it. Nothing was "
            "changed; what is in force stays. Say --data-dir, or --config with the settings of the agent"
        )


def refuse_traceless(path: Path) -> None:
    """Refuse a folder in which an agent has left neither a history, nor a part of one, nor keys.

    Raises:
        Unused: it is so.
    """
    if not (any(path.glob("history.db*")) or any((path / name).exists() for name in TRACES)):
        raise Unused(
            f"{path} is no data folder that an agent has used: there is neither a history.db in it nor a "
            "key. Nothing was changed. Say --data-dir, or --config with the settings of the agent"
        )


@contextmanager
def at_rest(path: Path) -> Iterator[None]:
    """While it is entered, no agent begins to use the folder ``path``; nothing in it is changed.

    Raises:
        DataDirInUse: an agent uses it.
        OSError: it cannot be looked at.
    """
    try:
        lock = os.open(path / "lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:  # no agent has ever used it, or it is a copy
        yield
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise DataDirInUse(f"an agent uses the data folder {path}") from None
    finally:
        os.close(lock)


class DataDir:
    """While it is entered, no other agent uses the folder ``path``, which is made if it is missing.

    Raises:
        DataDirInUse: another agent uses it.
        Exposed: others may write in it.
        OSError: it cannot be made, or is not ours.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: int | None = None

    def __enter__(self) -> None:
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        refuse_writable(self._path)
        self._lock = self._opened()
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            raise DataDirInUse(f"another agent uses the data folder {self._path}") from None

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            os.close(self._lock)

    def _opened(self) -> int:
        """Return a descriptor of the lock; of the folder where there is none and none can be made."""
        path = self._path / "lock"
        try:
            return os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        except OSError as problem:
            if problem.errno not in (errno.EROFS, errno.ENOSPC, errno.EDQUOT):
                raise
            return os.open(path if path.exists() else self._path, os.O_RDONLY)
