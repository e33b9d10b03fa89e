"""libyang's memory comes back: thousands of edits, refusals and prints must not grow the process."""

from __future__ import annotations

import ctypes
import gc
import resource
import threading
from pathlib import Path

from agent.datastore.candidate import Candidate
from agent.datastore.edit import edit
from agent.errors import RpcErrors
from agent.yang.nodes import Defaults
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.validate import validate
from tests.agent.lab import config, empty_running, entry

ROUNDS = 3000
NODE_OCTETS = 48
"""Of the smallest node of libyang, at least."""
ORDER = b'<order xmlns="urn:yangswan:test:every-construct">a</order>'


class _Heap(ctypes.Structure):
    """As mallinfo2(3) returns it."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


_LIBC = ctypes.CDLL(None)
_LIBC.mallinfo2.restype = _Heap


def used_octets() -> int:
    """Return what is allocated of C's heaps, to the octet; small objects of Python are not there."""
    gc.collect()
    heap = _LIBC.mallinfo2()
    return int(heap.uordblks + heap.hblkhd)


def resident_octets() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def one_round(schema: Schema, candidate: Candidate, running: Tree) -> None:
    edit(candidate, config(entry("<number>2</number><twice>4</twice><step>a</step>")))
    for broken in (entry("<number>999</number>"), entry("", 'nc:operation="create"')):
        try:
            edit(candidate, config(broken))
        except RpcErrors:
            continue
        raise AssertionError("the edit was not refused")
    scratch = candidate.tree.duplicate()
    validate(scratch, everything=True)
    scratch.to_xml(Defaults.REPORT_ALL)
    candidate.discard(running)


def test_edits_validations_and_refusals_leak_nothing(schema: Schema) -> None:
    running = empty_running(schema)
    candidate = Candidate(running)
    for _ in range(ROUNDS // 10):
        one_round(schema, candidate, running)
    before, used = resident_octets(), used_octets()
    for _ in range(ROUNDS):
        one_round(schema, candidate, running)
    # One small node that is left in each round would be three times this.
    assert used_octets() - used < ROUNDS * NODE_OCTETS // 3
    grown = resident_octets() - before
    assert grown < 2 * 1024 * 1024, f"{grown} octets in {ROUNDS} rounds"


def test_a_node_that_is_left_in_each_round_is_seen(schema: Schema) -> None:
    used = used_octets()
    held = [Tree.parse(schema, ORDER) for _ in range(ROUNDS)]
    assert used_octets() - used > ROUNDS * NODE_OCTETS
    held.clear()
    Tree.parse(schema, ORDER)
    assert used_octets() - used < ROUNDS * NODE_OCTETS // 3


def test_a_tree_that_goes_on_another_thread_is_freed_on_the_owner(schema: Schema) -> None:
    held = [Tree.parse(schema, ORDER)]
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    assert len(schema._orphans) == 1
    Tree.parse(schema, b'<order xmlns="urn:yangswan:test:every-construct">b</order>')
    assert not schema._orphans
