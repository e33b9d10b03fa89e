"""libyang's memory comes back: thousands of edits, refusals and prints must not grow the process."""

from __future__ import annotations

import resource
import threading
from pathlib import Path

from agent.datastore.candidate import Candidate
from agent.datastore.edit import edit
from agent.errors import RpcErrors
from agent.yang.schema import Schema
from agent.yang.tree import Defaults, Tree
from agent.yang.validate import validate
from tests.agent.lab import config, empty_running, entry

ROUNDS = 3000


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
    before = resident_octets()
    for _ in range(ROUNDS):
        one_round(schema, candidate, running)
    grown = resident_octets() - before
    # A leak of one small node per call would be several times this.
    assert grown < 2 * 1024 * 1024, f"{grown} octets in {ROUNDS} rounds"


def test_a_tree_that_goes_on_another_thread_is_freed_on_the_owner(schema: Schema) -> None:
    held = [Tree.parse(schema, b'<order xmlns="urn:yangswan:test:every-construct">a</order>')]
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    assert len(schema._orphans) == 1
    Tree.parse(schema, b'<order xmlns="urn:yangswan:test:every-construct">b</order>')
    assert not schema._orphans
