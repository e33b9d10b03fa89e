"""The files of the page, read when the door is made: a name that is not in the table is not there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).with_name("static")
INDEX = "index.html"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""What may lie in the folder to be served."""


@dataclass(frozen=True, slots=True)
class File:
    """``tag``: an entity tag (RFC 9110 section 8.8.3)."""

    content: bytes = field(repr=False)
    type: str
    tag: str


def read(folder: Path = FOLDER) -> Mapping[str, File]:
    """Return the files in ``folder`` by their names.

    Raises:
        OSError: one cannot be read.
    """
    return {
        file.name: _file(file.read_bytes(), TYPES[file.suffix])
        for file in sorted(folder.iterdir())
        if file.suffix in TYPES and file.is_file()
    }


def _file(content: bytes, type: str) -> File:
    return File(content, type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
