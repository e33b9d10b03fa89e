"""Data as JSON (RFC 7951), by the schema that the server serves. Pure.

What the schema does not know is written as it looks: names without children as strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from lxml import etree

from console.client.session import Element
from console.grammar.patterns import mismatch
from console.grammar.prefixed import PREFIXED, XPATHS
from console.model.schema import Kind, Node, Schema, Type
from console.show.data import LEAFS, elements, node_below

_NUMBERS = frozenset({"int8", "int16", "int32", "uint8", "uint16", "uint32"})
_NUMBERS_IN_STRINGS = frozenset({"int64", "uint64"})
_WHOLE = re.compile(r"[+-]?[0-9]{1,40}")
_MANY = (Kind.LIST, Kind.LEAF_LIST)


def as_json(data: Iterable[Element], schema: Schema, of: Node | None = None) -> dict[str, Any]:
    """Return the JSON object of the elements in ``data``: top-level nodes, or those of the node ``of``."""
    return _Writer(schema).members(data, of, "")


def path_of(element: Element, schema: Schema) -> str:
    """Return an instance-identifier with names of modules as prefixes (RFC 7951 section 6.11)."""
    return _Writer(schema).with_modules(element, (element.text or "").strip(), identity=False)


def output_of(schema: Schema, rpc: str) -> Node | None:
    """Return the node of what the rpc "module:name" returns."""
    node = schema.rpcs.get(rpc)
    return None if node is None else node.children.get("output")


class _Writer:
    """One document; it knows the modules by their namespaces."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._modules = {namespace: name for name, namespace in schema.namespaces.items()}

    def members(self, parent: Iterable[Element], node: Node | None, module: str) -> dict[str, Any]:
        """Return the members of the object of ``node``; ``module``: of the node above its members."""
        found: dict[str, Any] = {}
        for child in elements(parent):
            name = etree.QName(child)
            own = self._modules.get(name.namespace or "", "")
            below = node_below(self._schema, node, own, name.localname)
            member = f"{own}:{name.localname}" if own and own != module else name.localname
            value = self._value(child, below, own or module)
            if below is not None and below.kind in _MANY:
                found.setdefault(member, []).append(value)
            elif below is None and member in found:
                before = found[member]
                found[member] = [*before, value] if isinstance(before, list) else [before, value]
            else:
                found[member] = value
        return found

    def _value(self, element: Element, node: Node | None, module: str) -> Any:
        if node is not None and node.type is not None:
            return self._scalar(element, node.type)
        if len(element) or (node is not None and node.kind not in LEAFS):
            return self.members(element, node, module)
        return element.text or ""

    def _scalar(self, element: Element, kind: Type) -> Any:
        text = element.text or ""
        kind = self._resolved(kind, text)
        if kind.base in _NUMBERS:
            return int(text) if _WHOLE.fullmatch(text.strip()) else text
        if kind.base == "boolean":
            return text.strip() == "true"
        if kind.base == "empty":
            return [None]
        name = kind.name.rpartition(":")[2]
        if kind.base in ("identityref", "instance-identifier") or name == "node-instance-identifier":
            return self.with_modules(element, text.strip(), identity=kind.base == "identityref")
        if name in XPATHS:
            return PREFIXED.sub(lambda found: self._with_module(element, found), text)
        return text

    def _with_module(self, element: Element, found: re.Match[str]) -> str:
        module = self._modules.get(element.nsmap.get(found[1], "")) if found[2] else None
        return found[0] if module is None else f"{module}:"

    def _resolved(self, kind: Type, text: str) -> Type:
        """Return the type that ``text`` is of: where a leafref leads, which member of a union."""
        for _ in range(8):
            if kind.base == "leafref" and kind.members:
                kind = kind.members[0]
            elif kind.base == "union":
                kind = next((one for one in kind.members if self._fits(one, text)), Type("string", ""))
            else:
                break
        return kind

    def _fits(self, kind: Type, text: str) -> bool:
        kind = self._resolved(kind, text)
        if kind.base in _NUMBERS | _NUMBERS_IN_STRINGS:
            return bool(_WHOLE.fullmatch(text)) and _in_ranges(kind, int(text))
        if kind.base == "enumeration":
            return any(one.name == text for one in kind.choices)
        if kind.base == "boolean":
            return text in ("true", "false")
        if kind.base == "empty":
            return not text
        return not any(mismatch(pattern, text) for pattern in kind.patterns)

    def with_modules(self, element: Element, text: str, *, identity: bool) -> str:
        """Return ``text`` with names of modules in the place of prefixes (RFC 7951 section 6.8 and 6.11)."""

        current = ""

        def named(found: re.Match[str]) -> str:
            nonlocal current
            module = self._modules.get(element.nsmap.get(found[2], ""), found[2])
            # A module is written where it changes; the name of a key is of the node that it is a key of.
            changes = module != current
            current = current if found[1] == "[" else module
            return found[1] + (f"{module}:" if changes else "")

        if identity:
            return re.sub(r"^()([A-Za-z_][\w.-]*):", named, text)
        parts = re.split(r"""("[^"]*"|'[^']*')""", text)  # no names in quotes
        parts[::2] = [re.sub(r"([/\[])([A-Za-z_][\w.-]*):", named, part) for part in parts[::2]]
        return "".join(parts)


def _in_ranges(kind: Type, value: int) -> bool:
    try:
        return not kind.ranges or any(int(low) <= value <= int(high) for low, high in kind.ranges)
    except ValueError:  # not resolved
        return True
