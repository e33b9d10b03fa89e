"""Prefixes looked up by an address that they contain. Pure.

Prefixes nest: those that contain an address are found by cutting it to every length that is in use. So a
look costs in proportion to the lengths, and not to how many prefixes there are.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from translators.strongswan.translation.prefixes import Pair, Prefix, cut

T = TypeVar("T")
H = TypeVar("H", bound=Hashable)


class Nested(Generic[T]):
    """What is held under pairs of prefixes, both of one family."""

    def __init__(self, held: Iterable[tuple[Pair, T]]) -> None:
        self._held: dict[Pair, list[T]] = {}
        for pair, one in held:
            self._held.setdefault(pair, []).append(one)
        lengths = {(pair[0][0], pair[0][2], pair[1][2]) for pair in self._held}
        self._lengths = {
            version: sorted((one[1:] for one in lengths if one[0] == version), key=_narrowest_last)[::-1]
            for version in (4, 6)
        }

    def around(self, near: Prefix, far: Prefix) -> Iterator[tuple[Pair, Sequence[T]]]:
        """Yield the pairs that contain two addresses, and what is held under each, the narrowest first."""
        if near[0] != far[0]:
            return
        for local, remote in self._lengths[near[0]]:
            pair = cut(near, local), cut(far, remote)
            if pair in self._held:
                yield pair, self._held[pair]

    def has(self, near: Prefix, far: Prefix) -> bool:
        """Return whether a pair contains two addresses."""
        return next(self.around(near, far), None) is not None


def _narrowest_last(lengths: tuple[int, int]) -> tuple[int, int]:
    local, remote = lengths
    return local + remote, remote


class Addresses(Generic[H]):
    """Addresses by name, looked up by the prefixes that contain them."""

    def __init__(self, named: Mapping[H, Prefix]) -> None:
        self._names: dict[Prefix, set[H]] = {}
        for name, address in named.items():
            for length in range(address[2] + 1):
                self._names.setdefault(cut(address, length), set()).add(name)

    def within(self, prefixes: Iterable[Prefix]) -> set[H]:
        """Return the names of those that are in one of ``prefixes``."""
        return {name for one in prefixes for name in self._names.get(one, ())}

    def is_any_within(self, prefixes: Iterable[Prefix]) -> bool:
        """Return whether one of them is in one of ``prefixes``."""
        return any(one in self._names for one in prefixes)
