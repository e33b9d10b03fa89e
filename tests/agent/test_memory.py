"""The collector of cycles looks seldom, and not again at what a start has made."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from agent import memory
from agent.memory import (
    COLLECTED_AFTER,
    collect_seldom,
    join_what_is_free,
    keep_what_is_there,
    share_one_heap,
)

MANY = 400_000
MOST_AT_ONCE = 80_000


class Knot:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_the_collector_looks_seldom() -> None:
    collect_seldom()
    assert gc.get_threshold() == COLLECTED_AFTER


def test_much_that_is_made_at_once_is_looked_through_in_pieces() -> None:
    looked: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 1:
            looked.append(sum(gc.get_count()[:1]) + len(gc.get_objects(1)))

    collect_seldom()
    gc.collect()
    gc.callbacks.append(note)
    try:
        made = [[number] for number in range(MANY)]
    finally:
        gc.callbacks.remove(note)
    assert len(made) == MANY
    assert len(looked) > 1
    assert max(looked) <= MOST_AT_ONCE


def test_what_is_there_is_not_looked_at_again_and_what_comes_is() -> None:
    early, gone = Knot(), weakref.ref(Knot())
    keep_what_is_there()
    assert gone() is None  # what nobody holds goes before
    assert gc.get_freeze_count() > 0
    kept, late = weakref.ref(early), weakref.ref(Knot())
    del early
    gc.collect()
    assert kept() is not None
    assert late() is None


def test_threads_share_a_heap_in_which_what_is_free_is_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(memory, "_mallopt", lambda *option: asked.append(option))
    share_one_heap()
    join_what_is_free()
    assert asked == [(-8, 1), (1, 0)]  # M_ARENA_MAX and M_MXFAST of malloc.h
    monkeypatch.setattr(memory, "_mallopt", None)  # not glibc
    share_one_heap()
    join_what_is_free()
