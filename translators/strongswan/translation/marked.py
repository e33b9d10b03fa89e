"""What tunnels have under a key, told apart by a mark such as the digest of a secret. Pure.

Nearly every key is that of one tunnel: such a one is held as it is, without a dict and a set around it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Generic, Protocol, TypeVar

from agent.tables import fitted


class OfTunnel(Protocol):
    """Something of one tunnel."""

    @property
    def tunnel(self) -> str:
        """The tunnel's id."""


K = TypeVar("K", bound=Hashable)
T = TypeVar("T", bound=OfTunnel)
Standing = dict[tuple[int, Hashable, Hashable], tuple[str, ...]]
"""The first tunnels with a key and a mark that are not among those which go, so that these are not gone
through for each that comes."""


class Marked(Generic[K, T]):
    """What is held under keys; ``mark`` returns the mark of one."""

    def __init__(self, mark: Callable[[T], Hashable]) -> None:
        self._mark = mark
        self._alone: dict[K, T] = {}
        self._several: dict[K, dict[Hashable, dict[str, T]]] = {}

    def __len__(self) -> int:
        return len(self._alone) + len(self._several)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Marked):
            return NotImplemented
        return self._alone == other._alone and self._several == other._several

    __hash__ = None  # type: ignore[assignment]

    def __contains__(self, key: object) -> bool:
        return key in self._alone or key in self._several

    def keys(self) -> set[K]:
        """Return all keys under which something is held."""
        return {*self._alone, *self._several}

    def add(self, key: K, one: T) -> None:
        """Hold ``one`` under ``key``, in the place of what the same tunnel has there."""
        if (several := self._several.get(key)) is None:
            alone = self._alone.setdefault(key, one)
            if alone.tunnel == one.tunnel:
                return
            del self._alone[key]
            several = self._several[key] = {self._mark(alone): {alone.tunnel: alone}}
        several.setdefault(self._mark(one), {})[one.tunnel] = one

    def remove(self, key: K, one: T) -> None:
        """Hold nothing of the tunnel of ``one`` under ``key`` any more."""
        if (several := self._several.get(key)) is None:
            if (alone := self._alone.get(key)) is not None and alone.tunnel == one.tunnel:
                del self._alone[key]
            return
        mark = self._mark(one)
        of_mark = several.get(mark, {})
        of_mark.pop(one.tunnel, None)
        if not of_mark:
            several.pop(mark, None)
        if len(several) == 1 and sum(map(len, several.values())) == 1:
            ((left,),) = [of_mark.values() for of_mark in several.values()]
            del self._several[key]
            self._alone[key] = left

    def tidy(self) -> None:
        """Take no more memory than what is held needs."""
        self._alone, self._several = fitted(self._alone), fitted(self._several)

    def by_mark(self, key: K) -> Iterator[tuple[Hashable, Iterable[str]]]:
        """Yield the tunnels that have something under ``key``, by their marks."""
        if (alone := self._alone.get(key)) is not None:
            yield self._mark(alone), (alone.tunnel,)
        elif (several := self._several.get(key)) is not None:
            yield from several.items()

    def first(
        self, key: K, mark: Hashable, *, without: AbstractSet[str], itself: str, standing: Standing
    ) -> str | None:
        """Return the first tunnel with ``mark`` under ``key`` that is neither ``itself`` nor in ``without``,
        None if there is none."""
        if (alone := self._alone.get(key)) is not None:
            tunnel = alone.tunnel
            is_meant = self._mark(alone) == mark and tunnel != itself and tunnel not in without
            return tunnel if is_meant else None
        if (several := self._several.get(key)) is None or mark not in several:
            return None
        place = (id(self), key, mark)
        if (found := standing.get(place)) is None:
            # Two, as one of them may be the one that asks.
            there = (tunnel for tunnel in several[mark] if tunnel not in without)
            found = standing[place] = tuple(islice(there, 2))
        return next((tunnel for tunnel in found if tunnel != itself), None)
