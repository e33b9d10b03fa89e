"""What tells packets of the same addresses apart: their mark, and the XFRM interface that they take. Pure.

A policy without a mark is for packets of every mark: of one with and one without, the kernel takes the older.
One without an interface is for no packet that takes an interface.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass
from typing import Generic, TypeVar

_ALL_BITS = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Plane:
    """What else than its addresses a packet must have: of its mark the bits of ``mask``, and an interface."""

    mark: int = 0
    mask: int = 0
    interface: int = 0

    @classmethod
    def of(cls, child: Mapping[str, object], direction: str) -> Plane:
        """Return that of a child as charon is told it; ``direction`` is in or out."""
        written_mark, interface = child.get(f"mark_{direction}"), child.get(f"if_id_{direction}", "0")
        if written_mark is None and interface == "0":
            return EVERY_PACKET
        if written_mark is None:
            return cls(interface=int(str(interface)))
        mark, _, mask = str(written_mark).partition("/")
        bits = int(mask, 16) if mask else _ALL_BITS
        return cls(int(mark, 16) & bits, bits, int(str(interface)))

    def meets(self, other: Plane) -> bool:
        """Return whether there are packets that are of both."""
        return self.interface == other.interface and not (self.mark ^ other.mark) & self.mask & other.mask


EVERY_PACKET = Plane()

Held = TypeVar("Held", bound=Sized)


class Planes(Generic[Held]):
    """What is held in each plane; the planes that meet one are found by their marks, not one by one."""

    def __init__(self, make: Callable[[], Held]) -> None:
        self._make = make
        self._held: dict[int, dict[int, dict[int, Held]]] = {}  # by interface, mask, mark

    def at(self, plane: Plane) -> Held:
        """Return what is held in ``plane``, made if nothing was."""
        by_mark = self._held.setdefault(plane.interface, {}).setdefault(plane.mask, {})
        if plane.mark not in by_mark:
            by_mark[plane.mark] = self._make()
        return by_mark[plane.mark]

    def tidy(self, plane: Plane) -> None:
        """Forget ``plane`` if nothing is held in it."""
        by_mask = self._held[plane.interface]
        if not len(by_mask[plane.mask][plane.mark]):
            del by_mask[plane.mask][plane.mark]
        if not by_mask[plane.mask]:
            del by_mask[plane.mask]
        if not by_mask:
            del self._held[plane.interface]

    def all(self) -> Iterator[Held]:
        """Yield what is held in each plane."""
        for by_mask in self._held.values():
            for by_mark in by_mask.values():
                yield from by_mark.values()

    def meeting(self, plane: Plane) -> Iterator[tuple[Plane, Held]]:
        """Yield every plane that has packets in common with ``plane``, itself among them."""
        of_interface = self._held.get(plane.interface)
        if of_interface is None:
            return
        for mask, by_mark in of_interface.items():
            # If all its bits count here too, one mark at most fits.
            marks: Iterable[int] = (plane.mark & mask,) if mask & plane.mask == mask else by_mark
            for mark in marks:
                if mark not in by_mark:
                    continue
                other = (
                    plane if (mark, mask) == (plane.mark, plane.mask) else Plane(mark, mask, plane.interface)
                )
                if other is plane or other.meets(plane):
                    yield other, by_mark[mark]
