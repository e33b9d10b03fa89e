"""How paths are written: steps, predicates that give keys, and literals."""

from __future__ import annotations

import re
from collections.abc import Iterator

KEY_TEST = re.compile(r"\[\s*(?:[\w.-]+:)?([\w.-]+)\s*=\s*(\"[^\"]*\"|'[^']*')\s*\]")
"""A predicate with the name of a key, without its prefix, and the literal that is its value."""
_PREFIXED_KEY = re.compile(r"\[\s*(?:([\w.-]+):)?([\w.-]+)\s*=\s*(?:\"[^\"]*\"|'[^']*')\s*\]\s*")
_PREDICATE = re.compile(r"""\[(?:[^\]'"]|'[^']*+'|"[^"]*+")*+\]|(\[)""")
STEP = re.compile(r"""/(?:([\w.-]+):)?([\w.-]+)((?:\[(?:[^\]'"]|'[^']*+'|"[^"]*+")*+\])*+)""")
"""A step of a data path: module, name and predicates."""
LITERAL = re.compile(r"\"[^\"]*\"|'[^']*'")

MAX_KEY_OCTETS = 65536
"""Of the key of a list entry, or a value of a leaf-list: no data has longer ones."""


def steps_of(path: str) -> Iterator[tuple[str, str]]:
    """Yield (module, name) of each step of a schema path, whose steps name a module only where it changes."""
    module = ""
    for step in path.strip("/").split("/"):
        prefix, _, name = step.rpartition(":")
        module = prefix or module
        yield module, name


def without_predicates(path: str) -> str | None:
    """Return ``path`` without its predicates, None if one does not close: the rest is read once only."""
    kept, position = [], 0
    for found in _PREDICATE.finditer(path):
        if found[1]:
            return None
        kept.append(path[position : found.start()])
        position = found.end()
    return "".join(kept) + path[position:]


def keys_in(predicates: str) -> dict[str, str]:
    """Return the keys that ``predicates`` give, by name."""
    return {name: literal[1:-1] for name, literal in KEY_TEST.findall(predicates)}


def key_names(predicates: str) -> list[tuple[str, str]] | None:
    """Return prefix and name of each key that ``predicates`` give; None if there is anything else in them."""
    found, position = [], 0
    while position < len(predicates):
        test = _PREFIXED_KEY.match(predicates, position)
        if test is None:
            return None
        found.append((test[1] or "", test[2]))
        position = test.end()
    return found


def literal(value: str) -> str:
    """Return ``value`` as XPath writes it; one that holds both kinds of quotes cannot be written."""
    return f'"{value}"' if "'" in value else f"'{value}'"
