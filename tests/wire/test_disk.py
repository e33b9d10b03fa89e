"""How often a commit waits for the disk before it is answered, and who waits with it. The kernel counts, and
holds the disk still (bench.peers.sync_counter)."""

from __future__ import annotations

import asyncio
import os
import platform
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.peers.sync_counter import NUMBERS, count_of
from tests.agent_process import AgentProcess, running_agent
from tests.requests import IPSEC, edit_candidate, tunnel
from tests.wire.raw_client import LIMIT_S, RawClient, chunked, raw_client, rpc

pytestmark = pytest.mark.skipif(platform.machine() not in NUMBERS, reason="its system calls are not known")

ONE_STEP = 5
"""Of SQLite: the journal, its folder, its header, the history, the end of the journal."""
COMMIT = "<commit/>"
VALIDATE = "<validate><source><candidate/></source></validate>"
GET = (
    f'<get-config><source><running/></source><filter><tunnels xmlns="{IPSEC}"><ipsec><id>1</id></ipsec>'
    "</tunnels></filter></get-config>"
)
ALL = "<get-config><source><running/></source></get-config>"
WITH_STATE = f'<get><filter><tunnels xmlns="{IPSEC}"/></filter></get>'


def described(number: int, words: str) -> str:
    entry = f"<ipsec><id>{number}</id><description>{words}</description></ipsec>"
    return edit_candidate(f'<tunnels xmlns="{IPSEC}">{entry}</tunnels>')


class Disk:
    """That of an agent, behind a process that counts each wait for it, and lets it go on."""

    def __init__(self, agent: AgentProcess, counted: Path) -> None:
        self._agent, self._counted = agent.process.pid, counted
        (self._counter,) = self._children()

    def _children(self) -> list[int]:
        file = Path(f"/proc/{self._agent}/task/{self._agent}/children")
        return [int(child) for child in file.read_text().split()]

    @property
    def waits(self) -> int:
        return count_of(self._counted)

    @contextmanager
    def held_still(self) -> Iterator[None]:
        """Have whoever waits for the disk go on waiting."""
        os.kill(self._counter, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._counter, signal.SIGCONT)

    def is_waited_for(self) -> bool:
        threads = Path(f"/proc/{self._agent}/task").iterdir()
        return any("seccomp" in (thread / "wchan").read_text() for thread in threads)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[AgentProcess, Disk]]:
    counted = tmp_path / "syncs"
    prefix = [sys.executable, "-m", "bench.peers.sync_counter", str(counted)]
    with running_agent(tmp_path / "data", prefix=prefix) as agent:
        yield agent, Disk(agent, counted)


async def done(client: RawClient, operation: str) -> None:
    assert b"<ok/>" in await client.ask(operation)


async def test_a_commit_of_one_leaf_waits_five_times_and_is_answered_after_the_last(
    disk: tuple[AgentProcess, Disk],
) -> None:
    agent, of_agent = disk
    async with raw_client(agent, greet="1.1") as client:
        for number in (1, 2):
            await done(client, edit_candidate(tunnel(number)))
        await done(client, COMMIT)
        for words in ("one", "another", "a third"):
            await done(client, VALIDATE)  # what came after the commit before is done with it
            before = of_agent.waits
            await done(client, described(1, words))
            assert of_agent.waits == before, "an edit is of memory alone"
            await done(client, COMMIT)
            assert of_agent.waits - before == ONE_STEP
            assert words.encode() in await client.ask(GET)
            await done(client, VALIDATE)
            assert of_agent.waits - before == ONE_STEP, "what it waits for, it waits for before its answer"


async def test_a_commit_that_charon_would_hear_of_is_recorded_in_two_steps(
    disk: tuple[AgentProcess, Disk],
) -> None:
    agent, of_agent = disk
    async with raw_client(agent, greet="1.1") as client:
        for change in (tunnel(1), tunnel(2)):
            await done(client, edit_candidate(change))
            await done(client, VALIDATE)
            before = of_agent.waits
            await done(client, COMMIT)
            assert of_agent.waits - before == 2 * ONE_STEP


async def test_a_commit_is_not_answered_while_the_disk_is_held_still_and_others_are(
    disk: tuple[AgentProcess, Disk],
) -> None:
    agent, of_agent = disk
    async with raw_client(agent, greet="1.1") as writer, raw_client(agent, greet="1.1") as reader:
        await done(writer, edit_candidate(tunnel(1, "before")))
        await done(writer, COMMIT)
        await done(writer, described(1, "after"))
        with of_agent.held_still():
            writer.send(chunked(rpc(COMMIT)))
            async with asyncio.timeout(LIMIT_S):
                while not of_agent.is_waited_for():
                    assert b">before<" in await reader.ask(GET)
            for _ in range(10):
                assert b">before<" in await reader.ask(GET)
            answered = asyncio.ensure_future(writer.chunked_message())
            for read in (GET, ALL, WITH_STATE):
                assert b">before<" in await reader.ask(read)
            assert not answered.done()
        assert b"<ok/>" in await answered
        assert b">after<" in await reader.ask(GET)
