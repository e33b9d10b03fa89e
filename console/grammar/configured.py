"""A configuration as a tree of what has to be typed for it: no state, nothing unknown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from console.grammar.prefixed import Prefixed
from console.grammar.values import Step
from console.model.schema import Kind, Node

Element = etree._Element

WITHHELD = "{urn:yangswan:command-line}withheld"
"""An attribute of a leaf that is there, and whose value is not to be shown."""


@dataclass(slots=True)
class Data:
    """A node with a value or with others below it, which are made when somebody looks at them.

    ``explicit``: a leaf with the value of its default is there because somebody set it (RFC 6243 section
    2.3); else it may be there so or so, and nothing has to be typed for it. ``unknown``: names of elements
    below it that no module has; ``withheld``: of leafs with secret values.
    """

    step: Step
    element: Element | None
    prefixed: Prefixed
    explicit: bool = False
    unknown: list[str] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    _below: list[Data] | None = None

    @property
    def node(self) -> Node:
        return self.step.node

    @property
    def value(self) -> str:
        """The value of a leaf, as it is typed."""
        if self.element is None:
            return ""
        return self.prefixed.typed(self.node, self.element.text or "", dict(self.element.nsmap))

    @property
    def below(self) -> list[Data]:
        if self._below is None:
            self._below = list(self._children(self.node.children))
        return self._below

    def forget(self) -> None:
        """Let go of what was made of it, once it is written: there may be ten thousand like it."""
        self._below = None

    def fill(self, children: Mapping[str, Node]) -> Data:
        """Return this one with all below it that is in ``children``; for the root, which is no node."""
        self._below = list(self._children(children))
        return self

    def _children(self, children: Mapping[str, Node]) -> Iterator[Data]:
        if self.element is None:
            return
        nodes = {child.tag: child for child in children.values()}
        lists: dict[str, list[str]] = {}
        for element in self.element.iterchildren(tag=etree.Element):
            node = nodes.get(element.tag)
            if node is None:
                self.unknown.append(etree.QName(element).localname)
            elif node.kind is Kind.LEAF_LIST:
                lists.setdefault(node.name, []).append(element.text or "")
        keys = self.node.keys if self.node.kind is Kind.LIST else ()
        for element in self.element.iterchildren(tag=etree.Element):
            node = nodes.get(element.tag)
            if node is None or not node.config or node.name in keys:
                continue
            if not self.explicit and _is_default(node, element, lists):
                continue
            if element.get(WITHHELD):
                self.withheld.append(node.name)
                continue
            step = Step(node, self._keys_of(element, node))
            yield Data(step, element, self.prefixed, explicit=self.explicit)

    def _keys_of(self, entry: Element, node: Node) -> tuple[str, ...]:
        if node.kind is not Kind.LIST:
            return ()
        found = []
        for name in node.keys:
            key = entry.find(node.children[name].tag)
            text = (key.text or "") if key is not None else ""
            prefixes = dict(key.nsmap) if key is not None else {}
            found.append(self.prefixed.typed(node.children[name], text, prefixes))
        return tuple(found)

    def at(self, names: Iterator[tuple[str, str]]) -> list[Data]:
        """Return what there is at a path: steps with a key, or "" for whatever there is."""
        found = [self]
        for name, key in names:
            found = [
                child
                for one in found
                for child in one.below
                if child.node.name == name and (not key or child.step.keys == (key,))
            ]
        return found

    def drop(self, gone: list[Data]) -> None:
        """Forget ``gone``, wherever below, and the containers that are empty without it."""
        ids = {id(one) for one in gone}
        kept = []
        for child in self.below:
            if id(child) in ids:
                continue
            inner = child.node.kind is Kind.CONTAINER
            had = bool(child.below) if inner else False
            if inner or child.node.kind is Kind.LIST:
                child.drop(gone)
            if not (had and not child.below and not child.node.presence):
                kept.append(child)
        self._below = kept


def _is_default(node: Node, element: Element, lists: Mapping[str, list[str]]) -> bool:
    # What is in a case says which case it is, default or not.
    if not node.defaults or node.case:
        return False
    if node.kind is Kind.LEAF_LIST:
        return tuple(lists.get(node.name, ())) == node.defaults
    return (element.text or "",) == node.defaults
