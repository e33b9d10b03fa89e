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
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)}


@pytest.mark.parametrize(("path", "function"), places())
def test_what_is_said_to_happen_somewhere_has_a_place_there(path: str, function: str) -> None:
    file = ROOT / (path if path.startswith(("agent/", "console/")) else BELOW + path)
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


# What is in agent/ itself the page tells, a row a file.
PACKAGES = sorted({path.rpartition("/")[0] for path in SHIPPED} - {"agent", "translators"})


@pytest.mark.parametrize("package", PACKAGES)
def test_the_docstring_of_a_package_names_each_of_its_files_and_no_other(package: str) -> None:
    said = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))) or ""
    files = {path.stem for path in (ROOT / package).glob("*.py")} - {"__init__", "__main__"}
    assert {name for name in files if not re.search(rf"\b{name}\b", said)} == set()
    # The items of a list begin with the names that they tell of.
    items = re.findall(r"(?m)^- ([a-z_, ]+)(?: \(.*?\))?:", said)
    folders = {path.name for path in (ROOT / package).iterdir() if path.is_dir()}
    named = {name for item in items for name in re.split(r",\s*", item)}
    assert named - files - folders <= {"handlers", "filters"}
