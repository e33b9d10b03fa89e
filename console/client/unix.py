"""A connection to the agent's UNIX socket.

ncclient's own session for such sockets sends up to a tenth of a second late, and looks at all that it has of
a reply again for each 4096 octets; so only the socket is used here, and console.client.netconf speaks on it.
"""

from __future__ import annotations

import getpass
import grp
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from console.client.session import Gone

READ_OCTETS = 256 * 1024
CONNECT_TIMEOUT_S = 10
VARIABLE = "YANGSWAN_SOCKET"


class UnixStream:
    """A connection to the socket ``path``; the user is the one of this process."""

    def __init__(self, path: Path) -> None:
        self.user = _user()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(CONNECT_TIMEOUT_S)
            self._socket.connect(str(path))
            self._socket.settimeout(None)
        except OSError as problem:
            self._socket.close()
            raise Gone(_why(path, problem)) from None

    def read(self) -> bytes:
        return self._socket.recv(READ_OCTETS)

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def close(self) -> None:
        with suppress(OSError):  # the other side was quicker
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes a reader, which close alone does not
        self._socket.close()


def _user() -> str:
    try:
        return getpass.getuser() if os.geteuid() == os.getuid() else str(os.geteuid())
    except (KeyError, OSError):  # a user without a name
        return str(os.geteuid())


def _why(path: Path, problem: OSError) -> str:
    """Return what to do about a socket that cannot be reached."""
    if isinstance(problem, PermissionError):
        return _forbidden(path)
    if isinstance(problem, FileNotFoundError | NotADirectoryError):
        return (
            f"no agent runs here: there is no socket {path}; start it (systemctl start yangswan, "
            f"or script/run in a checkout), or name its socket (--socket, {VARIABLE}), or a gateway (--host)"
        )
    if isinstance(problem, ConnectionRefusedError):
        return f"no agent runs: nobody listens on {path}; start it (systemctl start yangswan)"
    if isinstance(problem, TimeoutError):
        return f"the agent does not answer on {path}"
    return f"{path}: {problem.strerror or problem}"


def _forbidden(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return f"you may not look into {path.parent}; ask for it, or use sudo"
    group = _group(found.st_gid)
    if not found.st_mode & stat.S_IWGRP or found.st_gid == 0:
        return f"only {'root' if found.st_uid == 0 else 'its owner'} may use {path}; use sudo"
    return (
        f"you may not use {path}: you are not in the group {group} "
        f"(sudo usermod -aG {group} {_user()}, and log in again)"
    )


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
