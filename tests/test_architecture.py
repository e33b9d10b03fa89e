"""docs/architecture.md names places; each of them is there."""

from __future__ import annotations

import ast
import re

import pytest

from tests.test_imports import ROOT, SHIPPED, room_of

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
HAPPENING = PAGE.partition("## Where things happen")[2].partition("\n## ")[0]
BELOW = "translators/strongswan/"


def places() -> list[tuple[str, str]]:
    """Return each file that the table of happenings names, with the function named behind it or ""."""
    return re.findall(r"`([a-z_/]+\.py)`(?:, `([a-z_]+)`)?", HAPPENING)


def functions(source: str) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("path", "function"), places())
def test_what_is_said_to_happen_somewhere_has_a_place_there(path: str, function: str) -> None:
    file = ROOT / (path if path.startswith("agent/") else BELOW + path)
    assert file.is_file()
    assert not function or function in functions(file.read_text(encoding="utf-8"))


def test_the_table_is_found() -> None:
    assert len(places()) > 15
    assert ("translation/credentials.py", "load_shared") in places()


def test_every_room_of_the_table_of_rooms_is_there() -> None:
    rooms = PAGE.partition("## The rooms")[2].partition("\n`tests/")[0]
    named = {
        name
        for row in re.findall(r"^\| (.*?) \|", rooms, re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", row)
    }
    folders = {name.rstrip("/") for name in named if name.endswith("/")}
    assert {"agent/datastore", "console", "translators/strongswan/status"} <= folders
    assert all((ROOT / folder).is_dir() for folder in folders)
    # A package that is in no row would be found by nobody.
    packages = {"/".join(path.split("/")[:-1]) for path in SHIPPED} - {"agent", "translators"}
    assert packages <= folders | {"translators/strongswan"}
    assert all(room_of(path) is not None for path in SHIPPED)
