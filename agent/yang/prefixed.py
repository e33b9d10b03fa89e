"""Values and XPath expressions whose prefixes are declared where a client wrote them.

libyang's types read such a value when it is a part of a document only. Here their callbacks are called for
one value alone, with the declarations in scope as libyang's own XML parser hands them on. All of it is raw
memory, as in ``native``; what stays in one place between libyang 2.1 and 3.12 is all that is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from agent.yang.gate import GATE
from agent.yang.lookup import find_from_root
from agent.yang.native import (
    NULL,
    TOLD_OCTETS,
    Pointer,
    address,
    c_str,
    cast_extra,
    errors,
    extra,
    extra_ffi,
    ffi,
    forget_errors,
    from_extra,
    lib,
    out_extra,
    sized_array,
    text,
)

extra_ffi.cdef(
    """
    struct declaration { const char *prefix; const char *uri; uint32_t depth; };
    struct module_prefix { const char *prefix; const void *module; };
    struct value_type {
        const char *id;
        int (*store)(const void *ctx, const void *type, const char *value, size_t octets, uint32_t options,
                     int format, void *prefix_data, uint32_t hints, const void *schema, void *storage,
                     void *unres, void **error);
        void *validate; void *compare; void *sort;
        const char *(*print)(const void *ctx, const void *value, int format, void *prefix_data,
                             uint8_t *dynamic, size_t *octets);
        void *duplicate;
        void (*free)(const void *ctx, void *value);
    };
    """
)

_HINTS = 0x01F3
"""LYD_HINT_DATA: whatever the form of the data lets a value be."""
_VALUE_OCTETS = 64
"""At least the size of a ``struct lyd_value``."""
_NAMING = ("identityref", "instance-identifier", "xpath1.0")
# What stands for a prefix; no XML holds these characters.
_MARK = re.compile("\x01([^\x02]*)\x02")

# Begins where a word does: each character of a long word is looked at once.
_PREFIX = re.compile(r"(?<![\w.-])[\w.-]++(?=:)")

Declared = Mapping[str | None, str]
"""Namespaces by prefix; None is the default one."""


def used_in(text: str, declared: Declared) -> Declared:
    """Return the default namespace and what else occurs in ``text``; a client may declare thousands."""
    prefixes = {found[0] for found in _PREFIX.finditer(text) if found[0] in declared}
    return {prefix: declared[prefix] for prefix in (None, *prefixes) if prefix in declared}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a value does not fit its type, in libyang's words."""

    message: str
    app_tag: str | None


class Namespaces:
    """Declarations as a set of libyang's ``struct lyxml_ns``.

    The XPath function name() adds modules to the set that it is given, which libyang then looks at as if they
    were declarations: they never match, for both begin with a pointer, and theirs is no text.
    """

    def __init__(self, declared: Declared) -> None:
        box = out_extra()
        extra.ly_set_new(box)
        self.pointer = extra_ffi.gc(box[0], _free_set)
        self._kept: list[Pointer] = []
        for prefix, uri in declared.items():
            item, of = extra_ffi.new("struct declaration *"), extra_ffi.new("char[]", uri.encode())
            name = extra_ffi.new("char[]", prefix.encode()) if prefix else extra_ffi.NULL
            item.uri, item.prefix = of, name
            self._kept += [item, of, name]
            extra.ly_set_add(self.pointer, item, 1, extra_ffi.NULL)


def _free_set(pointer: Pointer) -> None:
    extra.ly_set_free(pointer, extra_ffi.NULL)


_NO_NAMESPACES = Namespaces({})


def holds_names(leaf: Pointer) -> bool:
    """Return whether a value of this leaf or leaf-list may mean something only with what is declared."""
    return any(_is_naming(kind) for kind in flat_types(type_of(leaf)))


def _is_naming(kind: Pointer) -> bool:
    known = text(from_extra(_plugin(kind).id, "const char *"))
    return any(name in known for name in _NAMING)


def confusable(leaf: Pointer) -> bool:
    """Return whether a value of this leaf or leaf-list may be a text that looks like the canonical form of a
    name: a union of both."""
    kinds = list(flat_types(type_of(leaf)))
    return any(map(_is_naming, kinds)) and any(
        kind.basetype == lib.LY_TYPE_STRING and not _is_naming(kind) for kind in kinds
    )


def is_confused(ctx: Pointer, leaf: Pointer, value: str, declared: Declared) -> bool:
    """Return whether ``value``, written where ``declared`` was in scope, is a text, and is a name when it is
    read again in its canonical form, in which names of modules are prefixes."""
    namespaces = Namespaces(declared)
    with _stored(ctx, leaf, value, format=lib.LY_VALUE_XML, prefix_data=namespaces.pointer) as stored:
        if isinstance(stored, Refusal) or _MARK.search(_printed(ctx, stored)):
            return False
        canonical = text(lib.lyd_value_get_canonical(ctx, stored))
    return len(split_value(ctx, leaf, canonical)) > 1


def type_of(leaf: Pointer) -> Pointer:
    return ffi.cast("struct lysc_node_leaf *", leaf).type  # of a leaf-list it stands at the same place


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


@GATE.through
def _call(function: Pointer, *arguments: Any) -> Any:
    """Call what a plugin has of a type: it is no function of the library, and uses its dictionary all the
    same."""
    return function(*arguments)


def _plugin(kind: Pointer) -> Pointer:
    return extra_ffi.cast("struct value_type *", address(kind.plugin))


def refusal_of(ctx: Pointer, leaf: Pointer, value: str, declared: Declared) -> Refusal | None:
    """Return why ``value`` does not fit its type, None if it does: ``read_value`` without a copy of it."""
    namespaces = Namespaces(declared)
    with _stored(ctx, leaf, value, format=lib.LY_VALUE_XML, prefix_data=namespaces.pointer) as stored:
        return stored if isinstance(stored, Refusal) else None


def read_value(ctx: Pointer, leaf: Pointer, value: str, declared: Declared) -> str | Refusal:
    """Return the canonical form of ``value``, which a client wrote where ``declared`` was in scope.

    What it refers to need not exist.
    """
    namespaces = Namespaces(declared) if declared else _NO_NAMESPACES
    with _stored(ctx, leaf, value, format=lib.LY_VALUE_XML, prefix_data=namespaces.pointer) as stored:
        return stored if isinstance(stored, Refusal) else text(lib.lyd_value_get_canonical(ctx, stored))


def split_value(ctx: Pointer, leaf: Pointer, value: str) -> tuple[str, ...]:
    """Return a canonical ``value`` cut where XML has prefixes: text, module, text, ..., module, text."""
    with _stored(ctx, leaf, value, format=lib.LY_VALUE_JSON, prefix_data=extra_ffi.NULL) as stored:
        if isinstance(stored, Refusal):
            return (value,)
        return tuple(_MARK.split(_printed(ctx, stored)))


@contextmanager
def _stored(
    ctx: Pointer, leaf: Pointer, value: str, *, format: int, prefix_data: Pointer
) -> Iterator[Pointer | Refusal]:
    """Give ``value`` as a ``struct lyd_value *`` of the type of ``leaf``, or say why it is none."""
    kind, octets = type_of(leaf), c_str(value)
    room, error = extra_ffi.new("char[]", _VALUE_OCTETS), out_extra()
    forget_errors(ctx)
    rc = _call(
        _plugin(kind).store,
        cast_extra(ctx),
        cast_extra(kind),
        octets,
        len(octets),
        0,
        format,
        prefix_data,
        _HINTS,
        cast_extra(leaf),
        room,
        extra_ffi.NULL,
        error,
    )
    if rc not in (lib.LY_SUCCESS, lib.LY_EINCOMPLETE):
        yield _refusal(ctx, from_extra(error[0], "struct ly_err_item *"))
        return
    stored = from_extra(room, "struct lyd_value *")
    try:
        yield stored
    finally:
        _call(_plugin(stored.realtype).free, cast_extra(ctx), room)


def _refusal(ctx: Pointer, item: Pointer) -> Refusal:
    """Return what the parser of a value has logged, or else what its type says, and forget both."""
    said = next((found for found in errors(ctx) if found.level == lib.LY_LLERR), item)
    try:
        if said == NULL:
            return Refusal("libyang refused the value without saying why", None)
        return Refusal(text(said.msg, TOLD_OCTETS), text(said.apptag) or None)
    finally:
        extra.ly_err_free(cast_extra(item))
        forget_errors(ctx)


def _printed(ctx: Pointer, stored: Pointer) -> str:
    """Return a value with the marked name of a module in the place of each prefix."""
    names = [
        (extra_ffi.new("char[]", b"\x01%s\x02" % ffi.string(module.name)), module) for module in _modules(ctx)
    ]
    # A sized array of libyang: its length stands before its first item.
    room = extra_ffi.new("struct module_prefix[]", len(names) + 1)
    extra_ffi.cast("uint64_t *", room + 1)[-1] = len(names)
    for item, (name, module) in zip(room[1 : len(names) + 1], names, strict=True):
        item.prefix, item.module = name, cast_extra(module)
    dynamic, octets = extra_ffi.new("uint8_t *"), extra_ffi.new("size_t *")
    printed = _call(
        _plugin(stored.realtype).print,
        cast_extra(ctx),
        cast_extra(stored),
        lib.LY_VALUE_SCHEMA_RESOLVED,
        room + 1,
        dynamic,
        octets,
    )
    if printed == extra_ffi.NULL:
        return text(lib.lyd_value_get_canonical(ctx, stored))
    try:
        found: str = extra_ffi.string(printed).decode()
        return found
    finally:
        if dynamic[0]:
            lib.free(from_extra(printed, "void *"))


def _modules(ctx: Pointer) -> Iterator[Pointer]:
    index = ffi.new("uint32_t *", 0)
    while (module := lib.ly_ctx_get_module_iter(ctx, index)) != NULL:
        if module.implemented:
            yield module


def select_nodes(
    ctx: Pointer, tree: Pointer, expression: str, declared: Declared | None, *, alone: bool = False
) -> list[Pointer] | Refusal:
    """Return the nodes of ``tree`` that an XPath selects from its root.

    Args:
        declared: what its prefixes stand for; None if they are names of modules. A name without a prefix
            matches in every module, whatever the default namespace is.
        alone: as of ``find_from_root``.

    Raises:
        MemoryError: libyang has found none.
    """
    formats = (lib.LY_VALUE_JSON,) if declared is None else (lib.LY_VALUE_XML, lib.LY_VALUE_STR_NS)
    refusal = Refusal("", None)
    for format in formats:
        namespaces = Namespaces(declared or {})
        prefix_data = extra_ffi.NULL if declared is None else namespaces.pointer
        forget_errors(ctx)
        rc, found = find_from_root(
            tree, c_str(expression), format=format, prefix_data=prefix_data, alone=alone
        )
        if rc == lib.LY_SUCCESS:
            try:
                return [found.dnodes[index] for index in range(found.count)]
            finally:
                lib.ly_set_free(found, NULL)
        refusal = _refusal(ctx, NULL)
        if rc == lib.LY_EMEM:
            raise MemoryError
    return refusal
