"""Which units of a candidate differ from running, kept up to date by what is touched. Pure.

A client may ask after each edit whether the candidate differs. To compare all that was ever edited each time
would make every edit cost as much as all before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from agent.datastore.txids import shells_of


class Differing:
    """``units``: paths of those that differ; ``shells``: of the containers that they lie in, and how many do.

    Both are as they were when ``look`` was called last.
    """

    __slots__ = ("_touched", "shells", "units")

    def __init__(self) -> None:
        self.units: set[str] = set()
        self.shells: Counter[str] = Counter()
        self._touched: dict[str, None] = {}

    def touch(self, paths: Iterable[str]) -> None:
        """Take note that these units may differ now, or may not any more."""
        self._touched.update(dict.fromkeys(paths))

    def agree(self) -> None:
        """Take note that no unit differs any more, whatever was touched."""
        self.units.clear()
        self.shells.clear()
        self._touched = {}  # anew, for a dict stays as large as it was

    @property
    def unlooked(self) -> int:
        """How many units were touched since the last look."""
        return len(self._touched)

    def look(self, differs: Callable[[str], bool]) -> None:
        """Bring up to date what was touched since the last look, and nothing else."""
        while self._touched:
            path = next(iter(self._touched))
            self._set(path, differs(path))
            del self._touched[path]

    def _set(self, path: str, differs: bool) -> None:
        if differs == (path in self.units):
            return
        if differs:
            self.units.add(path)
            self.shells.update(shells_of(path))
            return
        self.units.discard(path)
        for shell in shells_of(path):
            self.shells[shell] -= 1
            if not self.shells[shell]:
                del self.shells[shell]
