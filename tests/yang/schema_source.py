"""The modules as pyang reads them: their statements, and which of them restrict a node.

A restriction is known by the file and the line that it stands on, so that two in one type are two, and one
that is used by several nodes is one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pyang.context import Context
from pyang.repository import FileRepository
from pyang.statements import Statement

from tests.yang.conftest import TYPES, WITH_DATA, YANG_DIR

RESTRICTIONS = frozenset({"must", "pattern", "length", "range", "max-elements", "mandatory"})
_PREDICATE = re.compile(r"\[[^]]*\]")


@cache
def modules() -> dict[str, Statement]:
    """Return the validated statement of each module of the contract, by name."""
    context = Context(FileRepository(f"{YANG_DIR}:{Path(sys.prefix, 'share/yang/modules')}"))
    found = {}
    for name in (TYPES, *WITH_DATA):
        file = YANG_DIR / f"{name}.yang"
        context.features[name] = re.findall(r"(?m)^  feature ([a-z-]+)", file.read_text())
        found[name] = context.add_module(str(file), file.read_text())
    context.validate()
    assert None not in found.values()
    assert not [error for error in context.errors if error[0].ref.startswith(str(YANG_DIR))]
    return found


def written() -> Iterator[Statement]:
    """Yield every statement of every module as written, uses not expanded."""
    for module in modules().values():
        yield from statements(module)


def all_nodes() -> Iterator[Statement]:
    """Yield every schema node of every module, uses expanded, choices and cases included."""
    for module in modules().values():
        yield from nodes(module)


def top_level() -> list[Statement]:
    """Return the data nodes, rpcs and notifications at the top of the modules."""
    return [node for module in modules().values() for node in module.i_children]


def statements(top: Statement) -> Iterator[Statement]:
    """Yield ``top`` and every statement below it as written, uses not expanded."""
    yield top
    for below in top.substmts:
        yield from statements(below)


def nodes(top: Statement) -> Iterator[Statement]:
    """Yield every schema node below ``top``, uses expanded, choices and cases included."""
    for child in getattr(top, "i_children", ()):
        yield child
        yield from nodes(child)


def path_of(node: Statement, *, with_choices: bool = False) -> str:
    """Return the path of ``node`` as data has it, or as the schema has it with choices and cases."""
    steps: list[str] = []
    step = node
    while step.keyword not in ("module", "submodule"):
        if with_choices or step.keyword not in ("choice", "case", "input", "output"):
            steps.insert(0, step.arg)
        step = step.parent
    return f"/{step.arg}:" + "/".join(steps)


def without_keys(path: str) -> str:
    return _PREDICATE.sub("", path)


def restrictions_of(node: Statement) -> Iterator[Statement]:
    """Yield the restrictions on ``node`` itself and on its type, through all typedefs."""
    yield from (one for one in node.substmts if one.keyword in RESTRICTIONS)
    type_ = node.search_one("type")
    while type_ is not None:
        yield from (one for one in type_.substmts if one.keyword in RESTRICTIONS)
        typedef = getattr(type_, "i_typedef", None)
        type_ = typedef.search_one("type") if typedef is not None else None


def app_tag(restriction: Statement) -> str | None:
    tag = restriction.search_one("error-app-tag")
    return tag.arg if tag is not None else None


def place(restriction: Statement) -> str:
    return f"{Path(restriction.pos.ref).name}:{restriction.pos.line}"


def enumeration(typedef: str) -> list[str]:
    """Return the words of an enumeration, as written; of a union, those that it has itself."""
    found = modules()[TYPES].search_one("typedef", typedef).search_one("type")
    return [enum.arg for type_ in (found, *found.search("type")) for enum in type_.search("enum")]
