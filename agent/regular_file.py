"""Files that somebody else names: read whole, and only such as have an end."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

ENDINGS = ("", "-journal", "-wal")
"""Of the file of a history and of what SQLite has beside it."""


def demand_regular(path: Path) -> None:
    """Refuse a history, or a file of SQLite's beside it, that leads elsewhere or has no end.

    Raises:
        OSError: it is a link, a pipe, a device or a folder.
    """
    for ending in ENDINGS:
        file = path.with_name(path.name + ending)
        with suppress(FileNotFoundError):
            kind = file.lstat().st_mode
            if not stat.S_ISREG(kind):
                what = "a link" if stat.S_ISLNK(kind) else "no regular file"
                raise OSError(errno.EINVAL, f"it is {what}, and a history is a file of its own", str(file))


def read_regular(file: Path, octets_max: int) -> bytes:
    """Return the content of ``file``.

    A pipe or a device would be waited for, or read for ever.

    Raises:
        OSError: it cannot be read, is no regular file, or is longer; ``strerror`` says which.
    """
    with os.fdopen(_opened(file), "rb") as source:
        content = source.read(octets_max + 1)
    if len(content) > octets_max:
        raise OSError(errno.EFBIG, f"it is longer than {octets_max} octets", str(file))
    return content


def _opened(file: Path) -> int:
    # Without O_NONBLOCK a pipe is waited for already when it is opened.
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return descriptor
    os.close(descriptor)
    what = "it is a folder" if stat.S_ISDIR(kind) else "it is no regular file"
    raise OSError(errno.EINVAL, what, str(file))
