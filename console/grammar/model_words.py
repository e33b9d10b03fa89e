"""Lines by the names of YANG nodes: whatever module a server has, its configuration can be typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from console.grammar.arcs import Arc, Rank, State, Value
from console.grammar.values import (
    Change,
    Changes,
    Meaning,
    Mistake,
    Operation,
    Path,
    SecretMissing,
    Span,
    Step,
)
from console.model.schema import Kind, Node, Schema

NOWHERE = Span(0, 0)
_CONFIGURED = (Kind.CONTAINER, Kind.LIST, Kind.LEAF, Kind.LEAF_LIST)


class Additions(Protocol):
    """What the manual adds to the names of nodes: words for them, and commands of its own."""

    def alias(self, node: Node) -> str:
        """Return the manual's word for a node, "" for none."""

    def source(self, node: str) -> Path | str:
        """Return where values of a leaf are found that its type does not name."""

    def rows(self, node: str, at: DataState) -> Sequence[Arc]:
        """Return the commands at a node."""


@dataclass(frozen=True, slots=True)
class Names:
    """The nodes of a schema by the words for them."""

    schema: Schema
    additions: Additions
    _words: dict[str, Mapping[str, Node]] = field(default_factory=dict)

    def key(self, path: Path) -> str:
        """Return the node of ``path`` as text, "yangswan-ipsec:tunnels/ipsec"."""
        module = ""
        parts = []
        for step in path:
            parts.append(
                step.node.name if step.node.module == module else f"{step.node.module}:{step.node.name}"
            )
            module = step.node.module
        return "/".join(parts)

    def below(self, path: Path) -> Mapping[str, Node]:
        """Return the nodes that can be configured below ``path``, by name or "module:name"."""
        key = self.key(path)
        if key not in self._words:
            self._words[key] = self._children(path)
        return self._words[key]

    def _place(self, root: Node) -> int:
        return 0 if self.additions.alias(root) else 2 if root.module.startswith("ietf-") else 1

    def _children(self, path: Path) -> Mapping[str, Node]:
        if path:
            node = path[-1].node
            keys = node.keys if node.kind is Kind.LIST else ()
            some = [child for child in node.children.values() if child.name not in keys]
        else:
            # A server lists its modules in any order; what the manual is about comes first, and what
            # all servers have comes last.
            some = sorted(self.schema.roots.values(), key=self._place)
        found = [child for child in some if child.config and child.kind in _CONFIGURED]
        names = [child.name for child in found]
        return {c.name if names.count(c.name) == 1 else f"{c.module}:{c.name}": c for c in found}


@lru_cache(maxsize=4096)
def first_sentence(description: str) -> str:
    """Return the first sentence of a description, without its full stop."""
    paragraph = description.partition("\n")[0]
    sentence = paragraph.partition(". ")[0]
    return sentence.removesuffix(".")


def value_of(node: Node, key: str, names: Names) -> Value:
    """Return what is typed for a leaf, a leaf-list or a key; ``key``: the node as text."""
    assert node.type is not None
    target: Path = ()
    if node.type.target:
        target = _path_to(node.type.target, names.schema)
    return Value(
        name=node.name,
        placeholder=node.name.upper(),
        description=first_sentence(node.description),
        type=node.type,
        units=node.units,
        default=" ".join(node.defaults),
        source=target or names.additions.source(key),
        secret=node.secret,
    )


def _path_to(target: Sequence[str], schema: Schema) -> Path:
    """Return the path of a leafref, without keys; () if a node of it is not known."""
    path: list[Step] = []
    children: Mapping[str, Node] = schema.roots
    for name in target:
        found = children.get(name) or children.get(name.partition(":")[2])
        if found is None:
            return ()
        path.append(Step(found))
        children = found.children
    return tuple(path)


@dataclass(frozen=True, slots=True)
class DataState:
    """At a container or an entry. ``changes``: what the line has said so far.

    ``typed``: the steps of the line, below the context that it was typed in. ``leaves``: a leaf was set, and
    others of the same node may follow.
    """

    names: Names
    path: Path
    span: Span = NOWHERE
    changes: tuple[Change, ...] = ()
    negated: bool = False
    typed: int = 0
    leaves: bool = False
    rank: Rank = Rank.MODEL
    absorbs: bool = False

    def arcs(self) -> Sequence[Arc]:
        key = self.names.key(self.path)
        found: list[Arc] = []
        if not self.leaves:
            found += self.names.additions.rows(key, self)
        if self.leaves and self.negated:
            return found
        for word, node in self.names.below(self.path).items():
            if not self.leaves or node.kind in (Kind.LEAF, Kind.LEAF_LIST):
                found += self._arcs_of(word, node)
        return found

    def _arcs_of(self, word: str, node: Node) -> list[Arc]:
        def follow(text: str, span: Span) -> State:
            return self._enter(node, span)

        words = first_sentence(node.description)
        alias = self.names.additions.alias(node)
        found = [Arc(follow, word, description=words, rank=Rank.QUALIFIED if alias else Rank.MODEL)]
        qualified = f"{node.module}:{node.name}"
        if qualified != word:
            found.append(Arc(follow, qualified, description=words, rank=Rank.QUALIFIED))
        if alias:
            found.insert(0, Arc(follow, alias, description=words, rank=Rank.OURS))
        return found

    def _enter(self, node: Node, span: Span) -> State:
        if node.kind is Kind.LIST:
            return KeyState(self, node, span)
        if node.kind is Kind.CONTAINER:
            return self.at(Step(node), span)
        if node.type is not None and node.type.base == "empty" and not self.negated:
            return self.with_leaf(Step(node), "", span)
        return LeafState(self, Step(node), span)

    def at(self, step: Step, span: Span) -> DataState:
        """Return the state one step down."""
        return DataState(
            names=self.names,
            path=(*self.path, step),
            span=span,
            changes=self.changes,
            negated=self.negated,
            typed=self.typed + 1,
        )

    def with_leaf(self, step: Step, value: str | None, span: Span) -> DataState:
        """Return the state after a leaf was set or removed."""
        change = self.change(step, value, span)
        return DataState(
            names=self.names,
            path=self.path,
            span=span,
            changes=(*self.changes, change),
            negated=self.negated,
            typed=self.typed,
            leaves=True,
        )

    def change(self, step: Step, value: str | None, span: Span) -> Change:
        operation = Operation.REMOVE if self.negated else Operation.MERGE
        return Change(path=(*self.path, step), operation=operation, value=value, span=span)

    def meaning(self) -> Meaning | None:
        if self.leaves:
            return Changes(self.changes)
        if not self.typed:
            return None
        if self.negated:
            return Changes((Change(path=self.path, operation=Operation.REMOVE, value=None, span=self.span),))
        return Changes((*self.changes, *self._made()), enters=self.path)

    def _made(self) -> tuple[Change, ...]:
        """Return the change that makes what this line enters: entries, and containers that mean something."""
        for end in range(len(self.path), len(self.path) - self.typed, -1):
            step = self.path[end - 1]
            if step.node.kind is Kind.LIST or step.node.presence:
                return (Change(path=self.path[:end], operation=Operation.MERGE, value=None, span=self.span),)
        return ()


@dataclass(frozen=True, slots=True)
class KeyState:
    """Behind the name of a list: its keys, one word each."""

    before: DataState
    node: Node
    span: Span
    keys: tuple[str, ...] = ()
    rank: Rank = Rank.MODEL
    absorbs: bool = False

    def arcs(self) -> Sequence[Arc]:
        leaf = self.node.children[self.node.keys[len(self.keys)]]
        path = (*self.before.path, Step(self.node, self.keys))
        names = self.before.names
        value = value_of(leaf, f"{names.key(path)}/{leaf.name}", names)
        return (Arc(self._follow, value=_of_entries(value, path), rank=Rank.MODEL),)

    def _follow(self, text: str, span: Span) -> State:
        keys = (*self.keys, text)
        span = Span(self.span.start, span.end)
        if len(keys) < len(self.node.keys):
            return KeyState(before=self.before, node=self.node, span=span, keys=keys)
        return self.before.at(Step(self.node, keys), span)

    def meaning(self) -> Meaning | None:
        return None


def _of_entries(value: Value, path: Path) -> Value:
    """Return ``value`` with the entries that are there for its completion."""
    return Value(
        name=value.name,
        placeholder=value.placeholder,
        description=value.description,
        type=value.type,
        units=value.units,
        source=path,
    )


@dataclass(frozen=True, slots=True)
class LeafState:
    """Behind the name of a leaf or leaf-list: its value; with ``no`` it may be missing."""

    before: DataState
    step: Step
    span: Span
    rank: Rank = Rank.MODEL
    absorbs: bool = False

    def arcs(self) -> Sequence[Arc]:
        names = self.before.names
        node = self.step.node
        if node.type is None or node.type.base == "empty":
            return ()
        path = (*self.before.path, self.step)
        value = value_of(node, names.key(path), names)
        if self.before.negated and node.kind is Kind.LEAF_LIST:
            value = _of_entries(value, path)
        return (Arc(self._follow, value=value, rank=Rank.MODEL),)

    def _follow(self, text: str, span: Span) -> State:
        removed = self.before.negated and self.step.node.kind is Kind.LEAF
        return self.before.with_leaf(self.step, None if removed else text, span)

    def meaning(self) -> Meaning | None:
        if self.before.negated:
            return Changes((self.before.change(self.step, None, self.span),))
        if not self.step.node.secret:
            return None
        if self.before.changes:
            raise Mistake(f"{self.step.node.name} is asked for on a line of its own", self.span)
        return SecretMissing(self.before.change(self.step, None, self.span))
