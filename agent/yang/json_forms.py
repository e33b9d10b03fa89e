"""How RFC 7951 writes the values of a leaf: as a string, a number, a boolean, or ``[null]``."""

from __future__ import annotations

from enum import Enum

from agent.yang.native import lib
from agent.yang.prefixed import flat_types, type_of
from agent.yang.schema_node import SchemaNode


class JsonForm(Enum):
    """A form of a value (RFC 7951 section 6); 64-bit numbers and decimals are strings."""

    STRING = "a string"
    NUMBER = "a number without quotes"
    BOOLEAN = "true or false without quotes"
    EMPTY = "[null]"


def json_forms(node: SchemaNode) -> frozenset[JsonForm]:
    """Return the forms of the values of a leaf or leaf-list: one, but for a union."""
    kinds = (kind.basetype for kind in flat_types(type_of(node.pointer)))
    return frozenset(_FORMS.get(kind, JsonForm.STRING) for kind in kinds if kind not in _OF_OTHERS)


def is_anyxml(node: SchemaNode) -> bool:
    """Return whether ``node`` may hold a value in the place of an object (RFC 7951 section 5.6)."""
    return bool(node.pointer.nodetype == lib.LYS_ANYXML)


_OF_OTHERS = (lib.LY_TYPE_UNION, lib.LY_TYPE_LEAFREF)
_FORMS = {
    **dict.fromkeys(
        (
            lib.LY_TYPE_INT8,
            lib.LY_TYPE_INT16,
            lib.LY_TYPE_INT32,
            lib.LY_TYPE_UINT8,
            lib.LY_TYPE_UINT16,
            lib.LY_TYPE_UINT32,
        ),
        JsonForm.NUMBER,
    ),
    lib.LY_TYPE_BOOL: JsonForm.BOOLEAN,
    lib.LY_TYPE_EMPTY: JsonForm.EMPTY,
}
