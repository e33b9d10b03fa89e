"""An error-path of the server to its steps, and to where in a line the node stands that it is about."""

from __future__ import annotations

import re
from collections.abc import Sequence

from console.grammar.values import Change, Path, Span

_STEP = re.compile(r"""/(?:[^/:[\]'"]+:)?([^/:[\]'"]+)((?:\[(?:[^\]'"]|'[^']*'|"[^"]*")*\])*)""")
_PREDICATE = re.compile(
    r"""\[\s*(?:[^\]=:'"]+:)?([^\]=:'"]+?)\s*=\s*(?:'([^']*)'|"([^"]*)"|([^\]]*?))\s*\]"""
)
_LONGEST = 4_000

_Steps = list[tuple[str, dict[str, str]]]


def place(error_path: str, changes: Sequence[Change]) -> Span | None:
    """Return the columns of the change that ``error_path``, of an rpc-error, is about.

    That is the change of this very node; else the last one below it, for a rule about a whole container or
    entry; else the last one that has it inside. None if none of ``changes`` has to do with it.
    """
    wanted = steps(error_path)
    if not wanted:
        return None
    best: tuple[int, Span] | None = None
    for change in changes:
        nearness = _nearness(wanted, change)
        if nearness and (best is None or nearness >= best[0]):
            best = (nearness, change.span)
    return best[1] if best else None


def steps(error_path: str) -> _Steps:
    """Return the name of each node of an error-path, and the values of its predicates by name.

    Of a path that cannot be read to its end: those before.
    """
    return [
        (
            match[1],
            {p[1]: next((v for v in (p[2], p[3], p[4]) if v is not None), "") for p in _predicates(match)},
        )
        for match in _STEP.finditer(error_path[:_LONGEST])
    ]


def _predicates(match: re.Match[str]) -> list[re.Match[str]]:
    return list(_PREDICATE.finditer(match[2]))


def _nearness(wanted: _Steps, change: Change) -> int:
    """Return 3 for the same node, 2 for one below, 1 for one above, 0 for another one."""
    path = change.path
    for (name, keys), step in zip(wanted, path, strict=False):
        if name != step.node.name or not _same_entry(keys, step.node.keys, step.keys):
            return 0
    if len(wanted) == len(path):
        value = wanted[-1][1].get(".")
        return 3 if value is None or change.value is None or value == change.value else 2
    if len(wanted) < len(path):
        return 2
    return 1 if _has_inside(path) else 0


def _same_entry(keys: dict[str, str], names: Sequence[str], values: Sequence[str]) -> bool:
    return all(keys.get(name, value) == value for name, value in zip(names, values, strict=False))


def _has_inside(path: Path) -> bool:
    return path[-1].node.type is None
