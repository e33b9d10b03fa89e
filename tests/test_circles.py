"""No two files import each other in a circle, of whatever length.

Imports inside functions count like all others; so does ``if TYPE_CHECKING``. The ``__init__`` of a package is
a file, too: whoever imports anything of the package imports it first.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

import pytest

from tests.test_imports import ROOT

PACKAGES = ("agent", "translators", "console")
SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


def circle(sources: Mapping[str, str]) -> list[str]:
    """Return the files of one circle in ``sources`` (path to text), each importing the next; [] without.

    The first file is there again at the end.
    """
    graph = {path: set(imported(path, sources)) for path in sources}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as problem:
        return list(reversed(problem.args[1]))
    return []


def imported(path: str, sources: Mapping[str, str]) -> Iterator[str]:
    """Yield the files among ``sources`` that the file ``path`` imports."""
    for node in ast.walk(ast.parse(sources[path])):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(path, node)
            names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            yield from (file for file in _files_of(name) if file in sources and file != path)


def _absolute(path: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    above = path.split("/")[: -node.level]
    return ".".join([*above, *([node.module] if node.module else [])])


def _files_of(name: str) -> Iterator[str]:
    """Yield what the module ``name`` may be, and the packages that are imported on the way to it."""
    steps = name.split(".")
    yield "/".join(steps) + ".py"
    for end in range(1, len(steps) + 1):
        yield "/".join([*steps[:end], "__init__.py"])


def test_no_files_import_each_other_in_a_circle() -> None:
    assert " imports ".join(circle(SOURCES)) == ""


def test_there_are_files_and_imports_to_look_at() -> None:
    assert {path.split("/")[0] for path in SOURCES} >= {"agent", "translators"}
    assert "agent/transport/ssh_channel.py" in set(imported("agent/transport/ssh.py", SOURCES))


LATE = "def late() -> None:\n    "
TYPES_ONLY = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "
CIRCLES = {
    "two": {"agent/a.py": "import agent.b", "agent/b.py": "from agent import a"},
    "three": {
        "agent/a.py": "from agent.b import x",
        "agent/b.py": "import translators.c",
        "translators/c.py": "from agent.a import y",
    },
    "two, one of them in a function": {"agent/a.py": "import agent.b", "agent/b.py": LATE + "import agent.a"},
    "two, one of them for types": {
        "agent/a.py": "import agent.b",
        "agent/b.py": TYPES_ONLY + "from agent.a import A",
    },
    "two, relative": {"agent/x/a.py": "from . import b", "agent/x/b.py": "from ..x.a import y"},
    "a package and its file": {
        "agent/x/__init__.py": "from agent.x.a import y",
        "agent/x/a.py": "import agent.x",
    },
    "a package and a file that wants only another of its files": {
        "agent/x/__init__.py": "from agent.x import a",
        "agent/x/a.py": "import agent.x.b",
        "agent/x/b.py": "",
    },
}


@pytest.mark.parametrize("name", CIRCLES)
def test_a_made_up_circle_is_found_and_its_files_are_named(name: str) -> None:
    sources = {**CIRCLES[name], "agent/beside.py": "import agent.a, agent.x.a"}
    found = circle(sources)
    assert found[0] == found[-1]
    assert len(found) == len(set(found)) + 1
    in_circle = {path for path, source in CIRCLES[name].items() if source}
    assert set(found) == in_circle
    for path, following in pairwise(found):
        assert following in set(imported(path, sources)), "each imports the next"


def test_a_circle_among_the_real_files_is_found() -> None:
    closed = {**SOURCES, "agent/errors.py": SOURCES["agent/errors.py"] + "\nimport agent.server\n"}
    found = circle(closed)
    assert "agent/errors.py" in found
    assert "agent/server.py" in found


@pytest.mark.parametrize(
    "sources",
    [
        {"agent/a.py": "import agent.b, agent.c", "agent/b.py": "import agent.c", "agent/c.py": "import os"},
        {"agent/x/__init__.py": "import os", "agent/x/a.py": "from agent.x import b", "agent/x/b.py": ""},
        {"agent/a.py": "import a\nfrom agent.a import itself"},
    ],
)
def test_what_is_no_circle_is_let_through(sources: dict[str, str]) -> None:
    assert circle(sources) == []
