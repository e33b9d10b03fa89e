"""Where commands write: a terminal with its colours, width and pager, or a pipe."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

import rich.console
from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from console.harmless import harmless, harmless_json, harmless_lines

PIPE_COLUMNS = 100_000
"""No line is cut or folded for a reader that is no terminal."""
MIN_COLUMNS, MAX_COLUMNS = 20, 1000
PROGRESS_AFTER_S = 1.0
_TICK_S = 0.5
_PAGER = "less -FRX"


class Terminal:
    """Output on standard output and standard error.

    ``interactive``: somebody looks, so long output is paged, and work that takes long says so.
    """

    def __init__(
        self,
        *,
        as_json: bool = False,
        interactive: bool = False,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.as_json = as_json
        self._interactive = interactive
        self._environ = os.environ if environ is None else environ
        self._stdout = sys.stdout if stdout is None else stdout
        self._stderr = sys.stderr if stderr is None else stderr
        self._length: int | None = None
        self.rich = self._console(None)

    def set_width(self, columns: int) -> None:
        """Write lines of ``columns`` at most; 0: as wide as the terminal is."""
        self.rich = self._console(columns or None)

    def set_length(self, lines: int) -> None:
        """Page what has more than ``lines``; 0: never."""
        self._length = lines

    def text(self, text: str) -> None:
        self._page(harmless_lines(text.rstrip("\n")) + "\n")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str = "") -> None:
        if not rows:
            if empty:
                self.text(empty)
            return
        shown = [[harmless_lines(cell) for cell in row] for row in rows]
        with self.rich.capture() as captured:
            self.rich.print(_table(columns, shown, self.rich.width))
        self._page("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))

    def json(self, value: Any) -> None:
        self._stdout.write(harmless_json(json.dumps(value, indent=2, ensure_ascii=False)) + "\n")

    def warn(self, text: str) -> None:
        self._stdout.flush()
        self._stderr.write(harmless_lines(text.rstrip("\n")) + "\n")
        self._stderr.flush()

    @contextmanager
    def progress(self, text: str) -> Iterator[Callable[[str], None]]:
        """Yield what changes the text meanwhile."""
        if not self._interactive and not self._stderr.isatty():
            yield lambda _: None
            return
        shown = _Progress(self._stderr, text, lambda: min(self.rich.width, MAX_COLUMNS))
        try:
            yield shown.say
        finally:
            shown.end()

    def _console(self, width: int | None) -> rich.console.Console:
        on_terminal = self._stdout.isatty()
        colours = on_terminal and not self._environ.get("NO_COLOR") and self._environ.get("TERM") != "dumb"
        if width is None and not on_terminal:
            width = PIPE_COLUMNS
        made = RichConsole(
            file=self._stdout,
            width=width,
            no_color=not colours,
            force_terminal=on_terminal,
            color_system="auto" if colours else None,
            markup=False,
            emoji=False,
            highlight=False,
            soft_wrap=False,
            _environ=self._environ,
        )
        made.push_render_hook(_Harmless(made))
        return made

    def _page(self, text: str) -> None:
        if self._interactive and self._stdout.isatty() and self._is_long(text) and self._paged(text):
            return
        self._stdout.write(text)
        self._stdout.flush()

    def _is_long(self, text: str) -> bool:
        if self._length == 0:
            return False
        size = shutil.get_terminal_size()
        length = self._length or size.lines
        return sum(1 + len(line) // max(1, size.columns) for line in text.splitlines()) >= length

    def _paged(self, text: str) -> bool:
        """Show ``text`` in the pager; False if there is none."""
        words = shlex.split(self._environ.get("PAGER") or _PAGER)
        # From the pager of an operator nobody gets a shell that he would not have otherwise.
        environ = {**self._environ, "LESSSECURE": "1", "LESSCHARSET": "utf-8"}
        self._stdout.flush()
        try:
            pager = subprocess.Popen(words, stdin=subprocess.PIPE, env=environ)
        except (OSError, IndexError):
            return False
        try:
            pager.communicate(text.encode(errors="backslashreplace"))
        except KeyboardInterrupt:
            pass  # the pager has it, too, and decides
        except BrokenPipeError:
            pass  # it was left before all was read
        while True:
            try:
                pager.wait()
                return True
            except KeyboardInterrupt:
                continue


class _Harmless(RenderHook):
    """Writes out what a terminal would obey, of whatever is printed, and nobody has made harmless before."""

    def __init__(self, console: rich.console.Console) -> None:
        self._console = console

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_HarmlessRenderable(one) for one in renderables]


class _HarmlessRenderable:
    def __init__(self, inner: ConsoleRenderable) -> None:
        self._inner = inner

    def __rich_console__(self, console: rich.console.Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._inner, options):
            if segment.control:
                yield segment
            else:
                yield Segment(harmless_lines(segment.text), segment.style)


class _Progress:
    """A line on standard error that says what is under way and for how long, once it takes long."""

    def __init__(self, stream: TextIO, text: str, width: Callable[[], int]) -> None:
        self._stream = stream
        self._text = text
        self._width = width
        self._since = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)
        self._thread.start()

    def say(self, text: str) -> None:
        self._text = text

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _show(self) -> None:
        if self._over.wait(PROGRESS_AFTER_S):
            return
        while True:
            elapsed_s = int(time.monotonic() - self._since)
            line = harmless(f"{self._text} ... {elapsed_s} s")[: max(1, self._width() - 1)]
            self._stream.write(f"\r\x1b[K{line}")
            self._stream.flush()
            if self._over.wait(_TICK_S):
                self._stream.write("\r\x1b[K")
                self._stream.flush()
                return


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
