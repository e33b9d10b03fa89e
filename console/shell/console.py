"""What every command gets to work with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from console.client.session import Client
from console.grammar.values import Path
from console.model.schema import Schema

if TYPE_CHECKING:
    import rich.console


class Output(Protocol):
    """Where a command says something. Everything from outside is made harmless before a terminal gets it."""

    as_json: bool

    @property
    def rich(self) -> rich.console.Console:
        """Its width and colours are settled: NO_COLOR, no terminal, narrow terminals."""

    @property
    def columns(self) -> int | None:
        """The columns of the terminal; None where nobody looks, and nothing is to be cut."""

    def text(self, text: str) -> None:
        """Print ``text`` as it is, paged where it is long and somebody looks."""

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str = "") -> None:
        """Print a table; ``empty`` instead where there are no rows."""

    def json(self, value: Any) -> None:
        """Print one JSON document."""

    def warn(self, text: str) -> None:
        """Say something on standard error."""

    def progress(self, text: str) -> AbstractContextManager[Callable[[str], None]]:
        """Show on a terminal that work goes on, and for how long it has; what is yielded changes ``text``."""


def _nobody_says_yes(question: str) -> bool:
    return False


@dataclass(slots=True)
class Console:
    """One command line: its session, the schema of its server, where it writes, and where one is.

    ``context``: None outside of the configuration, else where in it. ``tunnel``: in the context
    "tunnel" outside of it.
    """

    client: Client
    schema: Schema
    out: Output
    gateway: str
    context: Path | None = None
    tunnel: bool = False
    interactive: bool = False
    confirm: Callable[[str], bool] = _nobody_says_yes
    """Asks a question that is answered with yes or no. Without a terminal the answer is no."""

    def missing(self, argument: str, text: str) -> int:
        """Say that what was given as ``argument`` is not there; returns the exit status."""
        self.out.warn(text)
        return 1
