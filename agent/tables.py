"""Dicts and sets that have lost most of what they held. Pure.

Python gives nothing of such a table back: one that held ten thousand keys keeps some 300 KB when it is empty.
"""

from __future__ import annotations

import sys
from typing import Any, TypeVar

OCTETS_MAX = 256
"""For each key. One that grows has at most some 150: it gets room for three or four times as many keys."""
SMALL_OCTETS = 16384
"""Of a smaller one nothing is worth the copy."""

T = TypeVar("T", dict[Any, Any], set[Any])


def fitted(table: T) -> T:
    """Return ``table``, or a copy that is as large as need be if most of what it held has gone.

    Asked after each key that goes, it costs the same for each: a copy is not copied before half has gone.
    """
    octets = sys.getsizeof(table)
    return table if octets <= max(SMALL_OCTETS, OCTETS_MAX * len(table)) else type(table)(table)
