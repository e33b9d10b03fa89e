"""How many entries each translator has to do with, for whoever looks at the agent from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from agent.datastore.backends import kind_of
from agent.datastore.configuration import Configuration
from agent.tables import fitted
from agent.translator import Translator
from agent.yang.many import locate_all
from agent.yang.tree import Tree
from agent.yang.units import Unit, entries_of, unit_path


class Loaded:
    """Counts once, and then what changes; ``told`` is called when there are more or fewer."""

    def __init__(self, translators: Sequence[Translator], told: Callable[[], None]) -> None:
        self._found: dict[str, set[str]] = {t.config_list: set() for t in translators}
        self._told = told

    async def follow(self, configuration: Configuration) -> None:
        """Count what ``configuration`` holds, and whatever becomes of it."""
        configuration.when_swapped.append(self.swapped)
        await configuration.worker(self._count, configuration.running)

    def _count(self, running: Tree) -> None:
        for path, found in self._found.items():
            found.update(unit_path(running.schema, node) for node in entries_of(running, path))

    def swapped(self, running: Tree, units: Sequence[Unit]) -> None:
        """*worker* Look at what has changed of ``running``."""
        if self._look(running, units):
            self._told()

    def _look(self, running: Tree, units: Iterable[Unit]) -> bool:
        before = self._counts()
        own = [unit for unit in units if unit.schema_node.path in self._found]
        for unit, nodes in zip(own, locate_all(own, running), strict=True):
            paths = self._found[unit.schema_node.path]
            (paths.add if nodes else paths.discard)(unit.path)
        for path, paths in self._found.items():
            self._found[path] = fitted(paths)
        return self._counts() != before

    def _counts(self) -> list[int]:
        return [len(found) for found in self._found.values()]

    def sentence(self) -> str:
        """Return it in words, as "tunnels: 12"."""
        return ", ".join(f"{kind_of(path)}: {len(found)}" for path, found in self._found.items())
