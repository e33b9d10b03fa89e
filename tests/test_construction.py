"""Who puts objects together names what it gives them: at most three arguments go by their position.

It counts for every class of the shipped packages, values too, and for functions called make_... or
assemble...: which of five arguments is which, nobody sees. The rows of a table at the top of a module are
let through: they are read in columns, and the class says above what each column is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

import pytest

from tests.test_imports import ROOT, SHIPPED

MAX_BY_POSITION = 3
MAKERS = ("make_", "assemble")
SOURCES = {path: (ROOT / path).read_text(encoding="utf-8") for path in SHIPPED}


def classes_of(sources: Iterable[str]) -> frozenset[str]:
    return frozenset(node.name for source in sources for node in _classes(ast.parse(source)))


def by_position(source: str, classes: frozenset[str]) -> Iterator[tuple[str, int]]:
    """Yield name and line of each thing that is put together with too many arguments by position."""
    tree = ast.parse(source)
    rows = {id(row) for statement in tree.body for row in _rows(statement)}
    inside = {id(node): owner.name for owner in _classes(tree) for node in ast.walk(owner)}
    renamed = {alias.asname: alias.name for alias in _aliases(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and len(node.args) > MAX_BY_POSITION and id(node) not in rows:
            name = _name(node.func)
            name = inside.get(id(node), name) if name == "cls" else renamed.get(name, name)
            if name in classes or name.startswith(MAKERS):
                yield name, node.lineno


def _classes(tree: ast.Module) -> Iterator[ast.ClassDef]:
    """Yield every class, the outer before the inner."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def _aliases(tree: ast.Module) -> Iterator[ast.alias]:
    """Yield every import of a name as another."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.alias) and node.asname is not None)


def _name(callee: ast.expr) -> str:
    if isinstance(callee, ast.Subscript):  # a class with its type arguments
        return _name(callee.value)
    return str(getattr(callee, "id", getattr(callee, "attr", "")))


def _rows(statement: ast.stmt) -> Iterator[ast.expr]:
    """Yield the rows of the table that ``statement``, at the top of a module, gives a name."""
    if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
        yield from _elements(statement.value)


def _elements(value: ast.expr) -> Iterator[ast.expr]:
    if isinstance(value, ast.Tuple | ast.List | ast.Set):
        inside = value.elts
    elif isinstance(value, ast.Dict):
        inside = value.values
    else:
        return
    for element in inside:
        yield element
        yield from _elements(element)


CLASSES = classes_of(SOURCES.values())


@pytest.mark.parametrize("path", SHIPPED)
def test_what_is_put_together_has_names_beyond_three(path: str) -> None:
    found = [
        f"{path}:{line}: {name} has more than {MAX_BY_POSITION} arguments by position"
        for name, line in by_position(SOURCES[path], CLASSES)
    ]
    assert found == []


def test_there_are_classes_to_look_for() -> None:
    assert {"Configuration", "Prepared", "SshTransport", "SchemaNode"} <= CLASSES


MADE_UP = frozenset({"Thing"})


@pytest.mark.parametrize(
    "source",
    [
        "x = Thing(1, 2, 3, 4)",
        "x = things.Thing(1, 2, 3, 4, five=5)",
        "x = Thing[int](1, 2, 3, 4)",
        "from things import Thing as Other\nx = Other(1, 2, 3, 4)",
        "def f(): return [Thing(1, 2, 3, 4)]",
        "class Thing:\n    @classmethod\n    def of(cls): return cls(1, 2, 3, 4)",
        "x = make_thing(1, 2, 3, 4)",
        "x = assemble(1, 2, 3, 4)",
        "x = outer(Thing(1, 2, 3, 4))",
        "def f(x=(Thing(1, 2, 3, 4),)): pass",
    ],
)
def test_a_made_up_violation_is_refused(source: str) -> None:
    assert len(list(by_position(source, MADE_UP))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "x = Thing(1, 2, 3)",
        "x = Thing(1, 2, 3, four=4, five=5)",
        "x = function(1, 2, 3, 4)",
        "x = datetime.datetime(2026, 11, 23, 0)",
        "TABLE = (Thing(1, 2, 3, 4), Thing(5, 6, 7, 8))",
        "TABLE: dict[str, Thing] = {'a': Thing(1, 2, 3, 4)}",
    ],
)
def test_what_is_clear_is_let_through(source: str) -> None:
    assert list(by_position(source, MADE_UP)) == []
