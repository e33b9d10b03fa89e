"""The UDP ports of IKE: whether another program has them, and which one.

charon starts without them and says so in its log alone: it would be deaf. So they are tried before it is
started. Once it has them nobody can take them from it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

PORTS = (500, 4500)
_TABLES = ("udp", "udp6")
_UNIT = re.compile(r"/([^/]+\.service)$", re.MULTILINE)
_CHARONS = frozenset({"charon", "charon-systemd", "starter"})


def refusal(proc: Path = Path("/proc")) -> str | None:
    """Return why a charon that is started now would be deaf, and what to do; None if it would hear."""
    for port in PORTS:
        for family, address in ((socket.AF_INET, ""), (socket.AF_INET6, "::")):
            try:
                _try(family, address, port)
            except PermissionError:
                return f"UDP port {port} may not be opened by this user: run yangswand as root"
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    return _sentence(port, holders(port, proc), proc)
    return None


def _try(family: int, address: str, port: int) -> None:
    with contextlib.closing(socket.socket(family, socket.SOCK_DGRAM)) as tried:
        if family == socket.AF_INET6:
            tried.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        tried.bind((address, port))


def holders(port: int, proc: Path = Path("/proc")) -> list[int]:
    """Return the processes that have a socket of this network namespace on ``port``."""
    wanted = {f"socket:[{inode}]" for inode in _inodes(port, proc)}
    return [pid for pid in _processes(proc) if wanted and wanted & _open_files(proc / str(pid))]


def _inodes(port: int, proc: Path) -> Iterator[str]:
    for table in _TABLES:
        with contextlib.suppress(OSError):
            for line in (proc / "thread-self" / "net" / table).read_text().splitlines()[1:]:
                words = line.split()  # sl, local address:port, ..., inode as the tenth (proc(5))
                if int(words[1].rpartition(":")[2], 16) == port:
                    yield words[9]


def _processes(proc: Path) -> list[int]:
    return sorted(int(path.name) for path in proc.iterdir() if path.name.isdecimal())


def _open_files(process: Path) -> set[str]:
    found: set[str] = set()
    with contextlib.suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(os.readlink(descriptor))
    return found


def _sentence(port: int, pids: Iterable[int], proc: Path) -> str:
    for pid in pids:
        name, unit = _name(proc / str(pid)), _unit(proc / str(pid))
        of_unit = f" of {unit}" if unit else ""
        stop = f"systemctl disable --now {unit.removesuffix('.service')}" if unit else f"kill {pid}"
        taken = f"UDP port {port} is taken by {name}, process {pid}{of_unit}: end it ({stop})"
        use = ', or have the agent use that charon (charon = "external")'
        return taken + (use if name in _CHARONS else "")
    return f"UDP port {port} is taken by another program, which /proc does not show"


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "a program"


def _unit(process: Path) -> str:
    with contextlib.suppress(OSError):
        if found := _UNIT.search((process / "cgroup").read_text()):
            return found[1]
    return ""
