"""docs/architecture.md, "What is kept to be found again": each cache has a row, and each row its test.

What a decorator or a class of the standard library does is seen; a plain dict is not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## What is kept to be found again")[2].partition("\n## ")[0]
BELOW = "translators/strongswan/"
KEEP = {"cache", "lru_cache", "cached_property", "OrderedDict", "WeakKeyDictionary", "WeakValueDictionary"}
FILES = sorted(path for room in ("agent", "translators") for path in (ROOT / room).rglob("*.py"))
TESTS = re.findall(r"`([a-z_/]+\.py)::(test_[a-z0-9_]+)`", SECTION)


def named() -> set[str]:
    """Return the files that the section names as those that keep something."""
    text = re.sub(r"`[a-z_/]+\.py::test_[a-z0-9_]+`|`tests/[a-z_]+\.py`", "", SECTION)
    found = re.findall(r"`([a-z_/]+\.py)`", text)
    return {path if path.startswith("agent/") else BELOW + path for path in found}


def kept_in(source: str) -> Iterator[str]:
    """Yield the names of what keeps something in a text of Python."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            used = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
        elif isinstance(node, ast.Call):
            used = [node.func]
        else:
            continue
        names = (one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in used)
        yield from (name for name in names if name in KEEP)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_keeps_something_has_a_row(path: Path) -> None:
    kept = set(kept_in(path.read_text(encoding="utf-8")))
    assert not kept or str(path.relative_to(ROOT)) in named()


@pytest.mark.parametrize("path", sorted(named()))
def test_what_has_a_row_is_there(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize(("path", "name"), TESTS)
def test_the_test_of_a_row_is_there(path: str, name: str) -> None:
    body = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8")).body
    assert name in {one.name for one in body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_each_row_has_a_test() -> None:
    rows = re.findall(r"^\| `.*$", SECTION, re.MULTILINE)
    assert len(rows) > 20
    assert [row for row in rows if "::test_" not in row] == []


@pytest.mark.parametrize(
    "source",
    [
        "@cache\ndef f(): ...",
        "@functools.lru_cache(maxsize=4)\ndef f(): ...",
        "class A:\n    @cached_property\n    def f(self): ...",
        "class A:\n    def __init__(self):\n        self.known = OrderedDict()",
        "known: dict[int, int] = weakref.WeakKeyDictionary()",
        "made = lru_cache(4)(make)",
    ],
)
def test_what_keeps_something_is_seen(source: str) -> None:
    assert list(kept_in(source))


def test_what_keeps_nothing_is_not() -> None:
    assert list(kept_in("@contextmanager\ndef f():\n    cached = dict()\n    kept = cache")) == []
