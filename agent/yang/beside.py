"""A thread for calls of libyang beside the one that writes: where much is to be done, both work at once.

It is given calls alone that stay in C and give up the GIL, each on a tree that nobody else touches meanwhile;
two threads that work in Python would only take the GIL from each other. It should have a heap of its own: two
that validate, or parse, in one wait for each other longer than they work.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from agent.yang.gate import refuse_in_copy

Result = TypeVar("Result")


class Given(Generic[Result]):
    """A call that one of two threads makes; ``process``: in which the other one is, and in no copy of it."""

    def __init__(self, call: Callable[[], Result], future: Future[Result], process: int) -> None:
        self._call = call
        self._future = future
        self._process = process

    @property
    def done(self) -> bool:
        """Whether the other thread has made it."""
        return self._future.done()

    def taken_back(self) -> bool:
        """Return whether the other thread has not begun it, and never will."""
        return self._future.cancel()

    def made_here(self) -> Result:
        """Return what it returns, once it is taken back."""
        return self._call()

    def result(self) -> Result:
        """Return what it returns, or raise what it raises; made here if the other thread has not begun it."""
        return self._call() if self._future.cancel() else self.awaited()

    def awaited(self) -> Result:
        """As ``result``, made by the other thread. Raises RuntimeError in a copy of the process."""
        refuse_in_copy(self._process)
        return self._future.result()

    def end(self) -> None:
        """Wait until the other thread has nothing to do with it any more, whatever it has found."""
        if not self._future.cancel():
            refuse_in_copy(self._process)
            self._future.exception()


def made_together(given: Sequence[Given[Result]]) -> Iterator[tuple[int, Result]]:
    """Yield where in ``given`` each is, and what it returns, as soon as one of both threads has made it.

    The caller's thread begins at the end, where the other one comes last. Once this is over, nothing is made
    any more.
    """
    first, behind = 0, len(given)
    try:
        while first < behind:
            if not given[first].done and given[behind - 1].taken_back():
                behind -= 1
                yield behind, given[behind].made_here()
            else:
                first += 1
                yield first - 1, given[first - 1].result()
    finally:
        for one in given[first:behind]:
            one.end()


class Beside:
    """A thread, which begins with its first work."""

    def __init__(self, name: str) -> None:
        self.pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._process = os.getpid()

    def give(self, call: Callable[[], Result]) -> Given[Result]:
        """Have the thread make ``call`` after what it was given before."""
        return Given(call, self.pool.submit(call), self._process)


BESIDE = Beside("beside")
"""One for all, as libyang has one dictionary and Python one GIL. In the agent it has a heap of its own."""
