"""Files of known hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), as far as they are about one server.

paramiko's own reading ends at the first line that it does not understand, and those with a marker are some;
it knows no patterns.
"""

from __future__ import annotations

import re
from pathlib import Path

import paramiko
from paramiko.hostkeys import HostKeyEntry, HostKeys, InvalidHostKey

from console.client.session import Gone

_HASHED = "|1|"


class KnownHosts:
    """Fills ``keys`` with those that are known of ``name``; ``revoked``: keys that nobody may have.

    Certificates of hosts are not used: lines about authorities are left out.
    """

    def __init__(self, keys: HostKeys, name: str) -> None:
        self.revoked: list[paramiko.PKey] = []
        self._keys = keys
        self._name = name
        self._lowered = name.lower()

    def take(self, *files: Path) -> None:
        """Read ``files``; one that is not there has nothing.

        Raises:
            Gone: one may not be read.
        """
        found: list[paramiko.PKey] = []
        for file in files:
            try:
                text = file.read_text(encoding="utf-8", errors="replace")
            except FileNotFoundError:
                continue
            except OSError as problem:
                raise Gone(f"{file} cannot be read: {problem.strerror or problem}") from None
            for line in text.splitlines():
                found += self._of(line)
        for key in found:
            known = self._keys.lookup(self._name)
            if key not in self.revoked and (known is None or key.get_name() not in known):
                self._keys.add(self._name, key.get_name(), key)

    def _of(self, line: str) -> list[paramiko.PKey]:
        """Return the key of a line about our server; one that is revoked is noted."""
        words = line.split(maxsplit=1)
        marker = words[0] if words and words[0].startswith("@") else ""
        try:
            entry = HostKeyEntry.from_line(words[1] if marker and len(words) > 1 else line.strip())
        except (InvalidHostKey, paramiko.SSHException, ValueError):
            return []
        if entry is None or not self._is_about(entry.hostnames):
            return []
        if marker == "@revoked":
            self.revoked.append(entry.key)
        return [] if marker else [entry.key]

    def _is_about(self, patterns: list[str]) -> bool:
        if any(one.startswith("!") and self._matches(one[1:]) for one in patterns):
            return False
        return any(self._matches(one) for one in patterns)

    def _matches(self, pattern: str) -> bool:
        if pattern.startswith(_HASHED):
            return self._is_hashed(pattern)
        expression = re.escape(pattern.lower()).replace(r"\*", ".*").replace(r"\?", ".")
        return re.fullmatch(expression, self._lowered) is not None

    def _is_hashed(self, pattern: str) -> bool:
        try:
            return pattern.count("|") == 3 and bool(HostKeys.hash_host(self._lowered, pattern) == pattern)
        except ValueError:  # its salt is none
            return False
