"""Running as other threads see it: a tree that nobody changes while it is held.

One thread writes (*worker*). It changes few units in place, which costs as much as they are, and makes a new
tree for many, which costs readers nothing: who holds the old one goes on with it. Python frees a tree with
the last that holds it: where that is on the event loop, the next thread of libyang that frees something does
it (``Schema.free``).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from agent.yang.gate import refuse_in_copy
from agent.yang.tree import Tree


@dataclass(slots=True, eq=False)
class _Edition:
    """A tree that was published. ``holders``: how often each thread holds it; ``long``: those that may take
    their time."""

    tree: Tree
    holders: dict[int, int] = field(default_factory=dict)
    long: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.tree.shared = True
        self.tree.few = set()


class Published:
    """A tree that one thread changes or replaces, and any may read.

    A change that waits lets nobody in who may hold the tree for long. Who holds it briefly, as the event
    loop does, goes on until it begins: he waits for one small change at most, never for a long read.

    A copy of the process is given the tree that was held for it, and comes here no more: who held the tree,
    or changed it, when the copy was made does so in it for ever.
    """

    def __init__(self, tree: Tree) -> None:
        self._edition = _Edition(tree)
        self._held: dict[int, _Edition] = {}
        self._turn = threading.Condition()
        self._process = os.getpid()
        self._waits = False
        self._changer: int | None = None
        self.changes = 0
        """How often the tree was changed or replaced: what is read twice is the same if this is."""

    @property
    def tree(self) -> Tree:
        """The tree that is published now: for its thread, and to be told from another one."""
        return self._edition.tree

    @property
    def awaited(self) -> bool:
        """True while a change waits for those who hold the tree."""
        return self._waits

    @contextmanager
    def held(self, *, briefly: bool = False) -> Iterator[Tree]:
        """Have nobody change the tree meanwhile; a thread that holds it already gets the same one.

        ``briefly``: for about a millisecond, whatever the tree holds.

        Raises:
            RuntimeError: this is a copy of the process.
        """
        refuse_in_copy(self._process)
        me = threading.get_ident()
        with self._turn:
            edition = self._held.get(me)
            if edition is None:
                self._turn.wait_for(lambda: self._lets_in(me, briefly))
                edition = self._held[me] = self._edition
                if not briefly:
                    edition.long.add(me)
            edition.holders[me] = edition.holders.get(me, 0) + 1
        try:
            yield edition.tree
        finally:
            with self._turn:
                edition.holders[me] -= 1
                if not edition.holders[me]:
                    del edition.holders[me], self._held[me]
                    edition.long.discard(me)
                    self._turn.notify_all()
            del edition  # as a generator's frame may live on, and the tree with it

    def _lets_in(self, me: int, briefly: bool) -> bool:
        if self._changer is not None:
            return self._changer == me
        return not self._waits or (briefly and bool(self._edition.long))

    @contextmanager
    def changing(self) -> Iterator[Tree]:
        """*worker* Change the tree in place, when nobody holds it: few units, for others wait.

        Raises:
            RuntimeError: this thread holds the tree, or changes it already.
        """
        refuse_in_copy(self._process)
        me = threading.get_ident()
        with self._turn:
            self._refuse_within(me)
            self._waits = True
            try:
                self._turn.wait_for(lambda: not self._edition.holders)
                self._changer = me
                self.changes += 1
                self._edition.tree.few = set()
            finally:
                self._waits = False
        try:
            yield self._edition.tree
        finally:
            with self._turn:
                self._changer = None
                self._turn.notify_all()

    def publish(self, tree: Tree, along: Callable[[], None] = lambda: None) -> None:
        """*worker* Have everybody who comes from now on read ``tree``, which nobody else changes.

        ``along`` is called while nobody can come.

        Raises:
            RuntimeError: this thread holds the tree, or changes it.
        """
        refuse_in_copy(self._process)
        with self._turn:
            self._refuse_within(threading.get_ident())
            along()
            before, self._edition = self._edition, _Edition(tree)
            self.changes += 1
        del before  # not within the lock: to free it may take long

    def _refuse_within(self, me: int) -> None:
        if me in self._held or self._changer is not None:
            raise RuntimeError("running is held, or changes, while a change of it begins")
