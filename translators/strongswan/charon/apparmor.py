"""Was it AppArmor that kept charon from starting?

The kernel does not say what a profile lets a process do. It says which profile confines a process, also one
that has ended and was not waited for yet; and it logs what it denied, unless an audit daemon takes that. So
AppArmor is blamed when a profile was enforced on charon and either the kernel's log has charon's folder among
what was denied, or charon behaved as it does when it may not read its configuration: it wrote no log.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

KERNEL_LOG_OCTETS_MAX = 4_000_000
_RECORD_OCTETS = 8192  # the kernel gives one record a time, and none that is longer

_LABEL = re.compile(r"(?P<profile>.+) \((?:enforce|kill)\)")
_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|(\S+))')


def _tool() -> Path:
    """Return the command of the checkout that this file is in, else the one that the package has."""
    own = Path(__file__).resolve().parents[3] / "script/apparmor"
    return own if os.access(own, os.X_OK) else Path("/usr/sbin/yangswan-apparmor")


@dataclass(frozen=True, slots=True)
class Places:
    """Where the kernel tells, and the command that writes the rule; tests have made-up ones."""

    processes: Path = Path("/proc")
    kernel_log: Path = Path("/dev/kmsg")
    tool: Path = field(default_factory=_tool)


HERE = Places()


def refusal(pid: int, folder: Path, *, silent: bool, places: Places = HERE) -> str | None:
    """Return, in words, how AppArmor kept charon, process ``pid``, from its ``folder``, and what to do; None
    if it did not.

    ``silent``: charon has come to no log of its own. ``pid`` has not been waited for.
    """
    profile = enforced_profile(pid, places.processes)
    if profile is None:
        return None
    real = folder.resolve()
    denied = next((path for path in denied_paths(pid, places.kernel_log) if path.is_relative_to(real)), None)
    if denied is None and not silent:
        return None
    return (
        f"AppArmor's profile {profile} is in force and does not let charon use {denied or real}: "
        f"{_what_to_do(folder, places.tool)}"
    )


def enforced_profile(pid: int, processes: Path = HERE.processes) -> str | None:
    """Return the profile that is enforced on the process; None if there is none, or it only complains."""
    for name in ("apparmor/current", "current"):
        with contextlib.suppress(OSError):
            label = (processes / str(pid) / "attr" / name).read_text(errors="replace").rstrip("\0\n")
            found = _LABEL.fullmatch(label)
            return found["profile"] if found else None
    return None


def denied_paths(pid: int, kernel_log: Path = HERE.kernel_log) -> list[Path]:
    """Return what AppArmor has denied to the process; nothing where the kernel's log may not be read."""
    found = []
    for line in _records(kernel_log):
        if 'apparmor="DENIED"' in line:
            fields = {name: quoted or bare for name, quoted, bare in _FIELD.findall(line)}
            if fields.get("pid") == str(pid) and (path := fields.get("name")):
                found.append(Path(_unescaped(path)))
    return found


def _unescaped(name: str) -> str:
    """A name with blanks, quotes or other than ASCII is logged in hexadecimal, without quotes."""
    if name.startswith("/"):
        return name
    with contextlib.suppress(ValueError):
        return os.fsdecode(bytes.fromhex(name))
    return name


def _records(kernel_log: Path) -> Iterator[str]:
    try:
        descriptor = os.open(kernel_log, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return
    read, text = 0, bytearray()
    try:
        while read < KERNEL_LOG_OCTETS_MAX:
            try:
                record = os.read(descriptor, _RECORD_OCTETS)
            except BrokenPipeError:
                continue  # it was overwritten meanwhile; the next read begins at the oldest that is there
            except OSError:
                break  # BlockingIOError: that was the last
            if not record:
                break
            read += len(record)
            text += record
    finally:
        os.close(descriptor)
    yield from text.decode(errors="replace").splitlines()


def _what_to_do(folder: Path, tool: Path) -> str:
    if os.access(tool, os.X_OK):
        return f"run {shlex.quote(str(tool))} allow {shlex.quote(str(folder.absolute().parent))}"
    return f"add rules for {folder.resolve()} to its file in /etc/apparmor.d/local, and load it anew"
