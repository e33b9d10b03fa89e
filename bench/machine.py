"""What a run runs on."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("asyncssh", "cryptography", "libyang", "lxml", "uvloop", "vici")
ASK_LIMIT_S = 10


def parts() -> dict[str, str]:
    """Return the machine's parts and their versions, by name."""
    found = {
        "system": _system(),
        "kernel": platform.release(),
        "processor": _processor(),
        "processors": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') // 2**20} MiB",
        "python": platform.python_version(),
        "ssh": _said(["ssh", "-V"]),
    }
    return found | {name: _version(name) for name in PACKAGES}


def load_average() -> float:
    """Return the load average of the last minute."""
    return round(os.getloadavg()[0], 2)


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _said(command: list[str]) -> str:
    if shutil.which(command[0]) is None:
        return "none"
    done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_LIMIT_S)
    return (done.stdout or done.stderr).strip().partition("\n")[0]
