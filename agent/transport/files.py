"""Files that are there whole or not at all, whatever ends the program."""

from __future__ import annotations

import os
from pathlib import Path


def write_durably(file: Path, content: bytes, mode: int) -> None:
    """Write ``file`` with permission bits ``mode``; after a crash it is whole or missing."""
    draft = file.with_name(file.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    draft.replace(file)
