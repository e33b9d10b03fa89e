"""Where there is a charon: network namespaces of their own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.figures import Row
from bench.peers.failed import Failed
from script import apparmor
from tests.lab import Lab, open_lab

Take = Callable[[str, Callable[[], Iterable[Row]]], bool]
"""Adds the rows of a measure, by its title."""


@contextmanager
def lab_below(folder: Path) -> Iterator[Lab]:
    """Network namespaces, in which a charon may use its files below ``folder``.

    Raises:
        Failed: there can be none here.
    """
    if os.geteuid() != 0 or shutil.which("ip") is None:
        raise Failed("needs root and the command ip, for network namespaces")
    with open_lab(folder) as lab, apparmor.allowed_below(folder):
        yield lab
