"""Where the files of a charon of our own lie: in its folder, or in memory while that takes nothing more.

charon needs files to start: its configuration, its process id, two sockets. On a file system that is full or
mounted read-only they lie below /run, under a name that the next agent knows, too.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import tempfile
from pathlib import Path

log = logging.getLogger(__name__)

MEMORY = Path("/run")
ROOM_OCTETS = 65536


def stand_in(folder: Path) -> Path:
    """Return the folder in memory for ``folder``."""
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()
    return MEMORY / f"yangswan-charon-{digest[:16]}"


def choose(folder: Path) -> Path:
    """Return ``folder``, made if it is missing, or what stands in for it, if that can be written."""
    try:
        _make(folder)
        _write_something(folder)
    except OSError as problem:
        found = stand_in(folder)
        with contextlib.suppress(OSError):
            _make(found)
            _write_something(found)
            log.error(
                "%s cannot be written (%s): the files of charon lie in %s", folder, problem.strerror, found
            )
            return found
        return folder
    with contextlib.suppress(OSError):
        shutil.rmtree(stand_in(folder))
    return folder


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.geteuid() or folder.is_symlink():
        raise PermissionError(0, "it belongs to somebody else")


def _write_something(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as probe:
        probe.write(bytes(ROOM_OCTETS))
        probe.flush()
