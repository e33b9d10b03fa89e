"""Giving memory back: what a large message took is the system's again once it has been dealt with.

And looking for it: Python's collector of cycles holds all threads while it looks.
"""

from __future__ import annotations

import ctypes
import dataclasses
import gc
import sys
from collections.abc import Iterator
from typing import Any

LARGE_OCTETS = 1024 * 1024
LONG_S = 0.1
"""From this size of a message on, or after a request that took so long, it is worth the milliseconds."""

COLLECTED_AFTER = (5_000, 4, 320)
"""Objects made, and collections of the generation before, after which each of the three is looked through.
With Python's own (700, 10, 10) that takes a third of the time in which a large change is worked on. Others
wait while the second is looked through: of 25,000 objects that takes 5 ms. All of what 10,000 tunnels are
take 100 ms; that happens seldom, and only when a quarter of it is new."""

LOOKED_THROUGH = 25_000
"""Objects that are looked through in one step at any time: 5 ms."""

LEVELS = 6
"""How far down a structure is taken apart to be freed: to the parts of what there are many of,"""
FREED_AT_ONCE = 200
"""and so many of these go in one step, a few tenths of a millisecond."""
_STRUCTURES = (list, tuple, dict)


def collect_seldom() -> None:
    """Have the collector look so often only: what is done with is freed without it, but for cycles."""
    gc.set_threshold(*COLLECTED_AFTER)


def keep_what_is_there() -> None:
    """Have the collector look at nothing again that is there now: it stays as long as the program.

    So do cycles that nobody uses any more. A start leaves some fifty objects of such, and to look for them
    takes a quarter of a second where there are 10,000 tunnels.
    """
    gc.freeze()


def forget_spare() -> None:
    """Have Python give up what it keeps to use again. Where a large commit made it, each may be all that
    keeps a MiB of memory from the system.

    These are names of attributes that C code has asked for, which the cache of types holds, up to 4,096 of
    them, and some thousand tuples and lists. Those only a look at everything gives up: where much is there it
    would take too long, and less would be gained.
    """
    sys._clear_type_cache()
    if sum(len(gc.get_objects(generation)) for generation in range(3)) <= LOOKED_THROUGH:
        gc.collect()


def let_go(held: list[object]) -> None:
    """Free ``held`` as ``in_pieces`` does; to be called on a thread that is not waited for."""
    for _ in in_pieces(held):
        pass


def in_pieces(held: list[object]) -> Iterator[None]:
    """Free ``held``, which is empty then: lists, dicts and dataclasses of such, as far as nobody else holds
    what is in them.

    Python frees what a structure holds in one step, for which all threads wait; this takes many.
    """
    parts = held.copy()
    held.clear()
    for _ in range(LEVELS):
        parts = _opened(parts)
    while parts:
        del parts[-FREED_AT_ONCE:]
        yield


def _opened(parts: list[object]) -> list[object]:
    """Return what ``parts`` hold, and those of them that are to be freed as they are: of many the small."""
    found: list[object] = []
    few = len(parts) < FREED_AT_ONCE
    opened: dict[type, bool] = {}
    for part in parts:
        kind = type(part)
        opens = opened.get(kind)
        if opens is None:
            opens = opened[kind] = issubclass(kind, _STRUCTURES) or dataclasses.is_dataclass(kind)
        if opens and (few or not isinstance(part, _STRUCTURES) or len(part) > FREED_AT_ONCE):
            found += gc.get_referents(part)
        else:
            found.append(part)
    return found


def _of_allocator(name: str) -> Any:
    try:
        return getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return None  # not glibc: its allocator has its own ways


def _quick_of_allocator() -> tuple[Any, Any]:
    """Return malloc and free, which keep the GIL."""
    library = ctypes.PyDLL(None)
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    library.free.restype, library.free.argtypes = None, [ctypes.c_void_p]
    return library.malloc, library.free


_FREE_OCTETS = 192 * 1024 * 1024
"""What may be free in the heap of a thread: twice what 10,000 tunnels are."""
_BLOCK_OCTETS = 120_000
"""What is larger than 128 KiB may lie in no heap."""
_malloc_trim = _of_allocator("malloc_trim")
_malloc, _free = _quick_of_allocator()
_mallopt = _of_allocator("mallopt")
_M_MXFAST, _M_ARENA_MAX = 1, -8  # malloc.h


def share_one_heap() -> None:
    """Have all threads use one heap; to be called before there are any.

    glibc makes one for each, and of those only the first gives back what is free at its end: where a large
    message was read by another thread, what it took would stay.
    """
    if _mallopt is not None:
        _mallopt(_M_ARENA_MAX, 1)


def join_what_is_free() -> None:
    """Have the C library join free memory at once where it lies side by side.

    Small pieces it leaves apart otherwise, until somebody asks for a large one: after a tree of 10,000
    tunnels was freed, the next packet that came took 80 ms, with the GIL. To join each as it is freed takes a
    tenth of that.
    """
    if _mallopt is not None:
        _mallopt(_M_MXFAST, 0)


def give_back() -> None:
    """Return freed memory of the C library, where libyang's and libxml2's trees lay, to the system."""
    if _malloc_trim is not None:
        _malloc_trim(0)


def give_back_with_end() -> None:
    """As ``give_back``, with what is free at the end of the heap that the calling thread has of its own.

    glibc returns that of the program's first heap alone. So it must not be the end: something lies behind it
    meanwhile.
    """
    if _malloc_trim is not None:
        blocks = [_malloc(_BLOCK_OCTETS) for _ in range(_FREE_OCTETS // _BLOCK_OCTETS + 1)]
        for block in blocks[:-1]:
            _free(block)
        give_back()
        _free(blocks[-1])
