"""Values as clients write them: whether they fit their type, their canonical form, and the way back.

Everything that comes from a client with prefixes in it becomes its canonical form here (module names in the
place of prefixes, as in RFC 7951), with the declarations that were in scope where it stood.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.errors import InvalidValue, RpcError
from agent.yang.expected import SHOWN_MAX
from agent.yang.expressions import value_fault
from agent.yang.prefixed import Declared, Refusal, is_confused, read_value, refusal_of, split_value, used_in
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode
from agent.yang.wording import of_value

Prefixes = Callable[[], Declared]
"""Gives the declarations in scope; asked only for the types that need them, for it may cost."""


def value_problem(schema: Schema, node: SchemaNode, value: str, prefixes: Prefixes) -> RpcError | None:
    """Return what is wrong with ``value`` for a leaf, or None.

    A reference is checked for its form only, not for what it points to.
    """
    if "\0" in value:
        return InvalidValue("a value cannot hold a NUL character")
    found = _refusal(schema, node, value, prefixes)
    if found is None:
        return None
    message = found.message
    if node.secret and (value[:SHOWN_MAX] in message or found.app_tag is None):
        message = f"the value of '{node.name}' does not fit its type"
    elif found.app_tag is None:
        message = f"{node.name}: {of_value(node, value, message)}"
    return InvalidValue(message, app_tag=found.app_tag)


def _refusal(schema: Schema, node: SchemaNode, value: str, prefixes: Prefixes) -> Refusal | None:
    if node.holds_nothing and not value:  # as most parameters
        return None
    if fault := value_fault(node, value):
        return Refusal(fault, None)
    return refusal_of(schema.ctx, node.pointer, value, _declared(node, value, prefixes))


def _declared(node: SchemaNode, value: str, prefixes: Prefixes) -> Declared:
    return used_in(value, prefixes()) if node.holds_names else {}


def confusion(schema: Schema, node: SchemaNode, value: str, prefixes: Prefixes) -> InvalidValue | None:
    """Return what is wrong with a text that could not be told from a name once it is stored, or None."""
    if not node.confusable or value_fault(node, value):
        return None
    if not is_confused(schema.ctx, node.pointer, value, _declared(node, value, prefixes)):
        return None
    shown = "this" if node.secret else f"'{value}'"
    return InvalidValue(
        f"{node.name}: {shown} as a text could not be told from what has this name in a module of this "
        "server; if that is meant, declare its prefix"
    )


def is_default_value(schema: Schema, node: SchemaNode, value: str, prefixes: Prefixes) -> bool:
    """True if ``value`` is the default that the schema gives to a leaf."""
    return node.default is not None and canonical(schema, node, value, prefixes) == node.default


def canonical(schema: Schema, node: SchemaNode, value: str, prefixes: Prefixes) -> str:
    """Return the canonical form of ``value``.

    One that does not fit its type is returned as it is, but "" in the place of one that should hold names:
    it might look like the canonical form of another.
    """
    if not value_fault(node, value):
        found = read_value(schema.ctx, node.pointer, value, _declared(node, value, prefixes))
        if isinstance(found, str):
            return found
    return "" if node.holds_names else value


def split_at_names(schema: Schema, node: SchemaNode, value: str) -> tuple[str, ...]:
    """Return a canonical ``value`` as XML would have it, cut around prefixes: text, module, ..., text."""
    return split_value(schema.ctx, node.pointer, value) if node.holds_names else (value,)
