"""docs/performance.md: its commands can be given, its tables name what is measured, its pictures exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from bench import options
from bench.options import BESIDE, GROUPS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "performance.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\.venv/bin/python -m bench (.*)$", PAGE, re.MULTILINE)


def first_column(head: str) -> set[str]:
    table = PAGE.partition(f"| {head} |")[2].partition("\n\n")[0]
    return set(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE))


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_can_be_given(command: str) -> None:
    assert options.read(shlex.split(command))


def test_all_rows_and_peers_are_explained() -> None:
    assert len(COMMANDS) > 3
    assert first_column("rows") == set(GROUPS)
    assert first_column("peer") == BESIDE | {"vici"}


def test_its_pictures_are_there() -> None:
    pictures = re.findall(r"\]\(([a-z]+\.(?:svg|png))\)", PAGE)
    assert set(pictures) == {"performance.svg", "performance.png"}
    assert all((DOCS / picture).is_file() for picture in pictures)
