"""Values with names of modules in them: identities and paths, as they are typed and as XML carries them.

Typed, and in RFC 7951, a name stands with its module; in XML with a prefix that the element declares.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from console.grammar.typed import Refused, read
from console.model.schema import Node, Schema, Type

XPATHS = frozenset({"xpath1.0", "schema-instance-identifier"})
_PATHS = XPATHS | {"node-instance-identifier", "instance-identifier"}
# Names outside of quotes, whole ones; with a colon in front of another name. An axis has two colons.
PREFIXED = re.compile(r"""'[^']*'|"[^"]*"|([A-Za-z_][\w.-]*)(:(?!:)(?=[A-Za-z_*]))?""")


@dataclass(frozen=True, slots=True)
class Sent:
    """The text of an element, and the prefixes in it."""

    text: str
    namespaces: Mapping[str, str] = field(default_factory=dict)


class Prefixed:
    """The modules of a schema by what stands in front of names."""

    def __init__(self, schema: Schema) -> None:
        self._modules = schema.namespaces
        self._names = {namespace: module for module, namespace in schema.namespaces.items()}
        prefixes = {prefix: schema.namespaces.get(module, "") for module, prefix in schema.prefixes.items()}
        # A module's name goes before the prefix of another one.
        self._known = {**prefixes, **schema.namespaces}

    def sent(self, node: Node, value: str) -> Sent:
        """Return ``value`` as XML carries it."""
        kind = _kind(_member(node.type, value))
        if kind == "identity" and ":" in value:
            module = value.partition(":")[0]
            if namespace := self._known.get(module):
                return Sent(value, {module: namespace})
        if kind == "path":
            return Sent(value, self._prefixes(value))
        return Sent(value)

    def _prefixes(self, path: str) -> dict[str, str]:
        found = {match[1] for match in PREFIXED.finditer(path) if match[2]}
        return {prefix: self._known[prefix] for prefix in sorted(found) if self._known.get(prefix)}

    def typed(self, node: Node, value: str, prefixes: Mapping[str | None, str]) -> str:
        """Return as it is typed what XML carries; ``prefixes``: of its element."""
        some = _members(node.type)
        for member in some:
            found = self._typed(member, node, value, prefixes)
            if len(some) == 1 or _is_of(member, found):
                return found
        return value

    def _typed(self, type_: Type, node: Node, value: str, prefixes: Mapping[str | None, str]) -> str:
        kind = _kind(type_)
        if kind == "identity":
            prefix, colon, name = value.rpartition(":")
            module = self._names.get(prefixes.get(prefix if colon else None, node.namespace))
            return f"{module}:{name}" if module else value
        if kind == "path":
            return PREFIXED.sub(lambda match: self._named(match, prefixes), value)
        return value

    def _named(self, match: re.Match[str], prefixes: Mapping[str | None, str]) -> str:
        if not match[2]:
            return match[0]
        module = self._names.get(prefixes.get(match[1], ""))
        return f"{module}:" if module else match[0]


def _kind(type_: Type | None) -> str:
    """Return "identity", "path", or "" for a type whose values have no names of modules in them."""
    if type_ is None:
        return ""
    if type_.name.rpartition(":")[2] in _PATHS or type_.base == "instance-identifier":
        return "path"
    return "identity" if type_.base == "identityref" else ""


def _members(type_: Type | None) -> list[Type]:
    """Return the types of a union in their order, those of unions in it, too; else the type itself."""
    if type_ is None:
        return []
    if not type_.members:
        return [type_]
    return [inner for member in type_.members for inner in _members(member)]


def _member(type_: Type | None, value: str) -> Type | None:
    """Return the first type of a union that ``value`` is one of (RFC 7950 section 9.12)."""
    some = _members(type_)
    if len(some) == 1:
        return some[0]
    return next((member for member in some if _is_of(member, value)), None)


def _is_of(type_: Type, value: str) -> bool:
    try:
        return read(type_, value, abbreviated=False) == value
    except Refused:
        return False
