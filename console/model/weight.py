"""How many statements a module becomes when its groupings are used: a few lines can become any number."""

from __future__ import annotations

from collections.abc import Iterable

from console.model.types import Statement

HEAVIEST = 300_000
"""Statements; ten times those of the largest modules in use."""


def too_heavy(modules: Iterable[Statement]) -> dict[str, str]:
    """Return the parsed ``modules`` that would become too large, by name, and why."""
    scale = _Scale(list(modules))
    found = {}
    for module in scale.modules.values():
        if scale.weight(module, module, ()) > HEAVIEST:
            found[module.arg] = "with all its groupings it is too large"
    return found


class _Scale:
    def __init__(self, modules: list[Statement]) -> None:
        self.modules = {module.arg: module for module in modules}
        self._groupings: dict[str, dict[str, list[Statement]]] = {}
        self._prefixes: dict[str, dict[str, str]] = {}
        self._weights: dict[int, int] = {}
        for module in modules:
            self._note(module)

    def _note(self, module: Statement) -> None:
        """Remember the groupings of a module, wherever in it, and whom its prefixes mean."""
        groupings: dict[str, list[Statement]] = {}
        waiting = list(module.substmts)
        while waiting:
            statement = waiting.pop()
            if statement.keyword == "grouping":
                groupings.setdefault(statement.arg, []).append(statement)
            waiting += statement.substmts
        self._groupings[module.arg] = groupings
        prefixes = {}
        for imported in module.search("import"):
            prefix = imported.search_one("prefix")
            if prefix is not None:
                prefixes[prefix.arg] = imported.arg
        self._prefixes[module.arg] = prefixes

    def weight(self, statement: Statement, module: Statement, using: tuple[int, ...]) -> int:
        """Return how many statements this one becomes; ``using``: the groupings around it."""
        total = 1
        for child in statement.substmts:
            if child.keyword == "uses":
                total += max((self._grouping(g, m, using) for g, m in self._meant(child, module)), default=0)
            elif child.keyword != "grouping":
                total += self.weight(child, module, using)
            if total > HEAVIEST:
                break
        return total

    def _grouping(self, grouping: Statement, module: Statement, using: tuple[int, ...]) -> int:
        key = id(grouping)
        if key not in self._weights:
            if key in using:  # one that uses itself is an error of another kind
                return 0
            self._weights[key] = self.weight(grouping, module, (*using, key))
        return self._weights[key]

    def _meant(self, uses: Statement, module: Statement) -> list[tuple[Statement, Statement]]:
        prefix, _, name = str(uses.arg).rpartition(":")
        other = self._prefixes[module.arg].get(prefix)
        # Without a prefix it may be in a submodule, or in the module of which this is one.
        places = [other] if other else list(self.modules) if module.search("include") else [module.arg]
        if not other and module.keyword == "submodule":
            places = list(self.modules)
        return [
            (grouping, self.modules[place])
            for place in places
            if place in self.modules
            for grouping in self._groupings[place].get(name, ())
        ]
