"""docs/conformance.md names tests that exist, and each case once."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
SECTION = re.compile(r"^#+ (.*)$", re.MULTILINE)
ROW = re.compile(r"^\| `([^`]+)` \| (.*) \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/.]+)(?:::(\w+)(?:\[([\w-]+)\])?)?`")
TESTS = sorted({match.group(1, 2, 3) for match in NAMED.finditer(PAGE)}, key=str)


@cache
def source(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def functions(path: str) -> set[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(source(path))) if isinstance(node, kinds)}


@pytest.mark.parametrize(("path", "name", "case"), TESTS)
def test_a_test_that_is_named_exists(path: str, name: str | None, case: str | None) -> None:
    assert (ROOT / path).is_file()
    assert name is None or name in functions(path)
    assert case is None or f'"{case}"' in source(path)


def test_no_case_is_without_an_answer_and_none_stands_twice() -> None:
    sections = re.split(SECTION, PAGE)[1:]
    counted = 0
    for _title, body in zip(sections[::2], sections[1::2], strict=True):
        cases = [case for case, _answer in ROW.findall(body)]
        assert len(cases) == len(set(cases))
        counted += len(cases)
        for case, answer in ROW.findall(body):
            ours = NAMED.search(answer) is not None
            assert ours or answer.startswith(("not ours", "`python -m bench`")), case
    assert counted > 200


def test_a_name_that_is_wrong_would_be_seen() -> None:
    with pytest.raises(AssertionError):
        test_a_test_that_is_named_exists("tests/scripts/test_conformance_table.py", "test_of_nothing", None)
