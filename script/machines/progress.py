"""What the user is told meanwhile, and commands whose words matter only when they fail."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

LINES_SHOWN = 30

_started = time.monotonic()


class Trouble(Exception):
    """The machine could not be made or run; COMMAND's own status is another thing."""


def tell(text: str) -> None:
    print(f"machine [{time.monotonic() - _started:5.0f} s] {text}", file=sys.stderr, flush=True)


def run_quietly(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Return what ``command`` printed.

    Raises:
        Trouble: it failed, or is not there.
    """
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError as problem:
        raise Trouble(f"{command[0]}: {problem.strerror}") from problem
    if done.returncode != 0:
        raise Trouble(f"{' '.join(command)} ended with {done.returncode}\n{last_lines(done.stderr)}")
    return done.stdout


def last_lines(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines()[-LINES_SHOWN:])


def last_lines_of(log: Path) -> str:
    return f"{last_lines(log.read_text(encoding='utf-8', errors='replace'))}\n(all of it: {log})"
