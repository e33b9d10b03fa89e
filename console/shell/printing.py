"""What is printed by rich: colours, tables with room for whole paragraphs; imported where it is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TextIO

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from console.harmless import harmless_lines

PIPE_COLUMNS = 100_000
"""No line is cut or folded for a reader that is no terminal."""


def console_on(stdout: TextIO, width: int | None, environ: Mapping[str, str]) -> Console:
    """Return what prints on ``stdout``; ``width``: None is that of the terminal."""
    on_terminal = stdout.isatty()
    colours = on_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    if width is None and not on_terminal:
        width = PIPE_COLUMNS
    made = Console(
        file=stdout,
        width=width,
        no_color=not colours,
        force_terminal=on_terminal,
        color_system="auto" if colours else None,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=False,
        _environ=environ,
    )
    made.push_render_hook(_Harmless(made))
    return made


def table_lines(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    with console.capture() as captured:
        console.print(_table(columns, rows, console.width))
    return (line.rstrip() for line in captured.get().splitlines())


class _Harmless(RenderHook):
    """Writes out what a terminal would obey, of whatever is printed, and nobody has made harmless before."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_HarmlessRenderable(one) for one in renderables]


class _HarmlessRenderable:
    def __init__(self, inner: ConsoleRenderable) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._inner, options):
            if segment.control:
                yield segment
            else:
                yield Segment(harmless_lines(segment.text), segment.style)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> ConsoleRenderable:
    """Return a table, or where it has no room its rows one below the other."""
    least = sum(max(_longest_word(cells), min(8, len(name))) for name, cells in _by_column(columns, rows))
    if least + 2 * (len(columns) - 1) > width:
        return Text("\n\n".join(_record(columns, row) for row in rows), overflow="fold")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _by_column(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[tuple[str, list[str]]]:
    return ((name, [row[at] for row in rows]) for at, name in enumerate(columns))


def _longest_word(cells: Iterable[str]) -> int:
    return max((len(word) for cell in cells for word in cell.split()), default=0)


def _record(columns: Sequence[str], row: Sequence[str]) -> str:
    return "\n".join(f"{name}: {cell}" for name, cell in zip(columns, row, strict=True))
