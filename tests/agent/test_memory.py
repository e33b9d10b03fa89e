"""The collector of cycles looks seldom, and not again at what a start has made."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
import weakref
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from agent import memory
from agent.memory import (
    COLLECTED_AFTER,
    FREED_AT_ONCE,
    collect_seldom,
    in_pieces,
    join_what_is_free,
    keep_what_is_there,
    let_go,
    share_one_heap,
)

MANY = 400_000
MOST_AT_ONCE = 80_000


class Part:
    def __init__(self, number: int) -> None:
        self.number = number


@dataclass
class Whole:
    parts: tuple[Part, ...]
    by_number: dict[int, Part]


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
    early = Knot()
    keep_what_is_there()
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


def whole(count: int) -> Whole:
    parts = [Part(number) for number in range(count)]
    return Whole(tuple(parts), {part.number: part for part in parts})


def test_what_is_let_go_is_freed_a_piece_at_a_time() -> None:
    count = 5 * FREED_AT_ONCE
    held: list[object] = [[{1: (whole(count), 2)}], whole(1)]
    large = held[0]
    assert isinstance(large, list)
    gone: list[int] = []
    for part in large[0][1][0].parts:
        weakref.finalize(part, gone.append, part.number)
    del large, part
    before = 0
    for _ in in_pieces(held):
        assert not held
        assert len(gone) - before <= FREED_AT_ONCE
        before = len(gone)
    assert sorted(gone) == [*range(count)]


def test_what_somebody_else_holds_stays_as_it_is() -> None:
    kept = whole(3)
    parts = kept.parts
    let_go([kept, [parts], {"of": kept.by_number}])
    assert kept == Whole(parts, dict(enumerate(parts)))
    assert [part.number for part in parts] == [0, 1, 2]


SPARE = """\
import gc, sys
from agent import memory

held = [(number, number) for number in range(5000)]
keys = dict.fromkeys(held)
del held, keys
gc.disable()
gc.freeze()
sys.stderr.write("before\\n"); sys._debugmallocstats()
memory.LOOKED_THROUGH = int(sys.argv[1])
memory.forget_spare()
sys.stderr.write("after\\n"); sys._debugmallocstats()
"""


@pytest.mark.parametrize(("at_most", "forgets"), [(memory.LOOKED_THROUGH, True), (-1, False)])
def test_what_python_keeps_to_use_again_is_given_up_where_little_is_to_be_looked_through(
    at_most: int, forgets: bool
) -> None:
    command = [sys.executable, "-c", SPARE, str(at_most)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    before, after = (
        int(re.search(r"(\d+) free 2-sized PyTupleObjects", part)[1])  # type: ignore[index]
        for part in run.stderr.removeprefix("before").split("after\n")
    )
    assert before > 1000
    assert (after < before / 10) is forgets


SECOND_HEAP = """\
import re
from concurrent.futures import ThreadPoolExecutor
from agent import memory
from agent.threads import begin

def resident_mib():
    with open("/proc/self/status") as status:
        return int(re.search(r"VmRSS:\\s+(\\d+)", status.read())[1]) // 1024

def use():
    blocks = [memory._malloc(1000) for _ in range(40_000)]
    for block in blocks:
        memory.ctypes.memset(block, 1, 1000)
    for block in blocks:
        memory._free(block)

with ThreadPoolExecutor(max_workers=1) as pool:
    begin(pool)
    memory.share_one_heap()
    memory.join_what_is_free()
    memory._free(memory._malloc(30_000_000))  # of what is larger glibc learns what to keep
    pool.submit(use).result()
    memory.give_back()
    print(resident_mib())
    pool.submit(memory.give_back_with_end).result()
    print(resident_mib())
"""


def test_what_is_free_at_the_end_of_a_second_heap_is_given_back_too() -> None:
    run = subprocess.run([sys.executable, "-c", SECOND_HEAP], capture_output=True, text=True, check=True)
    before, after = map(int, run.stdout.split())
    assert before - after > 30, "of 38 MiB that were used"


HEAPS = """\
import re
from concurrent.futures import ThreadPoolExecutor
from agent import memory
from agent.threads import begin, begin_in_first_heap

with open("/proc/self/maps") as maps:
    heap = re.search(r"(\\w+)-(\\w+) .*\\[heap\\]", maps.read())
pools = [ThreadPoolExecutor(max_workers=1) for _ in range(4)]
begin(pools[0])
memory.share_one_heap()
begin_in_first_heap(*pools[1:])
blocks = [pool.submit(memory._malloc, 2000).result() for pool in pools]
print([int(heap[1], 16) <= block < int(heap[1], 16) + 2**32 for block in blocks])
"""


def test_one_thread_has_a_heap_of_its_own_and_the_others_that_of_the_first() -> None:
    run = subprocess.run([sys.executable, "-c", HEAPS], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[False, True, True, True]"


def test_names_that_the_cache_of_types_holds_are_given_up() -> None:
    name = "".join(["looked", " for"])
    before, part = sys.getrefcount(name), Part(1)
    getattr(part, name, None)
    assert sys.getrefcount(name) > before
    memory.forget_spare()
    assert sys.getrefcount(name) == before
