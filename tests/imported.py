"""What a file of the house imports and calls, and whether its room allows that (tests.test_imports)."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# A pure room has no loop, socket, clock, process, file or log; what it needs to know is an argument.
IMPURE_MODULES = frozenset({
    "asyncio", "fcntl", "io", "logging", "multiprocessing", "os", "random", "secrets", "select", "selectors",
    "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time",
})  # fmt: skip
IMPURE_CALLS = frozenset({
    "open", "print", "input", "now", "today", "utcnow", "read_text", "read_bytes", "write_text",
    "write_bytes", "unlink", "mkdir", "exists", "is_file", "iterdir", "glob",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Room:
    """Files that match one of ``files`` may import the standard library, ``may`` and ``libraries``.

    A name in ``may`` stands for a module or a package with all that is in it.
    """

    files: tuple[str, ...]
    may: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    pure: bool = False


def violations(path: str, source: str, room: Room | None) -> list[str]:
    """Return in words what the file ``path`` (relative to the repository) does that ``room`` may not."""
    if room is None:
        return [f"{path} is in no room: give it one in tests/test_imports.py and in docs/architecture.md"]
    tree = ast.parse(source)
    found = [
        f"{path}:{line} imports {module}"
        for module, line in _imports(tree)
        if not _allowed(module, room) or (room.pure and module.split(".")[0] in IMPURE_MODULES)
    ]
    if room.pure:
        found += [f"{path}:{line} calls {name}, and is pure" for name, line in _impure_calls(tree)]
    return found


def _allowed(module: str, room: Room) -> bool:
    top = module.split(".")[0]
    # Raw memory: whoever needs something of it asks the rest of agent.yang.
    if module == "agent.yang.native" and not room.files[0].startswith("agent/yang/"):
        return False
    if top not in ("agent", "console", "translators"):
        return top in sys.stdlib_module_names or top in room.libraries
    return any(module == allowed or module.startswith(f"{allowed}.") for allowed in room.may)


def _imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                yield "." * node.level + module, node.lineno
                continue
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                yield (inner if _is_module(inner) else module), node.lineno


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def _impure_calls(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in IMPURE_CALLS:
                yield name, node.lineno
