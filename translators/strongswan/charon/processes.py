"""What the kernel tells of a process: whether it has ended, its environment, and its network namespace."""

from __future__ import annotations

import os
import select
from pathlib import Path


def has_ended(pidfd: int) -> bool:
    """Return whether the process has ended; it may still be waited for."""
    return bool(select.select([pidfd], [], [], 0)[0])


def environment_of(pid: int) -> dict[str, str]:
    """Return the variables that the process was started with; none where we may not see them."""
    try:
        text = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return {}
    return dict(pair.partition("=")[::2] for pair in text.split("\0") if pair)


def network_of(pid: str) -> str:
    """Return what tells network namespaces apart, of a process or of "thread-self"."""
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return f"unknown of {pid}"
