"""The type of a leaf, from what pyang made of its module: typedefs followed, restrictions collected."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from console.model.schema import Choice, Type
from console.model.visible import is_visible, prose, visible

Statement = Any
"""A statement of pyang, which has no types."""

_BOUNDS = {
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
}
_LONGEST = 2**64 - 1
# Of a union in a union and so on, and of leafrefs that point to leafrefs.
_DEEPEST = 12
_RANGE = re.compile(r"\s*(\S+?)\s*(?:\.\.\s*(\S+?)\s*)?$")

Identities = Mapping[int, list[Choice]]
"""By the identity of pyang's statement: what is derived from it."""


def type_of(leaf: Statement, identities: Identities) -> Type:
    """Return the type of a leaf or leaf-list."""
    return _type(leaf.search_one("type"), leaf, identities, 0)


def inherited(leaf: Statement, keyword: str) -> str:
    """Return the argument of ``keyword`` ("default", "units") of a leaf, or else of its typedefs, or ""."""
    own = leaf.search_one(keyword)
    if own is not None:
        return str(own.arg)
    for step in _chain(leaf.search_one("type")):
        typedef = getattr(step, "i_typedef", None)
        found = typedef.search_one(keyword) if typedef is not None else None
        if found is not None:
            return str(found.arg)
    return ""


def _chain(statement: Statement | None) -> Iterator[Statement]:
    """Yield the type statement of a leaf, that of its typedef, and so on down to a built-in type."""
    for _ in range(64):
        if statement is None:
            return
        yield statement
        typedef = getattr(statement, "i_typedef", None)
        statement = typedef.search_one("type") if typedef is not None else None


def _type(statement: Statement, leaf: Statement, identities: Identities, depth: int) -> Type:
    chain = list(_chain(statement))
    if not chain or depth > _DEEPEST:
        return Type("string", "string")
    base, name = visible(str(chain[-1].arg)), visible(str(statement.arg))
    if base not in _BUILT_IN:  # its module is not there
        return Type("string", name)
    if base == "leafref":
        return _leafref(name, leaf, identities, depth)
    if base == "union":
        unions = _first(chain, "type")
        return Type(base, name, members=tuple(_type(u, leaf, identities, depth + 1) for u in unions))
    messages: dict[str, str] = {}
    digits = next((int(f.arg) for step in chain if (f := step.search_one("fraction-digits"))), 0)
    lowest, highest = _limits(base, digits)
    return Type(
        base,
        name,
        choices=_choices(base, chain, identities),
        patterns=tuple(_patterns(chain, messages)),
        ranges=_pairs(chain, "range", (lowest, highest), messages),
        lengths=_pairs(chain, "length", ("0", str(_LONGEST)), messages),
        fraction_digits=digits,
        messages=messages,
    )


_BUILT_IN = frozenset({
    *_BOUNDS, "decimal64", "string", "boolean", "enumeration", "bits", "binary", "leafref", "identityref",
    "instance-identifier", "empty", "union",
})  # fmt: skip


def _limits(base: str, digits: int) -> tuple[str, str]:
    if base == "decimal64":
        whole = str(2**63)
        return f"-{whole[:-digits]}.{whole[-digits:]}", f"{whole[:-digits]}.{str(2**63 - 1)[-digits:]}"
    lowest, highest = _BOUNDS.get(base, (0, 0))
    return str(lowest), str(highest)


def _leafref(name: str, leaf: Statement, identities: Identities, depth: int) -> Type:
    pointer = getattr(leaf, "i_leafref_ptr", None)
    if pointer is None:
        return Type("leafref", name)
    target = pointer[0]
    path: list[str] = []
    at = target
    while at is not None and at.keyword not in ("module", "submodule"):
        if at.keyword not in ("choice", "case"):
            path.append(f"{at.i_module.i_modulename}:{at.arg}")
        at = at.parent
    pointed = _type(target.search_one("type"), target, identities, depth + 1)
    return Type("leafref", name, members=(pointed,), target=tuple(reversed(path)))


def _choices(base: str, chain: list[Statement], identities: Identities) -> tuple[Choice, ...]:
    if base == "boolean":
        return (Choice("true"), Choice("false"))
    if base == "identityref":
        bases = [b for step in chain for b in step.search("base")]
        known = [identities.get(id(getattr(b, "i_identity", None)), []) for b in bases]
        names = set.intersection(*({c.name for c in some} for some in known)) if known else set()
        return tuple(c for c in (known[0] if known else ()) if c.name in names)
    word = {"enumeration": "enum", "bits": "bit"}.get(base)
    if word is None:
        return ()
    found = _first(chain, word)
    # A word that nobody sees can be typed by nobody.
    return tuple(Choice(s.arg, described(s)) for s in found if is_visible(s.arg) and _supported(s))


def _first(chain: list[Statement], keyword: str) -> list[Statement]:
    """Return all ``keyword`` statements of the outermost type that has any."""
    return next((found for step in chain if (found := list(step.search(keyword)))), [])


def _supported(statement: Statement) -> bool:
    return not hasattr(statement, "i_not_implemented")


def described(statement: Statement) -> str:
    """Return the description of a statement, as prose, or ""."""
    found = statement.search_one("description")
    return prose(str(found.arg)) if found is not None else ""


def _patterns(chain: list[Statement], messages: dict[str, str]) -> Iterator[str]:
    for step in chain:
        for found in step.search("pattern"):
            if found.search_one("modifier") is None:  # those that must not match the server looks at
                yield found.arg
                _note_message(found, found.arg, messages)


def _pairs(
    chain: list[Statement], keyword: str, limits: tuple[str, str], messages: dict[str, str]
) -> tuple[tuple[str, str], ...]:
    found = next((s for step in chain if (s := step.search_one(keyword)) is not None), None)
    if found is None:
        return ()
    _note_message(found, keyword, messages)
    named = {"min": limits[0], "max": limits[1]}
    pairs = []
    for part in str(found.arg).split("|"):
        if (match := _RANGE.match(part)) is None:
            return ()
        low = named.get(match[1], match[1])
        high = named.get(match[2], match[2]) if match[2] else low
        pairs.append((low, high))
    return tuple(pairs)


def _note_message(statement: Statement, key: str, messages: dict[str, str]) -> None:
    message = statement.search_one("error-message")
    if message is not None:
        messages[key] = " ".join(prose(str(message.arg)).split())
