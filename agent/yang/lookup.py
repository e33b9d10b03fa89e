"""A node is looked up in a tree: by one thread at a time, whatever tree it is in.

To find a node, libyang gives the hash table that it is in another comparison for a moment: two threads must
not do so in one tree. The calls here keep the GIL, with a pause between two of them if it is time for that;
what runs in C beside them reads no hash table, for prints and copies do not. Comparisons do with libyang 3,
which looks for each entry in the other tree.
"""

from __future__ import annotations

import ctypes

from agent.yang.gate import PAUSES
from agent.yang.native import (
    NULL,
    ONE_SENTENCE,
    Pointer,
    address,
    cast_extra,
    extra,
    extra_ffi,
    ffi,
    from_extra,
    open_library,
    out_extra,
)

_alone = open_library(ctypes.PyDLL)
_POINTER = ctypes.c_void_p
_alone.lyd_find_sibling_first.argtypes = (_POINTER, _POINTER, _POINTER)
_alone.lyd_find_sibling_val.argtypes = (_POINTER, _POINTER, ctypes.c_char_p, ctypes.c_size_t, _POINTER)
_alone.lyd_compare_single.argtypes = (_POINTER, _POINTER, ctypes.c_uint32)
_alone.lyd_compare_siblings.argtypes = _alone.lyd_compare_single.argtypes
_alone.lyd_find_path.argtypes = (_POINTER, ctypes.c_char_p, ctypes.c_uint8, _POINTER)


def find_same(first: Pointer, target: Pointer) -> Pointer:
    """Return the sibling of ``first`` that is the same instance as ``target``, or NULL."""
    PAUSES.take()
    box = _POINTER()
    rc = _alone.lyd_find_sibling_first(address(first), address(target), ctypes.byref(box))
    return NULL if rc else _node(box)


def find_instance(first: Pointer, schema: Pointer, value: bytes | None = None) -> Pointer:
    """Return the sibling of ``first`` that is an instance of ``schema``, or NULL.

    ``value``: the predicates of a list entry, or the value of one of a leaf-list.
    """
    PAUSES.take()
    box = _POINTER()
    length = 0 if value is None else len(value)
    rc = _alone.lyd_find_sibling_val(address(first), address(schema), value, length, ctypes.byref(box))
    return NULL if rc else _node(box)


def find_path(tree: Pointer, path: bytes) -> Pointer:
    """Return the node at an RFC 7951 instance-identifier, or NULL."""
    PAUSES.take()
    box = _POINTER()
    rc = _alone.lyd_find_path(address(tree), path, 0, ctypes.byref(box))
    return NULL if rc else _node(box)


def _node(box: ctypes.c_void_p) -> Pointer:
    return ffi.cast("struct lyd_node *", box.value or 0)


def compare(one: Pointer, other: Pointer, options: int) -> int:
    """Return libyang's return code of a comparison of two nodes with all below them."""
    PAUSES.take()
    return int(_alone.lyd_compare_single(address(one), address(other), options))


def are_same_to_the_end(one: Pointer, other: Pointer, options: int) -> bool:
    """Return whether a comparison finds nothing of two nodes, nor of the siblings that follow them, one by
    one; False with libyang 3, which looks for entries among those before, too."""
    PAUSES.take()
    return ONE_SENTENCE and not _alone.lyd_compare_siblings(address(one), address(other), options)


def find_from_root(
    tree: Pointer, expression: bytes, *, format: int, prefix_data: Pointer, alone: bool = False
) -> tuple[int, Pointer]:
    """Evaluate an XPath whose context node is the root of ``tree``.

    Args:
        alone: other threads look something up in the tree; they wait meanwhile.

    Returns:
        libyang's return code, and a ``struct ly_set *`` that the caller frees.
    """
    if alone:
        return _find_from_root_alone(tree, expression, format, prefix_data)
    find = extra.lyd_find_xpath4 if ONE_SENTENCE else extra.lyd_find_xpath3  # libyang 3 renamed it
    box = out_extra()
    rc = find(cast_extra(NULL), cast_extra(tree), expression, format, prefix_data, cast_extra(NULL), box)
    return int(rc), from_extra(box[0], "struct ly_set *")


def _find_from_root_alone(
    tree: Pointer, expression: bytes, format: int, prefix_data: Pointer
) -> tuple[int, Pointer]:
    find = _alone.lyd_find_xpath4 if ONE_SENTENCE else _alone.lyd_find_xpath3
    find.argtypes = (_POINTER, _POINTER, ctypes.c_char_p, ctypes.c_int, _POINTER, _POINTER, _POINTER)
    box, prefixes = _POINTER(), int(extra_ffi.cast("uintptr_t", prefix_data))
    rc = find(None, address(tree), expression, format, prefixes, None, ctypes.byref(box))
    return int(rc), ffi.cast("struct ly_set *", box.value or 0)
