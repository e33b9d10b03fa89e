"""Lines that a program types, one after the other, into one command line; and what is answered to each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from tests.console.shell.lines import CommandLine

_LAST = "clear: clear the screen"


class Dialogue:
    """A ``yangswan -f -`` that goes on. Where a line fails it ends, and what it said is the failure."""

    def __init__(self, line: CommandLine, *words: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "console", *words, "-f", "-"], env=dict(line.environ), cwd=line.home,
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def types(self, *lines: str) -> str:
        """Type ``lines`` and return what was said to them."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # Nothing tells that a line is done but the answer to the next one.
        self._process.stdin.write("".join(f"{one}\n" for one in (*lines, "help clear")))
        self._process.stdin.flush()
        said = []
        for answer in self._process.stdout:
            if answer.strip() == _LAST:
                return "".join(said[:-2])
            said.append(answer)
        raise AssertionError(f"after {lines}: {''.join(said)}")

    def fails(self, *lines: str) -> tuple[int, str]:
        """Type ``lines`` of which one fails; returns the exit status, and what was said."""
        said, _ = self._process.communicate("".join(f"{one}\n" for one in lines))
        return self._process.returncode, said

    def close(self) -> int:
        self._process.communicate()
        return self._process.returncode

    def __enter__(self) -> Dialogue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


@contextmanager
def dialogue(line: CommandLine, *words: str) -> Iterator[Dialogue]:
    """A dialogue that has to end well."""
    with Dialogue(line, *words) as found:
        yield found
        assert found.close() == 0
