"""Long work in pieces, for whoever does it on an event loop: a generator that yields after each. Pure."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

Pieces = Generator[None, None, T]
"""Yields between two pieces and returns the result. What it looks at may be another one after each yield."""


def at_once(pieces: Pieces[T]) -> T:
    """Return the result of all the work, done without a pause."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            result: T = end.value
            return result
