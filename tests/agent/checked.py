"""A check and a start of the program, and what these say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def check(*options: str) -> tuple[int, str, list[str]]:
    """Return the status, standard output, and the lines of standard error of a check."""
    done = subprocess.run(
        [sys.executable, "-m", "agent", "--check", *options],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr.splitlines()


def start(*options: str) -> tuple[int, str, list[str]]:
    """Return the status, standard output, and the lines of standard error of a start that fails."""
    done = subprocess.run(
        [sys.executable, "-m", "agent", *options],
        cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr.splitlines()
