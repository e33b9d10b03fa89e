"""What charon says, written down for a report of a defect: one JSON object a line, each with the time.

Only what charon says is written: its events, its log at level 1, the records of error-notify and the SAs that
it lists. Secrets go the other way, in requests, which are never written. Identities and addresses are in it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from translators.strongswan.options import OptionError
from translators.strongswan.status.events import Notice
from translators.strongswan.status.state import Section

log = logging.getLogger(__name__)

OCTETS_MAX = 50_000_000


class Capture:
    """Appends to the file ``path`` (mode 0600) up to a bound; None writes nothing.

    The file is made by the first line: an agent that only looks at its settings leaves none.

    Raises:
        OptionError: there can be no such file.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            reason = os.strerror(errno.EISDIR if path.is_dir() else errno.ENOENT)
            raise OptionError(f"[translator.strongswan] capture: {path}: {reason}")

    @property
    def is_kept(self) -> bool:
        """Whether there is a file to write to."""
        return self._path is not None

    def event(self, now: float, event: str, message: Section) -> None:
        """Write a VICI event."""
        self._write({"at": now, "event": event, "message": message})

    def notice(self, now: float, notice: Notice) -> None:
        """Write a record of error-notify."""
        self._write({"at": now, "notice": asdict(notice)})

    def sas(self, now: float, names: Sequence[str], sas: Mapping[str, Sequence[Section]]) -> None:
        """Write which SAs the connections ``names`` have."""
        self._write({"at": now, "looked-at": list(names), "sas": sas})

    def lost(self, now: float, detail: str) -> None:
        """Write that charon was lost."""
        self._write({"at": now, "lost": detail})

    def found(self, now: float, source: str) -> None:
        """Write that charon was found, and who tells of failures; the SAs that it has come next."""
        self._write({"at": now, "found": source})

    def _write(self, record: Mapping[str, object]) -> None:
        if self._path is None:
            return
        try:
            if self._file is None:
                self._file = _opened(self._path)
            self._file.write(json.dumps(record, separators=(",", ":")) + "\n")
            full = self._file.tell() > OCTETS_MAX
        except OSError as error:
            log.error("the capture ends: %s", error)
            full = True
        if full:
            self.close()

    def close(self) -> None:
        """Close the file, and write no more. Safe to call twice."""
        self._path = None
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None


def _opened(path: Path) -> TextIO:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    # Line by line: what was said before an agent dies is what one wants to know.
    return os.fdopen(descriptor, "a", buffering=1, encoding="utf-8")
