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
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

from console.harmless import harmless, harmless_json, harmless_lines
from console.live.ending import put_off
from console.unread import discard

if TYPE_CHECKING:
    import rich.console

MIN_COLUMNS, MAX_COLUMNS = 20, 1000
PROGRESS_AFTER_S = 1.0
DEFAULT_COLUMNS = 80
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
        self._width: int | None = None
        self._rich: rich.console.Console | None = None

    @property
    def rich(self) -> rich.console.Console:
        """Made when it is needed: most commands are done in the time that it takes."""
        if self._rich is None:
            from console.shell.printing import console_on

            self._rich = console_on(self._stdout, self._width, self._environ)
        return self._rich

    @property
    def columns(self) -> int | None:
        """How wide the terminal is; None where nobody looks."""
        if not self._stdout.isatty():
            return None
        return self._width or _columns(self._environ)

    def set_width(self, columns: int) -> None:
        """Write lines of ``columns`` at most; 0: as wide as the terminal is."""
        self._width, self._rich = columns or None, None

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
        from console.shell.printing import table_lines

        shown = [[harmless_lines(cell) for cell in row] for row in rows]
        self._page("".join(f"{line}\n" for line in table_lines(self.rich, columns, shown)))

    def json(self, value: Any) -> None:
        self._stdout.write(harmless_json(json.dumps(value, indent=2, ensure_ascii=False)) + "\n")

    def warn(self, text: str) -> None:
        try:
            self._stdout.flush()
        except BrokenPipeError:
            raise
        except OSError:
            pass  # when the program ends it is tried again, and said
        self._stderr.write(harmless_lines(text.rstrip("\n")) + "\n")
        self._stderr.flush()

    def discard(self) -> None:
        """Nobody reads standard output any more: what is still on its way there goes nowhere."""
        with suppress(ValueError):  # what tests put in its place is no file
            discard(self._stdout)

    @contextmanager
    def progress(self, text: str) -> Iterator[Callable[[str], None]]:
        """Yield what changes the text meanwhile."""
        if not self._interactive and not self._stderr.isatty():
            yield lambda _: None
            return
        shown = _Progress(self._stderr, text, lambda: min(self.columns or DEFAULT_COLUMNS, MAX_COLUMNS))
        try:
            with put_off():
                shown.begin()
            yield shown.say
        finally:
            with put_off():
                shown.over.set()
            shown.join()

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


class _Progress:
    """A line on standard error that says what is under way and for how long, once it takes long.

    Its thread holds a _Line and not this one, so that it ends, too, when nobody holds this any more: an
    interrupt may come where no ``finally`` is entered yet, or before one has done anything.
    """

    def __init__(self, stream: TextIO, text: str, width: Callable[[], int]) -> None:
        self._line = _Line(stream, text, width)
        self.over = self._line.over
        self._thread = threading.Thread(target=self._line.show, daemon=True)

    def begin(self) -> None:
        weakref.finalize(self, self.over.set)
        self._thread.start()

    def say(self, text: str) -> None:
        self._line.text = text

    def join(self) -> None:
        """Wait until the line is gone; ``over`` is set."""
        if self._thread.ident is not None:
            self._thread.join()


class _Line:
    def __init__(self, stream: TextIO, text: str, width: Callable[[], int]) -> None:
        self.text = text
        self.over = threading.Event()
        self._stream = stream
        self._width = width
        self._since = time.monotonic()

    def show(self) -> None:
        if self.over.wait(PROGRESS_AFTER_S):
            return
        while True:
            elapsed_s = int(time.monotonic() - self._since)
            line = harmless(f"{self.text} ... {elapsed_s} s")[: max(1, self._width() - 1)]
            self._stream.write(f"\r\x1b[K{line}")
            self._stream.flush()
            if self.over.wait(_TICK_S):
                self._stream.write("\r\x1b[K")
                self._stream.flush()
                return


def _columns(environ: Mapping[str, str]) -> int:
    """Return the columns of the terminal of this process, as rich finds them."""
    if environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return DEFAULT_COLUMNS
    said = environ.get("COLUMNS", "")
    if said.isdigit() and int(said):
        return int(said)
    for number in (0, 1, 2):  # standard input, output and error
        try:
            if found := os.get_terminal_size(number).columns:
                return found
        except OSError:
            continue
    return DEFAULT_COLUMNS
