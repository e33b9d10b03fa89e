"""Whether this process may do what a charon takes, one of our own or the system's: networks are root's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

STATUS = Path("/proc/self/status")
_NET_ADMIN, _NET_RAW = 12, 13
"""Bits of CAP_NET_ADMIN and CAP_NET_RAW in a capability set (capabilities(7))."""
_FOR_USER = "(AmbientCapabilities= of the unit)"
_EFFECTIVE = re.compile(r"^CapEff:\s*([0-9a-f]+)$", re.MULTILINE)


def refusal(status: Path = STATUS) -> str | None:
    """Return why this process can have no charon of its own, and what to do; None if it may."""
    if _has(_NET_ADMIN, status):
        return None
    who = "root without CAP_NET_ADMIN" if os.geteuid() == 0 else f"user {os.geteuid()}"
    return (
        f"a charon of the agent's own takes root, and this is {who}: run it as root (sudo), or with "
        "--charon none, which keeps the configuration and applies nothing"
    )


def lacking(sockets: Iterable[Path], status: Path = STATUS) -> list[str]:
    """Return in sentences what this process may not, of what the agent does with a charon of the system,
    which it reaches at ``sockets``: it works without, and does less."""
    found = []
    if not _has(_NET_ADMIN, status):
        found.append(
            f"without CAP_NET_ADMIN neither leak protection nor a bypass can be put in force {_FOR_USER}"
        )
    if not _has(_NET_RAW, status):
        found.append(f"without CAP_NET_RAW the monitor sees no packets {_FOR_USER}")
    for path in sockets:
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            found.append(
                f"charon's socket {path} may not be opened by user {os.geteuid()}: have charon give it to a "
                "group that this user is in (charon.group in strongswan.conf)"
            )
    return found


def _has(bit: int, status: Path) -> bool:
    """Return whether the process has the capability; True where that is not known."""
    try:
        found = _EFFECTIVE.search(status.read_text())
    except OSError:
        return True
    return found is None or bool(int(found[1], 16) >> bit & 1)
