"""How much goes away with what is removed."""

from __future__ import annotations

from lxml import etree

from console.client.session import Client, Element
from console.grammar.parts import select
from console.grammar.values import Path
from console.model.schema import Kind, Node
from console.show.data import subtree

_WITH_LISTS = (Kind.CONTAINER, Kind.LIST)


def entries_below(client: Client, path: Path) -> int:
    """Return how many entries the candidate has in the outermost lists at or below ``path``.

    Their keys alone are read.
    """
    wanted = subtree()
    found: list[str] = []
    if not _select(select(wanted, path[:-1]), path[-1].node, found):
        return 0
    data = client.get_config("candidate", wanted)
    return sum(1 for _ in data.iter(*found))


def _select(parent: Element, node: Node, lists: list[str]) -> bool:
    """Select the keys of lists at or below ``node``; False if there are none."""
    element = etree.SubElement(parent, node.tag)
    if node.kind is Kind.LIST:
        lists.append(node.tag)
        for key in node.keys:
            etree.SubElement(element, node.children[key].tag)
        return True
    below = [one for one in node.children.values() if one.config and one.kind in _WITH_LISTS]
    if any([_select(element, one, lists) for one in below]):
        return True
    parent.remove(element)  # empty it would select all
    return False
