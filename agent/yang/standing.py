"""The order in which entries of a list stand that the system orders.

It is none of the data, and libyang 2.1 keeps it all the same: what is put in stands last, and no function of
it puts an entry of such a list before another. libyang 3 sorts these entries by their keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from agent.yang.many import locate_all
from agent.yang.nodes import Node, first_sibling, instances, parent_of
from agent.yang.tree import Tree
from agent.yang.units import Unit

LOOKED_AT_EACH = 64
"""As many entries are looked at for each that goes: it costs no more than that itself."""


def as_they_stand(units: Sequence[Unit], nodes: Sequence[Node]) -> list[int]:
    """Return the places of entries, each unit with its node in one tree, in the order in which they stand
    there, list by list; as they are given if to look would cost more than what is done with so few."""
    places = list(range(len(units)))
    if len(units) < 2:
        return places
    ranks: dict[Node, int] = {}
    for list_node, first in {unit.schema_node: node for unit, node in zip(units, nodes, strict=True)}.items():
        most = LOOKED_AT_EACH * len(units) - len(ranks)
        beside = list(islice(instances(first_sibling(first), list_node), most + 1))
        if len(beside) > most:
            return places
        ranks.update((node, len(ranks) + n) for n, node in enumerate(beside))
    return sorted(places, key=lambda at: ranks[nodes[at]])


def put_last(units: Sequence[Unit], tree: Tree) -> None:
    """Have the entries among ``units`` that ``tree`` holds stand behind all others of their lists, in this
    order."""
    entries = [unit for unit in units if unit.is_entry]
    for nodes in locate_all(entries, tree):
        for node in nodes:
            parent = parent_of(node)
            tree.insert(parent, tree.detach(node))
