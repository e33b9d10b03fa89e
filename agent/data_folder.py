"""The data folder: made private, and used by one agent at a time."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path


class DataDirInUse(Exception):
    """The settings are in order, and another agent that has the same data folder runs."""


class Unused(OSError):
    """No agent has used the folder: whoever names it means another one."""


def refuse_unused(path: Path) -> None:
    """Refuse a folder without a history, from which nothing can be said of what an agent left in this system.

    Raises:
        Unused: it has none.
    """
    if not (path / "history.db").is_file():
        raise Unused(
            f"{path} is no data folder that an agent has used: there is no history.db in it. Nothing was "
            "changed; what is in force stays. Say --data-dir, or --config with the settings of the agent"
        )


class DataDir:
    """While it is entered, no other agent uses the folder ``path``, which is made if it is missing.

    Raises:
        DataDirInUse: another agent uses it.
        OSError: it cannot be made, or is not ours.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: int | None = None

    def __enter__(self) -> None:
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._path.stat().st_mode & 0o777 != 0o700:
            os.chmod(self._path, 0o700)
        self._lock = self._opened()
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            raise DataDirInUse(f"another agent uses the data folder {self._path}") from None

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            os.close(self._lock)

    def _opened(self) -> int:
        """Return a descriptor of the lock; of the folder where there is none and none can be made."""
        path = self._path / "lock"
        try:
            return os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        except OSError as problem:
            if problem.errno not in (errno.EROFS, errno.ENOSPC, errno.EDQUOT):
                raise
            return os.open(path if path.exists() else self._path, os.O_RDONLY)
