"""How wide the place is that somebody looks at."""

from __future__ import annotations

from console.shell.console import Console


def width_of(console: Console) -> int | None:
    """Return the columns of the terminal, None where the output goes elsewhere and nothing is to be cut."""
    return console.out.rich.width if console.out.rich.is_terminal else None
