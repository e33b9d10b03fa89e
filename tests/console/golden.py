"""What is printed, kept in files. With REWRITE=1 in the environment they are written anew: look at them."""

from __future__ import annotations

import os
from pathlib import Path

WIDTHS = (60, 80, None)


def is_golden(path: Path, text: str) -> None:
    """Assert that ``text`` is what the file holds."""
    if os.environ.get("REWRITE"):
        path.write_text(text + "\n", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text + "\n"


def at_each_width(shown: list[tuple[int | None, str]]) -> str:
    """Return pages for several widths as one text."""
    return "\n\n".join(f"-- {width or 'no terminal'} --\n{text}" for width, text in shown)
