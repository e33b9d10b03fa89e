"""The UNIX socket that clients come to: a file, made safely; nothing of others is removed for it."""

from __future__ import annotations

import errno
import grp
import os
import socket
import stat
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

NAME_OCTETS_MAX = 107
"""Of sun_path, whose last octet is NUL (unix(7))."""
SYSTEM_FOLDER = Path("/run/yangswan")
"""Made where it is missing, for nobody else does who starts the agent without systemd."""
BACKLOG = 1024
"""A client that does not wait, or has a time limit, is refused by the kernel where more have come."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A socket that is listened on, its file, device and inode of that, and for whom it is, in words. Without
    ``identity`` the file is of somebody else, who keeps it."""

    socket: socket.socket
    path: Path
    identity: tuple[int, int] | None
    whom: str


def faults(path: Path, *, own_folder: Path) -> list[str]:
    """Return in a sentence why there can never be a socket at ``path``; nothing is written.

    Root may look for an agent that is not his; and a socket of root's may be one that systemd listens on.

    Args:
        own_folder: is made when it is missing, and looked at elsewhere.
    """
    reason = _unfit(path)
    if reason is None and path.parent not in (own_folder, SYSTEM_FOLDER):
        reason = _folder_fault(path.parent)
    if reason is None and os.geteuid() != 0:
        reason = _owner_fault(path, (0, os.geteuid()))
    return [] if reason is None else [_sentence(path, reason)]


def take(path: Path, group: str) -> Taken:
    """Return a socket at ``path`` that is listened on: who comes waits until he is let in.

    It is there for members of ``group`` (mode 0660); without such a group for the user of this process alone.

    Raises:
        OSError: it cannot be had; the text says why, and what to do.
    """
    reason = _unfit(path)
    try:
        if reason is None and path.parent == SYSTEM_FOLDER and not path.parent.exists():
            path.parent.mkdir()
            path.parent.chmod(0o755)
        reason = reason or _folder_fault(path.parent) or _owner_fault(path, (os.geteuid(),))
        if reason is None:
            _remove_dead(path)
            return _made(path, group)
    except OSError as problem:
        reason = problem.strerror or os.strerror(problem.errno or 0)
    raise OSError(_sentence(path, reason))


def passed_on(made: socket.socket) -> Taken:
    """Return a socket that systemd listens on."""
    return Taken(made, Path(made.getsockname()), identity=None, whom="for whom the socket unit says")


def give_up(taken: Taken) -> None:
    """Listen no more, and remove the file, unless it is another one by now."""
    taken.socket.close()
    with suppress(OSError):
        if _identity(taken.path.lstat()) == taken.identity:
            taken.path.unlink()


def _sentence(path: Path, reason: str) -> str:
    return f"NETCONF cannot be served at the socket {path}: {reason}"


def _unfit(path: Path) -> str | None:
    octets = len(os.fsencode(path))
    if octets > NAME_OCTETS_MAX:
        return f"its name has {octets} octets, and that of a socket has {NAME_OCTETS_MAX} at most"
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as problem:
        return problem.strerror
    if stat.S_ISLNK(found.st_mode):
        return "it is a link, which the agent leaves alone"
    if not stat.S_ISSOCK(found.st_mode):
        return "what is there is no socket, and the agent leaves it alone"
    return None


def _owner_fault(path: Path, owners: Collection[int]) -> str | None:
    """Return why ``path``, a socket of one of ``owners``, or its folder, cannot be used by this process."""
    with suppress(FileNotFoundError):
        if path.parent.stat().st_uid not in (0, os.geteuid()):
            return f"the folder {path.parent} belongs to another user"
        if path.lstat().st_uid not in owners:
            return "the socket that is there belongs to another user"
    return None


def _folder_fault(folder: Path) -> str | None:
    """Return why ``folder`` cannot hold the socket: others could put theirs there, and hear secrets."""
    try:
        found = folder.stat()
    except OSError as problem:
        return f"{folder}: {problem.strerror}"
    if not stat.S_ISDIR(found.st_mode):
        return f"{folder}: {os.strerror(errno.ENOTDIR)}"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX:
        return f"others may write in the folder {folder} (say: chmod go-w {folder})"
    return None


def _remove_dead(path: Path) -> None:
    """Remove what an agent has left that was killed.

    Raises:
        OSError: somebody listens there, or it cannot be told.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)
        try:
            asking.connect(str(path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass  # somebody does, and has much to do
    raise OSError(
        errno.EADDRINUSE,
        "another agent or program listens there: end it, or choose another with the setting 'socket'",
    )


def _made(path: Path, group: str) -> Taken:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        # Linux makes the file with this mode: there is no moment at which others may come.
        os.fchmod(made.fileno(), 0o600)
        made.bind(str(path))
        # By a descriptor: the name could be given to something else meanwhile.
        file = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            whom = _grant(file, group)
            taken = Taken(made, path, identity=_identity(os.fstat(file)), whom=whom)
        finally:
            os.close(file)
        made.listen(BACKLOG)
    except BaseException:
        made.close()
        raise
    return taken


def _grant(file: int, group: str) -> str:
    """Let the members of ``group`` come to the socket that is open as ``file``; returns who may."""
    name = f"/proc/self/fd/{file}"
    try:
        os.chown(name, -1, grp.getgrnam(group).gr_gid)
        os.chmod(name, 0o660)
    except KeyError:
        return f"for this user and root alone: the system has no group '{group}'"
    except OSError as problem:
        return f"for this user and root alone: it cannot be given to the group '{group}': {problem.strerror}"
    return f"for the members of the group '{group}'"


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
