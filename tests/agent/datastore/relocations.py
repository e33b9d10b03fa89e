"""Moves between made-up modules, for the tests of what becomes of paths, units and rules."""

from __future__ import annotations

from agent.datastore.moves import Relocation
from agent.translator import Move

NAMESPACES = {
    "house": ("h", "urn:house"),
    "garden": ("g", "urn:garden"),
    "cellar": ("c", "urn:cellar"),
    "other": ("o", "urn:other"),
    "ietf-netconf-acm": ("nacm", "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"),
}


def relocation(*moves: tuple[str, str]) -> Relocation:
    return Relocation([Move("2027-01-01", old, new) for old, new in moves], NAMESPACES)


SPLIT = relocation(
    ("/house:plants", "/garden:plants"),
    ("/house:plant-state", "/garden:plant-state"),
    ("/house:wine", "/cellar:wine"),
    ("/house:water", "/garden:water"),
    ("/house:ripe", "/garden:ripe"),
)
"""As a module is split: top-level nodes go to other modules."""

INSIDE = relocation(
    ("/house:rooms/room/colour", "/house:rooms/room/paint"),
    ("/house:rooms/room/heat", "/house:rooms/room/climate/warmth"),
    ("/house:rooms/room/light/lamp", "/house:rooms/room/lamp"),
    ("/house:rooms/room/light/window", "/house:rooms/room/view/window"),
    ("/house:rooms/room/id", "/house:rooms/room/name"),
)
"""As a list entry is put in order: renamed, into a container, out of one, from one into another."""
