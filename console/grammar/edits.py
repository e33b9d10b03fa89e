"""Changes to the <config> of one <edit-config> (RFC 6241 section 7.2), in the order in which they were typed.

What was said last counts: ``no x`` and then ``x`` makes a new x, which has nothing of the old one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from console.grammar.prefixed import Prefixed, Sent
from console.grammar.typed import same
from console.grammar.values import Change, Mistake, Operation, Path, Step
from console.grammar.words import quoted
from console.model.schema import Kind, Node, Schema

Element = etree._Element
_Declared = dict[Any, str]
"""Prefixes; None is that of names without one."""

NETCONF = "urn:ietf:params:xml:ns:netconf:base:1.0"
_OPERATION = f"{{{NETCONF}}}operation"
_MOST_NAMED = 200
"""Entries that a filter names one by one; above that all are read."""
_MOST_SHOWN = 4

_Key = tuple[str, str, tuple[str, ...], str]


@dataclass(slots=True)
class _Branch:
    """A node of the edit. ``fresh``: what is there now does not count; ``removed``: it goes away."""

    step: Step
    value: str | None = None
    removed: bool = False
    fresh: bool = False
    below: dict[_Key, _Branch] = field(default_factory=dict)


def edit_config(changes: Sequence[Change], schema: Schema, present: Element | None = None) -> Element:
    """Return <config> with all of ``changes``.

    ``present``: <data> of the candidate as far as ``asks`` asked for it. Where entries are removed that only
    it names, and it is None, none are. What would be removed from an entry or a container that is not in it
    is left alone: to name that would make it.

    Raises:
        Mistake: a value is expected that is not there.
    """
    root = _Branch(Step(_ROOT))
    prefixed = Prefixed(schema)
    there = _Present(present, prefixed)
    for change in changes:
        _apply(root, change, there)
    # At the top: lxml drops a prefix of an element that it moves if one around it has the same namespace.
    names = {prefix: name for sent in _values(root, prefixed) for prefix, name in sent.namespaces.items()}
    config = etree.Element(f"{{{NETCONF}}}config", nsmap={**names, "nc": NETCONF})
    _write(root, config, prefixed)
    return config


def _values(branch: _Branch, prefixed: Prefixed) -> Iterator[Sent]:
    """Yield all values of an edit."""
    for child in branch.below.values():
        node = child.step.node
        if node.type is not None:
            yield prefixed.sent(node, child.value or "")
        for name, key in zip(node.keys, child.step.keys, strict=False):
            yield prefixed.sent(node.children[name], key)
        yield from _values(child, prefixed)


def asks(changes: Sequence[Change]) -> Element | None:
    """Return the <filter> of what has to be read before ``changes`` can be sent; None if nothing has.

    NETCONF removes entries of a leaf-list one by one, by their values; and an entry of a list, a container
    that means something by itself, or another case of a choice that an edit names, to remove something in
    it, is made if it is not there. What a change expects is read, too.
    """
    some = [
        one
        for one in changes
        if one.operation is Operation.EXPECT or _removes_all(one) or _removes_inside(one)
    ]
    paths = [_unseen(change.path) for change in some]
    if not paths:
        return None
    found = etree.Element(f"{{{NETCONF}}}filter", {"type": "subtree"}, nsmap=_Declared({None: NETCONF}))
    made: dict[tuple[int, _Key], Element] = {}
    for path in paths:
        at = found
        for step in path:
            keys = step.keys if len(paths) <= _MOST_NAMED else ()
            where = (id(at), _key(Step(step.node, keys), None))
            if where not in made:
                made[where] = _element(at, step.node)
                for place, name in enumerate(step.node.keys):
                    # With a text the entry has to have it; without one it is read.
                    key = _element(made[where], step.node.children[name])
                    key.text = keys[place] if place < len(keys) else None
            at = made[where]
    return found


def _removes_all(change: Change) -> bool:
    last = change.path[-1]
    if change.operation is not Operation.REMOVE:
        return False
    if last.node.kind is Kind.LEAF_LIST:
        return change.value is None
    return last.node.kind is Kind.LIST and not last.keys


def _removes_inside(change: Change) -> bool:
    above = change.path[:-1]
    return change.operation is Operation.REMOVE and any(_would_be_made(step.node) for step in above)


def _would_be_made(node: Node) -> bool:
    """Return whether to name such a node is to make it, or to choose it, with what that takes away."""
    return node.kind is Kind.LIST or node.presence or bool(node.case)


def _unseen(path: Path) -> Path:
    """Return ``path``, or instead of a secret one beside it that is none: nobody wants to know the secret."""
    last = path[-1].node
    if not last.secret:
        return path
    beside = path[-2].node
    others = [child for child in beside.children.values() if child.kind is Kind.LEAF and not child.secret]
    plain = [child for child in others if child.config and child.name not in beside.keys]
    # An entry is told by its keys, whatever else it lacks; a container that has to be there is not.
    told = beside.kind is Kind.LIST or not _would_be_made(beside)
    return (*path[:-1], Step(plain[0])) if plain and told else path[:-1]


def _apply(root: _Branch, change: Change, there: _Present) -> None:
    if change.operation is Operation.EXPECT:
        _expect(change, there.values(root, change.path))
        return
    at = root
    above = _gone(root, change.path)
    if _removes_inside(change) and not there.has(root, change.path[:-1]):
        return
    for step in change.path[:-1]:
        if above and change.operation is Operation.REMOVE and _key(step, None) not in at.below:
            return  # it is gone with what it was in
        if change.operation is not Operation.REMOVE:
            _drop_other_cases(at, step.node)
        at = _child(at, step)
        if at.removed:
            if change.operation is Operation.REMOVE:
                return
            at.removed, at.fresh = False, True
    last = change.path[-1]
    if _removes_all(change):
        for key in [key for key, branch in at.below.items() if branch.step.node is last.node]:
            del at.below[key]
        if not above:
            for step, value in there.entries(change.path):
                _child(at, step, value).removed = True
        return
    value = change.value if last.node.kind is Kind.LEAF_LIST else None
    if change.operation is Operation.REMOVE and above:
        at.below.pop(_key(last, value), None)
        return
    branch = _child(at, last, value)
    if change.operation is Operation.REMOVE:
        branch.removed, branch.fresh = True, False
        branch.below.clear()
    elif change.operation is Operation.REPLACE:
        branch.removed, branch.fresh = False, True
        branch.below.clear()
        branch.value = change.value
    else:
        # A leaf has nothing below it, so a new one is the old one with another value.
        inner = last.node.kind in (Kind.CONTAINER, Kind.LIST)
        branch.fresh = branch.fresh or (branch.removed and inner)
        branch.removed = False
        branch.value = change.value
        _drop_other_cases(at, last.node)


def _expect(change: Change, values: Sequence[str] | None) -> None:
    """Do nothing if the value that ``change`` expects is one of ``values``; None if they are not known.

    Raises:
        Mistake: it is not.
    """
    node, wanted = change.path[-1].node, change.value or ""
    if values is None or any(same(node.type, wanted, one) for one in values):
        return
    if not values and wanted in node.defaults:
        return
    about = " ".join(step.node.name for step in change.path[_below_the_last_list(change.path) :])
    shown = ", ".join(quoted(one) for one in values[:_MOST_SHOWN])
    more = " and more" if len(values) > _MOST_SHOWN else ""
    verb = "is" if node.kind is Kind.LEAF else "has"
    said = f"{about} {verb} {shown}{more}, and not {quoted(wanted)}" if values else f"{about} is not set"
    raise Mistake(f"{said}: nothing is removed", change.span)


def _below_the_last_list(path: Path) -> int:
    return max((at + 1 for at, step in enumerate(path[:-1]) if step.node.kind is Kind.LIST), default=0)


def _gone(root: _Branch, path: Path) -> bool:
    """Return whether what is below the last step but one starts anew, or goes away, with something above."""
    at: _Branch | None = root
    for step in path[:-1]:
        at = at.below.get(_key(step, None)) if at is not None else None
        if at is None:
            return False
        if at.fresh:
            return True
    return False


def _drop_other_cases(at: _Branch, node: Node) -> None:
    """Forget what was said of other cases of the choices that ``node`` is in: it takes their place."""
    cases = dict(node.case)
    if not cases:
        return
    for key, branch in list(at.below.items()):
        others = dict(branch.step.node.case)
        if any(others.get(choice, case) != case for choice, case in cases.items()) and not branch.removed:
            del at.below[key]


def _other_case(at: _Branch, node: Node) -> bool:
    """Return whether the edit makes something of another case of a choice that ``node`` is in."""
    cases = dict(node.case)
    return any(
        dict(one.step.node.case).get(choice, case) != case and not one.removed
        for one in at.below.values()
        for choice, case in cases.items()
    )


def _child(at: _Branch, step: Step, value: str | None = None) -> _Branch:
    key = _key(step, value)
    if key not in at.below:
        at.below[key] = _Branch(step, value)
    return at.below[key]


def _key(step: Step, value: str | None) -> _Key:
    return (step.node.module, step.node.name, step.keys, value or "")


class _Present:
    """The candidate, as far as it was read."""

    def __init__(self, data: Element | None, prefixed: Prefixed) -> None:
        self._data = data
        self._prefixed = prefixed
        # With the parents themselves: an element that nobody holds is another one when it is found again.
        self._indexed: dict[tuple[int, str], tuple[Element, dict[tuple[str, ...], Element]]] = {}

    def has(self, root: _Branch, path: Path) -> bool:
        """Return whether all that ``path`` would make is there, or made by the edit so far."""
        if self._data is None:
            return True
        branch: _Branch | None = root
        at: Element | None = self._data
        for step in path:
            branch = branch.below.get(_key(step, None)) if branch is not None else None
            at = self._below(at, step) if at is not None else None
            if _would_be_made(step.node) and branch is None and at is None:
                return False
        return True

    def values(self, root: _Branch, path: Path) -> Sequence[str] | None:
        """Return the values of the leaf or leaf-list at ``path`` after the edit so far, None if unknown."""
        branch: _Branch | None = root
        at, known = self._data, self._data is not None
        for step in path[:-1]:
            branch = branch.below.get(_key(step, None)) if branch is not None else None
            at = self._below(at, step) if at is not None else None
            if branch is not None and (branch.removed or branch.fresh):
                at, known = None, True
        node = path[-1].node
        edited = [one for one in branch.below.values() if one.step.node is node] if branch is not None else []
        made = [one.value or "" for one in edited if not one.removed]
        if node.kind is Kind.LEAF and (edited or (branch is not None and _other_case(branch, node))):
            return made
        gone = {one.value or "" for one in edited}
        found = [self._typed(node, one) for one in (at.findall(node.tag) if at is not None else ())]
        return [*(one for one in found if one not in gone), *made] if known or made else None

    def _typed(self, node: Node, element: Element) -> str:
        return self._prefixed.typed(node, element.text or "", dict(element.nsmap))

    def entries(self, path: Path) -> Iterator[tuple[Step, str | None]]:
        """Yield all entries of the list or leaf-list that ``path`` ends with."""
        at = self._data
        for step in path[:-1]:
            at = self._below(at, step) if at is not None else None
        node = path[-1].node
        for element in at.findall(node.tag) if at is not None else ():
            if node.kind is Kind.LEAF_LIST:
                yield Step(node), element.text or ""
            else:
                yield Step(node, keys_of(element, node)), None

    def _below(self, at: Element, step: Step) -> Element | None:
        name = step.node.tag
        if step.node.kind is not Kind.LIST:
            return at.find(name)
        where = (id(at), name)
        if where not in self._indexed:
            self._indexed[where] = at, {keys_of(entry, step.node): entry for entry in at.findall(name)}
        return self._indexed[where][1].get(step.keys)


def keys_of(entry: Element, node: Node) -> tuple[str, ...]:
    """Return the keys of an entry of a list."""
    return tuple(entry.findtext(node.children[key].tag) or "" for key in node.keys)


def _element(parent: Element, node: Node) -> Element:
    if parent.nsmap.get(None) == node.namespace:
        return etree.SubElement(parent, node.tag)
    return etree.SubElement(parent, node.tag, nsmap=_Declared({None: node.namespace}))


def _write(branch: _Branch, parent: Element, prefixed: Prefixed) -> None:
    for child in branch.below.values():
        node = child.step.node
        element = _element(parent, node)
        for name, key in zip(node.keys, child.step.keys, strict=False):
            inner = node.children[name]
            _element(element, inner).text = prefixed.sent(inner, key).text
        if child.removed:
            element.set(_OPERATION, Operation.REMOVE.value)
        elif child.fresh:
            element.set(_OPERATION, Operation.REPLACE.value)
        if node.type is not None and not (child.removed and node.kind is Kind.LEAF):
            element.text = prefixed.sent(node, child.value or "").text
        _write(child, element, prefixed)


_ROOT = Node(name="", module="", namespace="", kind=Kind.CONTAINER)
