"""Sources that fail to log in too often are refused for a while, longer each time, also over a restart."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.transport.files import Latest

log = logging.getLogger(__name__)

LONGEST_S = 3600
MAX_SOURCES = 1000


class Lockout:
    """Counts failed logins of each source: an address, or a name that is tried from one.

    Args:
        file: keeps the counts over a restart; one that cannot be read is begun anew.
        tries: failures without a success in between after which a source is refused.
        first_s: for how long at first; each further failure doubles it, up to an hour.
        now: seconds since the epoch.
    """

    def __init__(self, file: Path, tries: int, first_s: int, now: Callable[[], float] = time.time) -> None:
        self._file = file
        self.kept = Latest(file)
        self._tries = tries
        self._first_s = first_s
        self._now = now
        self.total = 0
        """Failures of all sources since the start."""
        self._failures: dict[str, int] = {}
        self._until: dict[str, float] = {}
        self._read()

    def bound(self, tries: int, first_s: int) -> None:
        """Have other limits, from the next failure on; who is refused stays so for as long as was said."""
        self._tries = tries
        self._first_s = first_s

    def remaining_s(self, source: str) -> float:
        """Return for how much longer ``source`` is refused; 0 if it is not."""
        return max(0.0, self._until.get(source, 0.0) - self._now())

    def failed(self, source: str) -> None:
        """Count one failed try."""
        self.total += 1
        if source not in self._failures and len(self._failures) >= MAX_SOURCES:
            self._forget(min(self._failures, key=self._weight))
        self._failures[source] = self._failures.get(source, 0) + 1
        beyond = self._failures[source] - self._tries
        if beyond >= 0:
            wait_s = min(LONGEST_S, self._first_s * 2 ** min(beyond, 12))
            self._until[source] = self._now() + wait_s
            log.warning(
                "%s failed to log in %d times: refused for %d s", source, self._failures[source], wait_s
            )
            self._write()

    def succeeded(self, source: str) -> None:
        """Forget the failures of ``source``."""
        if source in self._failures:
            kept = source in self._until
            self._forget(source)
            if kept:
                self._write()

    def _weight(self, source: str) -> tuple[float, int]:
        """Who likes can make any number of sources that failed once: by these no other is forgotten."""
        return self._until.get(source, 0.0), self._failures[source]

    def _forget(self, source: str) -> None:
        self._failures.pop(source, None)
        self._until.pop(source, None)

    def _read(self) -> None:
        try:
            content: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
            latest = self._now() + LONGEST_S  # a source that is damage's alone is not refused for years
            for source, (failures, until) in content.items():
                self._failures[source], self._until[source] = int(failures), min(float(until), latest)
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError):
            log.warning("%s cannot be read: failed logins are counted anew", self._file)
            self._failures.clear()
            self._until.clear()

    def _write(self) -> None:
        content = {source: [self._failures[source], until] for source, until in self._until.items()}
        self.kept.write(json.dumps(content).encode())
