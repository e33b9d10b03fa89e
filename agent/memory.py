"""Giving memory back: what a large message took is the system's again once it has been dealt with."""

from __future__ import annotations

import ctypes
import ctypes.util
from typing import Any

LARGE_OCTETS = 1024 * 1024
LONG_S = 0.1
"""From this size of a message on, or after a request that took so long, it is worth the milliseconds."""


def _allocator() -> Any:
    try:
        return ctypes.CDLL(ctypes.util.find_library("c")).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None  # not glibc: its allocator has its own ways


_malloc_trim = _allocator()


def give_back() -> None:
    """Return freed memory of the C library, where libyang's and libxml2's trees lay, to the system."""
    if _malloc_trim is not None:
        _malloc_trim(0)
