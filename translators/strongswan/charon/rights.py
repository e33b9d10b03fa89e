"""Whether this process may do what a charon of our own takes: networks are root's."""

from __future__ import annotations

import os
import re
from pathlib import Path

_NET_ADMIN = 12
"""Bit of CAP_NET_ADMIN in a capability set (capabilities(7))."""
_EFFECTIVE = re.compile(r"^CapEff:\s*([0-9a-f]+)$", re.MULTILINE)


def refusal(status: Path = Path("/proc/self/status")) -> str | None:
    """Return why this process can have no charon of its own, and what to do; None if it may."""
    try:
        found = _EFFECTIVE.search(status.read_text())
    except OSError:
        return None
    if found is None or int(found[1], 16) >> _NET_ADMIN & 1:
        return None
    who = "root without CAP_NET_ADMIN" if os.geteuid() == 0 else f"user {os.geteuid()}"
    return (
        f"a charon of the agent's own takes root, and this is {who}: run it as root (sudo), or with "
        "--charon none, which keeps the configuration and applies nothing"
    )
