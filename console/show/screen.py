"""How wide the place is that somebody looks at, and one thing shown there."""

from __future__ import annotations

from collections.abc import Callable

from console.client.session import Element
from console.shell.console import Console
from console.show.rfc7951 import as_json


def width_of(console: Console) -> int | None:
    """Return the columns of the terminal, None where the output goes elsewhere and nothing is to be cut."""
    return console.out.columns


def show_one(console: Console, data: Element, one: Element, page: Callable[[Element], str]) -> int:
    """Show ``one``, which ``data`` has: as ``page`` has it, or ``data`` as JSON. Returns the exit status."""
    if console.out.as_json:
        console.out.json(as_json(data, console.schema))
    else:
        console.out.text(page(one))
    return 0
