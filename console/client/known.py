"""Host keys that are known, from files in OpenSSH's format (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).

paramiko's own reader passes over @revoked, so that a revoked key would be one that was never seen, and knows
no patterns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import paramiko
from paramiko.hostkeys import HostKeyEntry, HostKeys, InvalidHostKey

from console.client.session import Gone

LARGEST_FILE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one host. An authority of host certificates (@cert-authority) is none of its keys."""

    trusted: tuple[paramiko.PKey, ...] = ()
    revoked: tuple[paramiko.PKey, ...] = ()


def known(files: Iterable[Path], host: str) -> Known:
    """Return what ``files`` say of ``host``, "gw" or "[gw]:830"; those that are not there say nothing.

    Raises:
        Gone: one of them cannot be read.
    """
    found = [one for file in files for one in _lines(file) if _matches(one[1].split(","), host)]
    revoked = tuple(key for mark, _, key in found if mark == "@revoked")
    trusted = (key for mark, _, key in found if not mark and key not in revoked)
    return Known(tuple(trusted), revoked)


def _lines(file: Path) -> Iterator[tuple[str, str, paramiko.PKey]]:
    """Yield mark, names and key of each line that can be read."""
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(LARGEST_FILE)
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise Gone(f"{file} cannot be read: {reason}") from None
    for line in text.splitlines():
        words = line.split()
        mark = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#"):
            continue
        try:
            entry = HostKeyEntry.from_line(" ".join(words[:3]))
        except (InvalidHostKey, paramiko.SSHException, ValueError):
            continue
        if entry is not None and entry.key is not None:
            yield mark, words[0], entry.key


def _matches(patterns: Iterable[str], host: str) -> bool:
    found = False
    for pattern in patterns:
        if pattern.startswith("|1|"):
            found = found or _hashed(pattern, host)
        elif pattern.startswith("!"):
            if _fits(pattern[1:], host):
                return False
        else:
            found = found or _fits(pattern, host)
    return found


def _fits(pattern: str, host: str) -> bool:
    # Brackets are no class of characters here.
    return fnmatchcase(host.lower(), pattern.lower().replace("[", "[[]"))


def _hashed(pattern: str, host: str) -> bool:
    try:
        return bool(HostKeys.hash_host(host, pattern) == pattern)
    except (ValueError, AssertionError):
        return False
