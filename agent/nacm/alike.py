"""Entries that no rule tells apart: what is decided about one of them holds for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent.nacm.access import Access
from agent.nacm.rules import Rule, Step
from agent.yang.schema_node import SchemaNode

Values = tuple[str | None, ...]
Kind = tuple[Values | None, ...]
"""Entries of the same kind are named by the same rules."""


class Alike:
    """The entries of a list that lies in no other, as the rules of an Access see them.

    ``told_apart_inside``: rules name some of what lies in an entry by its keys, so that each is looked at.
    ``needs_keys``: rules name some entries.
    """

    def __init__(self, access: Access, node: SchemaNode) -> None:
        self._access = access
        self._node = node
        self._named: dict[tuple[str, ...], set[Values]] = {}
        self._permitted: dict[tuple[Kind, tuple[str, ...]], bool] = {}
        self.told_apart_inside = False
        depth = sum(1 for _ in _way(node))
        for rule in access.rules:
            if not _is_about(rule, node):
                continue
            for at, step in enumerate(rule.path or (), 1):
                if step.keys and at > depth:
                    self.told_apart_inside = True
                elif step.keys:
                    names = tuple(step.keys)
                    self._named.setdefault(names, set()).add(tuple(step.keys.values()))
        self.needs_keys = bool(self._named)

    def kind_of(self, keys: Mapping[str, str]) -> Kind:
        """Return the kind of the entry with ``keys``, which may be {} unless ``needs_keys``."""
        found = ((known, tuple([keys.get(name) for name in names])) for names, known in self._named.items())
        return tuple([values if values in known else None for known, values in found])

    def permits(self, keys: Mapping[str, str], accesses: Iterable[str]) -> bool:
        """Return whether an entry may be accessed so, and whatever may lie in it."""
        asked = self.kind_of(keys), tuple(accesses)
        if (known := self._permitted.get(asked)) is None:
            known = self._permitted[asked] = not self.told_apart_inside and self._permits(keys, asked[1])
        return known

    def _permits(self, keys: Mapping[str, str], accesses: tuple[str, ...]) -> bool:
        steps = [Step(above.module, above.name, {}) for above in _way(self._node)]
        steps[-1] = Step(self._node.module, self._node.name, keys)
        return all(
            self._access.data([*steps, *_steps_below(self._node, inside)], inside, access).permit
            for inside in self._node.subtree()
            if inside.config
            for access in accesses
        )


def _way(node: SchemaNode) -> list[SchemaNode]:
    """Return ``node`` and what it lies in, from the top level down."""
    return [node] if node.parent is None else [*_way(node.parent), node]


def _steps_below(above: SchemaNode, node: SchemaNode) -> list[Step]:
    if node is above or node.parent is None:
        return []
    return [*_steps_below(above, node.parent), Step(node.module, node.name, {})]


def _is_about(rule: Rule, node: SchemaNode) -> bool:
    """True if a rule may be about ``node`` or something below it, by the names in its path."""
    steps = zip(rule.path or (), _way(node), strict=False)
    return all((step.module, step.name) == (above.module, above.name) for step, above in steps)
