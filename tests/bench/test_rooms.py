"""The docstring of each package of bench/ names all its files."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.mark.parametrize("folder", [BENCH, BENCH / "peers", BENCH / "rows"])
def test_all_files_are_named(folder: Path) -> None:
    said = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
    assert said is not None
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
    named = {name for line in said.splitlines() for name in re.findall(r"(\w+)(?:, |:)", line)}
    assert files <= named


def test_no_file_is_long() -> None:
    long = {path.name for path in BENCH.rglob("*.py") if len(path.read_text().splitlines()) > 200}
    assert not long
