"""Values against their types: does this text fit, and what is its canonical form."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from agent.errors import InvalidValue, RpcError
from agent.yang.expected import expected
from agent.yang.expressions import value_fault
from agent.yang.native import NULL, Pointer, ffi, forget_errors, lib, sized_array, text, value_validate
from agent.yang.problems import take_problems
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode

_PREFIXED = re.compile(r"(?<![\w.-])([A-Za-z_][\w.-]*):(?=[A-Za-z_])")


SHOWN_MAX = 64
_VAGUE = ("Invalid ", "Unsatisfied range", "Value ")
_NAMING = frozenset({lib.LY_TYPE_IDENT, lib.LY_TYPE_INST})

Prefixes = Callable[[], Mapping[str | None, str]]
"""Gives the XML prefixes in scope; asked only for the types that need them, for it may cost."""


def value_problem(schema: Schema, node: SchemaNode, value: str, prefixes: Prefixes) -> RpcError | None:
    """Return what is wrong with ``value`` (XML form) for a leaf, or None.

    A reference is checked for its form only, not for what it points to; an instance-identifier not at all,
    because only the XML parser knows its prefixes.
    """
    if "\0" in value:
        return InvalidValue("a value cannot hold a NUL character")
    if fault := value_fault(node, value):
        return InvalidValue(f"{node.name}: {fault}")
    if lib.LY_TYPE_INST in _base_types(node):
        return None
    plain = _json_form(schema, node, value, prefixes).encode()
    forget_errors(schema.ctx)
    rc, _ = value_validate(schema.ctx, node.pointer, plain)
    if rc in (lib.LY_SUCCESS, lib.LY_EINCOMPLETE):
        return None
    problem = take_problems(schema)[0]
    message = problem.message
    if node.secret and (value in message or problem.app_tag is None):
        message = f"the value of '{node.name}' does not fit its type"
    elif problem.app_tag is None:
        message = f"{node.name}: {_better(message, node, value)}"
    return InvalidValue(message, app_tag=problem.app_tag)


def _better(message: str, node: SchemaNode, value: str) -> str:
    """Say what the leaf takes, which libyang's own words leave out."""
    if not message.startswith(_VAGUE):
        return message
    shown = value if len(value) <= SHOWN_MAX else f"{value[:SHOWN_MAX]}..."
    if words := expected(node):
        return f"'{shown}' is not {words}"
    if message.startswith("Invalid union"):
        meaning = " ".join(text(node.pointer.dsc).split())
        return f"'{shown}' has none of the forms that this takes: {meaning}"
    return message


def _json_form(schema: Schema, node: SchemaNode, value: str, prefixes: Prefixes) -> str:
    """Replace XML prefixes by module names in a value of a type that carries names."""
    if ":" not in value or not _base_types(node) & _NAMING:
        return value
    known = prefixes()

    def module(match: re.Match[str]) -> str:
        found = schema.by_namespace.get(known.get(match[1], ""))
        return f"{found.name}:" if found else match[0]

    return _PREFIXED.sub(module, value)


def _base_types(node: SchemaNode) -> set[int]:
    leaf = ffi.cast("struct lysc_node_leaf *", node.pointer)
    return {kind.basetype for kind in flat_types(leaf.type)}


def flat_types(kind: Pointer) -> Iterator[Pointer]:
    """Yield a compiled type, the members of a union, and what a leafref refers to."""
    yield kind
    if kind.basetype == lib.LY_TYPE_UNION:
        for member in sized_array(ffi.cast("struct lysc_type_union *", kind).types):
            yield from flat_types(member)
    elif kind.basetype == lib.LY_TYPE_LEAFREF:
        target = ffi.cast("struct lysc_type_leafref *", kind).realtype
        if target != NULL:
            yield from flat_types(target)


def is_default_value(schema: Schema, node: SchemaNode, value: str) -> bool:
    """True if ``value`` (JSON prefixes) is the default that the schema gives to a leaf."""
    return node.default is not None and canonical(schema, node, value) == canonical(
        schema, node, node.default
    )


def canonical(schema: Schema, node: SchemaNode, value: str, prefixes: Prefixes = dict) -> str:
    """Return the canonical form of ``value`` (XML or JSON prefixes), or ``value`` itself if it has none."""
    if value_fault(node, value):
        return value
    plain = _json_form(schema, node, value, prefixes).encode()
    rc, found = value_validate(schema.ctx, node.pointer, plain)
    if rc not in (lib.LY_SUCCESS, lib.LY_EINCOMPLETE):
        take_problems(schema)
        return value
    return found or value
