"""A history that is only looked at: a copy in memory, in which a start may put right what it has to.

So what an agent would find is found with nothing written, whatever form the history has. The copy of a
history that an agent uses is as its last commit left it.
"""

from __future__ import annotations

from pathlib import Path

from agent.datastore.database import Confined, copy_in_memory, copy_while_used
from agent.datastore.store import Store


class MemoryCopy(Store):
    """The history at ``path``; what is recorded in it never reaches the disk. ``used``: by an agent, now.

    Raises:
        OSError: it cannot be read, or there is no place to copy it to.
        StoreError: it is not a history of this program.
    """

    def __init__(self, path: Path, *, used: bool = False) -> None:
        self._used = used
        super().__init__(path, new=False)

    def _opened(self) -> Confined:
        self.read_only = "it is only looked at"
        return copy_while_used(self.path) if self._used else copy_in_memory(self.path, new=False)

    def seal(self) -> None:
        """Go on to record in memory alone, for good."""
