"""How often one request goes to a thread of libyang and back: each time it waits for what that does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent import notifications
from agent.operations.dispatch import dispatch
from agent.threads import worker_of
from agent.xml import NETCONF_NS, parse
from agent.yang.schema import Schema
from tests.agent.handlers import Lab, running_lab
from tests.agent.lab import PREFIXES, make_schema, top
from tests.agent.operations.test_reads import READS, entries
from tests.agent.recording_translator import RecordingTranslator
from tests.requests import edit_candidate


class Counted(ThreadPoolExecutor):
    """One thread, and how many calls it was given."""

    def __init__(self) -> None:
        super().__init__(1)
        self.given = 0

    def submit(self, *arguments: Any, **named: Any) -> Any:
        self.given += 1
        return super().submit(*arguments, **named)


@dataclass
class Counting:
    lab: Lab
    writes: Counted
    reads: Counted

    async def hops(self, operation: str) -> tuple[int, int]:
        """Return how often the threads that write and read are given something to do for ``operation``."""
        writes, reads = self.writes.given, self.reads.given
        rpc = parse(f'<rpc xmlns="{NETCONF_NS}" {PREFIXES}>{operation}</rpc>'.encode())
        await dispatch(self.lab.context, self.lab.caller(1), rpc[0], len(operation))
        return self.writes.given - writes, self.reads.given - reads


@pytest.fixture
async def counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Counting]:
    monkeypatch.setattr(notifications, "LATER_S", 3600.0)  # of events that nobody waits for
    writes, reads = Counted(), Counted()
    worker, reader = worker_of(writes), worker_of(reads)
    schema: Schema = await worker(make_schema)
    await reader(schema.frees_here)
    async with running_lab(schema, tmp_path, RecordingTranslator(), worker=worker, reader=reader) as lab:
        await lab.commit(entries(3, 2))
        yield Counting(lab, writes, reads)
    reads.shutdown()
    writes.shutdown()


CANDIDATE = "<target><candidate/></target>"
EDIT = edit_candidate(top("<entry><id>1</id><number>7</number></entry>"))
VALIDATE = "<validate><source><candidate/></source></validate>"
OF_READS = {
    **dict.fromkeys(READS, (0, 1)),
    **dict.fromkeys(("one by its key", "one with its state"), (0, 0)),
    "a long filter": (0, 2),  # its parameters, as a pattern may take long
    # What is there, then its state, which translators are asked for; then what both are as XML.
    **dict.fromkeys(("all with their state", "an expression on state", "operational"), (0, 3)),
}
"""Hops of each read to the threads that write and read."""
IN_A_ROW = (
    (f"<lock>{CANDIDATE}</lock>", 1),
    (EDIT, 1),
    (VALIDATE, 3),
    ("<commit/>", 3),
    (EDIT.replace("7", "8"), 1),
    ("<discard-changes/>", 1),
    ("<get-config><source><candidate/></source></get-config>", 1),
    (f"<unlock>{CANDIDATE}</unlock>", 1),
    ("<close-session/>", 0),
)
"""What a session asks for, and the hops of each to the thread that writes."""


@pytest.mark.parametrize("read", READS)
async def test_a_read_asks_the_thread_that_reads_and_no_oftener_than_it_must(
    counting: Counting, read: str
) -> None:
    assert await counting.hops(READS[read]) == OF_READS[read]
    assert await counting.hops(READS[read]) == OF_READS[read]


async def test_what_changes_something_asks_the_thread_that_writes_and_no_oftener_than_it_must(
    counting: Counting,
) -> None:
    assert [(asked, (await counting.hops(asked))[0]) for asked, _hops in IN_A_ROW] == [*IN_A_ROW]
    assert counting.reads.given == 1, "with which it began"
