"""The door to libyang's C API: the binding's compiled part, and the few functions it leaves out.

The binding declares most of what is needed (``lib``). Functions it does not declare are reached through a
second cffi door in ABI mode (``extra``) that only passes opaque pointers, so it does not depend on any struct
layout. Everything here is raw memory: only agent.yang may import this (tests/test_imports.py).

Two libraries are served, libyang 2.1 and 3.12, each with the binding made for it. What the rest of agent.yang
would have to tell apart is told apart here.

The binding's Python classes are not used for data: they leak (ly_in, printed buffers), drop the
app-tag and the path of errors, and crash on opaque nodes.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import cffi
import libyang  # its import order initialises the callbacks that _libyang declares
from _libyang import ffi
from _libyang import lib as _lib

from agent.yang.gate import GATE

__all__ = [
    "NULL",
    "ONE_SENTENCE",
    "TOLD_OCTETS",
    "address",
    "c_str",
    "cast_extra",
    "copy_below",
    "copy_siblings",
    "crashes_on",
    "error_path",
    "error_place",
    "errors",
    "extra",
    "extra_ffi",
    "ffi",
    "forget_errors",
    "holds_expression",
    "lib",
    "may_be_long",
    "must_lead_somewhere",
    "open_library",
    "sized_array",
    "text",
    "value_validate",
    "whens",
]

Pointer = Any
"""A cffi pointer. No finer type exists for compiled cffi modules."""

NULL = ffi.NULL

extra_ffi = cffi.FFI()
extra_ffi.cdef(
    """
    int lyd_unlink_tree(void *node);
    int lyd_insert_sibling(void *sibling, void *node, void **first);
    int lyd_insert_before(void *sibling, void *node);
    int lyd_insert_after(void *sibling, void *node);
    int lyd_new_implicit_tree(void *tree, uint32_t options, void **diff);
    int lyd_compare_single(const void *a, const void *b, uint32_t options);
    int lyd_compare_siblings(const void *a, const void *b, uint32_t options);
    int lys_find_expr_atoms(const void *ctx_node, const void *cur_mod, const void *expr,
                            const void *prefixes, uint32_t options, void **set);
    int lyd_value_validate(const void *ctx, const void *schema, const char *value, size_t value_len,
                           const void *ctx_node, const void **realtype, const char **canonical);
    int lyd_new_opaq(void *parent, const void *ctx, const char *name, const char *value, const char *prefix,
                     const char *module_name, void **node);
    int lyd_eval_xpath3(const void *ctx_node, const void *cur_mod, const char *xpath, int format,
                        void *prefix_data, const void *vars, uint8_t *result);
    int lys_print_node(void *out, const void *node, int format, size_t line_octets, uint32_t options);
    int ly_set_new(void **set);
    int ly_set_add(void *set, const void *object, uint8_t list, void *index);
    void ly_set_free(void *set, void *destructor);
    void ly_err_free(void *item);
    int lyd_find_xpath3(const void *ctx_node, const void *tree, const char *xpath, int format,
                        void *prefix_data, const void *vars, void **set);
    int lyd_find_xpath4(const void *ctx_node, const void *tree, const char *xpath, int format,
                        void *prefix_data, const void *vars, void **set);
    """
)
LYD_COMPARE_FULL_RECURSION = 0x01
LYD_COMPARE_DEFAULTS = 0x02
LY_VALUE_SCHEMA_RESOLVED = 2


def open_library(door: Callable[[str], Any]) -> Any:
    """Return libyang, opened by ``door``.

    Raises:
        ImportError: it is not there.
    """
    for name in ("libyang.so.2", "libyang.so.3"):
        try:
            return door(name)
        except OSError:
            continue
    raise ImportError("no libyang.so.2 or libyang.so.3: run script/setup")


_PLAIN = frozenset(
    {"free", "ly_err_first", "lyd_child", "lyd_first_sibling", "lyd_parent", "lysc_node_child"}
    | {"lysc_node_when"}
)
"""What only follows pointers."""


class _Guarded:
    """A library whose functions are called through the gate, without those that only follow pointers."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._library, name)
        if callable(found) and name not in _PLAIN:
            found = GATE.through(found)
        self.__dict__[name] = found
        return found


lib = _Guarded(_lib)
extra = _Guarded(open_library(extra_ffi.dlopen))
_BOX = extra_ffi.typeof("void **")
NULL_TEXT = extra_ffi.NULL


_ADDRESS = ffi.typeof("uintptr_t")


def address(pointer: Pointer) -> int:
    return int(ffi.cast(_ADDRESS, pointer))


def cast_extra(pointer: Pointer) -> Pointer:
    """Return ``pointer`` for the second door, which takes any where it wants a ``void *``."""
    return pointer


def text_extra(pointer: Pointer) -> Pointer:
    """Return a ``const char *`` of the first door for the second one."""
    return extra_ffi.cast("const char *", address(pointer))


def out_extra() -> Pointer:
    """Return room for one ``void *`` result of an ``extra`` function."""
    return extra_ffi.new(_BOX)


def out_extra_bool() -> Pointer:
    return extra_ffi.new("uint8_t *")


def from_extra(pointer: Pointer, ctype: str = "struct lyd_node *") -> Pointer:
    """Return a ``void *`` of the second door as a pointer of the first."""
    return ffi.cast(ctype, pointer)


def c_str(value: str) -> bytes:
    """Encode ``value`` for C. A NUL would silently cut it, so it is refused.

    Raises:
        ValueError: ``value`` contains a NUL character.
    """
    if "\0" in value:
        raise ValueError("a NUL character cannot be passed to libyang")
    return value.encode()


def text(pointer: Pointer, max_octets: int = -1) -> str:
    """Return the C string at ``pointer``, at most ``max_octets`` of it if given; NULL is the empty string."""
    if pointer == NULL:
        return ""
    raw: bytes = ffi.string(pointer, max_octets)
    return raw.decode("utf-8", "replace")


def sized_array(pointer: Pointer) -> Iterator[Pointer]:
    """Yield the items of a libyang sized array (its length stands before its first item)."""
    if pointer != NULL:
        for index in range(int(ffi.cast("uint64_t *", pointer)[-1])):
            yield pointer[index]


def whens(pointer: Pointer) -> Iterator[Pointer]:
    """Yield each when on a data node and on the choices and cases between it and its parent."""
    while pointer != NULL:
        yield from sized_array(lib.lysc_node_when(pointer))
        pointer = pointer.parent
        if pointer != NULL and pointer.nodetype not in (lib.LYS_CHOICE, lib.LYS_CASE):
            return


def value_validate(
    ctx: Pointer, schema: Pointer, value: bytes, *, context: Pointer = NULL
) -> tuple[int, str]:
    """Check ``value`` (JSON prefixes) against the type of the leaf ``schema``.

    Args:
        context: the node from which references are followed; without it they are not.

    Returns:
        libyang's return code, and the canonical value ("" if there is none).
    """
    box = extra_ffi.new("const char **")
    rc = extra.lyd_value_validate(
        cast_extra(ctx), cast_extra(schema), value, len(value), cast_extra(context), NULL_TEXT, box
    )
    canonical = "" if box[0] == NULL_TEXT else extra_ffi.string(box[0]).decode()
    return int(rc), canonical


def holds_expression(leaf: Pointer) -> bool:
    """Return whether a value of this leaf or leaf-list may be a path or another XPath expression."""
    return _is_expression(ffi.cast("struct lysc_node_leaf *", leaf).type)


def _is_expression(type_: Pointer) -> bool:
    if type_.basetype == lib.LY_TYPE_UNION:
        return any(map(_is_expression, sized_array(ffi.cast("struct lysc_type_union *", type_).types)))
    if type_.basetype == lib.LY_TYPE_LEAFREF:
        return _is_expression(ffi.cast("struct lysc_type_leafref *", type_).realtype)
    # The name of what reads a type is the first that libyang has of it.
    name = extra_ffi.string(extra_ffi.cast("const char **", address(type_.plugin))[0]).decode()
    return any(word in name for word in ("instance-identifier", "xpath1.0"))


def may_be_long(leaf: Pointer) -> bool:
    """Return whether a value of this leaf or leaf-list may have any length: one of binary, or of a string
    without a pattern."""
    return _is_long(ffi.cast("struct lysc_node_leaf *", leaf).type)


def _is_long(type_: Pointer) -> bool:
    if type_.basetype == lib.LY_TYPE_UNION:
        return any(map(_is_long, sized_array(ffi.cast("struct lysc_type_union *", type_).types)))
    if type_.basetype == lib.LY_TYPE_LEAFREF:
        return _is_long(ffi.cast("struct lysc_type_leafref *", type_).realtype)
    if type_.basetype == lib.LY_TYPE_STRING:
        return bool(ffi.cast("struct lysc_type_str *", type_).patterns == NULL)
    return bool(type_.basetype == lib.LY_TYPE_BINARY)


def crashes_on(leaf: Pointer) -> bool:
    """Return whether a value of this leaf or leaf-list could crash libyang.

    libyang 2.1 frees twice what a union holds whose instance-identifier leads to nothing.
    """
    type_ = ffi.cast("struct lysc_node_leaf *", leaf).type  # of a leaf-list it stands at the same place
    return ONE_SENTENCE and type_.basetype == lib.LY_TYPE_UNION and _must_lead_somewhere(type_)


def must_lead_somewhere(leaf: Pointer) -> bool:
    """Return whether a value of this leaf or leaf-list may be an instance-identifier that must exist."""
    return _must_lead_somewhere(ffi.cast("struct lysc_node_leaf *", leaf).type)


def _must_lead_somewhere(type_: Pointer) -> bool:
    if type_.basetype == lib.LY_TYPE_UNION:
        return any(map(_must_lead_somewhere, sized_array(ffi.cast("struct lysc_type_union *", type_).types)))
    if type_.basetype == lib.LY_TYPE_INST:
        return bool(ffi.cast("struct lysc_type_instanceid *", type_).require_instance)
    return False


_PARENT = ffi.typeof(_lib.lyd_dup_siblings).args[1]  # libyang 3 gives it another type


def copy_siblings(parent: Pointer, first: Pointer) -> None:
    """Copy ``first`` and what follows it below ``parent``."""
    options = lib.LYD_DUP_RECURSIVE | lib.LYD_DUP_WITH_FLAGS
    if lib.lyd_dup_siblings(first, ffi.cast(_PARENT, parent), options, NULL) != lib.LY_SUCCESS:
        raise MemoryError


_INTO = ffi.typeof(_lib.lyd_dup_single).args[1]
_BOX_OF_NODE = ffi.typeof("struct lyd_node **")


def copy_below(parent: Pointer, node: Pointer) -> Pointer:
    """Copy ``node`` and all below it to the end of those of its kind below ``parent``, which is not NULL.

    Returns:
        The copy.
    """
    options = lib.LYD_DUP_RECURSIVE | lib.LYD_DUP_WITH_FLAGS
    box = ffi.new(_BOX_OF_NODE)
    if lib.lyd_dup_single(node, ffi.cast(_INTO, parent), options, box) != lib.LY_SUCCESS:
        raise MemoryError
    return box[0]


TOLD_OCTETS = 4096
"""What is read of a message of libyang: it may quote a value, however long that is."""

# What libyang 2 says in addition to the parser's own complaint; libyang 3 says both in one.
_OF_A_PATH = re.compile(r'Invalid instance-identifier ".*" value - (syntax|semantic) error\.$', re.DOTALL)


def errors(ctx: Pointer) -> Iterator[Pointer]:
    """Yield what is in libyang's list, warnings too, one for each fault."""
    item = lib.ly_err_first(ctx)
    while item != NULL:
        following = item.next
        told_again = (
            following != NULL
            and _OF_A_PATH.match(text(following.msg, TOLD_OCTETS)) is not None
            and error_path(following) == error_path(item)
        )
        if not told_again:
            yield item
        item = following


_DATA = 'Data location "'
# What comes behind the path, which may hold quotes.
_BEHIND = re.compile(r'"(?:, line number \d++)?\.?\Z')
_SCHEMA = re.compile(r"Schema location \"(?P<path>.*?)\"")
# libyang 3 keeps apart what libyang 2 has in one sentence.
ONE_SENTENCE = hasattr(ffi.new("struct ly_err_item *"), "path")


_OF_AN_ATTRIBUTE = re.compile(r' XML metadata "[^"]*"\.$|for metadata "[^"]*"\.$')
_STEP = re.compile(r"""/[^/\[\]]++(?:\[(?:[^\]'"]|'[^']*+'|"[^"]*+")*+\])*+""")


def above(path: str) -> str:
    """Return ``path`` without its last step; of one that is not understood, what is before that."""
    last = position = 0
    while (step := _STEP.match(path, position)) is not None:
        last, position = position, step.end()
    return path[:last]


def error_path(item: Pointer) -> str | None:
    """Return the path of an error in libyang's list: to the data, otherwise to the schema node.

    Of an attribute that cannot be read it is that of what its element stands in: libyang 2 knows no more.
    """
    if not ONE_SENTENCE:
        path = text(item.data_path) or text(item.schema_path)
        of_an_attribute = _OF_AN_ATTRIBUTE.search(text(item.msg, TOLD_OCTETS))
        return (above(path) if of_an_attribute else path) or None
    sentence = text(item.path)
    _, of_data, rest = sentence.partition(_DATA)
    if of_data and (behind := _BEHIND.search(rest)):
        return rest[: behind.start()]
    match = _SCHEMA.search(sentence)
    return match["path"] if match else None


def error_place(item: Pointer) -> str:
    """Say where in a YANG module or in data an error is, "" if libyang does not know."""
    if ONE_SENTENCE:
        return text(item.path)
    path, line = error_path(item), int(item.line)
    return ", ".join([f'location "{path}"'] * bool(path) + [f"line number {line}"] * bool(line))


def forget_errors(ctx: Pointer) -> None:
    lib.ly_err_clean(ctx, NULL)


# Errors are kept in the context's list with their paths, and never printed or logged: their text
# may quote a value, and a value may be a secret.
libyang.configure_logging(True, logging.CRITICAL + 1)
lib.ly_log_options(lib.LY_LOSTORE)
