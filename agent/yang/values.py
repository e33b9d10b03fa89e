"""Values against their types: does this text fit, and what is its canonical form."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agent.errors import InvalidValue, RpcError
from agent.yang.native import NULL, ffi, lib, text
from agent.yang.problems import take_problems
from agent.yang.schema import Schema, SchemaNode

_PREFIXED = re.compile(r"(?<![\w.-])([A-Za-z_][\w.-]*):(?=[A-Za-z_])")


def value_problem(
    schema: Schema, node: SchemaNode, value: str, prefixes: Mapping[str | None, str]
) -> RpcError | None:
    """Return what is wrong with ``value`` (XML form, ``prefixes`` in scope) for a leaf, or None.

    A reference is checked for its form only, not for what it points to.
    """
    if "\0" in value:
        return InvalidValue("a value cannot hold a NUL character")
    plain = _json_form(schema, node, value, prefixes).encode()
    rc = lib.lyd_value_validate(schema.ctx, node.pointer, plain, len(plain), NULL, NULL, NULL)
    if rc in (lib.LY_SUCCESS, lib.LY_EINCOMPLETE):
        return None
    problem = take_problems(schema)[0]
    message = problem.message
    if node.secret and problem.app_tag is None:
        message = f"the value of '{node.name}' does not fit its type"
    return InvalidValue(message, app_tag=problem.app_tag)


def _json_form(schema: Schema, node: SchemaNode, value: str, prefixes: Mapping[str | None, str]) -> str:
    """Replace XML prefixes by module names in a value of a type that carries names."""
    leaf = ffi.cast("struct lysc_node_leaf *", node.pointer)
    if leaf.type.basetype not in (
        lib.LY_TYPE_IDENT,
        lib.LY_TYPE_INST,
        lib.LY_TYPE_UNION,
        lib.LY_TYPE_LEAFREF,
    ):
        return value

    def module(match: re.Match[str]) -> str:
        known = schema.by_namespace.get(prefixes.get(match[1], ""))
        return f"{known.name}:" if known else match[0]

    return _PREFIXED.sub(module, value)


def is_default_value(schema: Schema, node: SchemaNode, value: str) -> bool:
    """True if ``value`` (JSON prefixes) is the default that the schema gives to a leaf."""
    return node.default is not None and canonical(schema, node, value) == canonical(
        schema, node, node.default
    )


def canonical(schema: Schema, node: SchemaNode, value: str) -> str:
    """Return the canonical form of ``value`` (JSON prefixes), or ``value`` itself if it has none."""
    plain = value.encode()
    box = ffi.new("const char **")
    rc = lib.lyd_value_validate(schema.ctx, node.pointer, plain, len(plain), NULL, NULL, box)
    if rc not in (lib.LY_SUCCESS, lib.LY_EINCOMPLETE):
        take_problems(schema)
        return value
    return text(box[0]) or value
