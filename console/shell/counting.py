"""How much goes away with what is removed."""

from __future__ import annotations

from lxml import etree

from console.client.documents import NETCONF
from console.client.session import Client, Element
from console.grammar.values import Path
from console.model.schema import Kind, Node

_WITH_LISTS = (Kind.CONTAINER, Kind.LIST)


def entries_below(client: Client, path: Path) -> int:
    """Return how many entries the candidate has in the outermost lists at or below ``path``.

    Their keys alone are read.
    """
    wanted = etree.Element(f"{{{NETCONF}}}filter", {"type": "subtree"})
    at = wanted
    for step in path[:-1]:
        at = etree.SubElement(at, _name(step.node))
        for name, key in zip(step.node.keys, step.keys, strict=False):
            etree.SubElement(at, _name(step.node.children[name])).text = key
    found: list[str] = []
    if not _select(at, path[-1].node, found):
        return 0
    data = client.get_config("candidate", wanted)
    return sum(1 for _ in data.iter(*found))


def _select(parent: Element, node: Node, lists: list[str]) -> bool:
    """Select the keys of lists at or below ``node``; False if there are none."""
    element = etree.SubElement(parent, _name(node))
    if node.kind is Kind.LIST:
        lists.append(_name(node))
        for key in node.keys:
            etree.SubElement(element, _name(node.children[key]))
        return True
    below = [one for one in node.children.values() if one.config and one.kind in _WITH_LISTS]
    if any([_select(element, one, lists) for one in below]):
        return True
    parent.remove(element)  # empty it would select all
    return False


def _name(node: Node) -> str:
    return f"{{{node.namespace}}}{node.name}"
