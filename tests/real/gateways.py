"""Agents as processes in the namespaces of a lab, and a NETCONF client that reaches them there."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from lxml import etree

from tests.agent_process import AgentProcess, start_agent
from tests.lab import Namespace
from tests.wire.raw_client import BASE, RawClient, chunked, raw_client, rpc
from translators.strongswan.charon.daemon import leftover_pids
from translators.strongswan.charon.vici import Connection, Section

T = TypeVar("T")

IPSEC = "urn:yangswan:params:xml:ns:yang:ipsec"
DAEMON = "urn:yangswan:params:xml:ns:yang:daemon"
NS = {"nc": BASE, "i": IPSEC, "d": DAEMON}
STATE_LIMIT_S = 60


def start_in(namespace: Namespace, data_dir: Path, *options: str, charon: str = "managed") -> AgentProcess:
    """Start an agent with a charon inside ``namespace``."""
    prefix = ("ip", "netns", "exec", namespace.name)
    return start_agent(data_dir, options, prefix=prefix, charon=charon)


def inside(namespace: Namespace, work: Callable[[], Awaitable[T]]) -> T:
    """Run a coroutine on a thread that has entered ``namespace``; returns or raises what it does."""
    outcome: Future[T] = Future()

    async def run() -> T:
        return await work()

    def entered() -> None:
        try:
            namespace.enter()
            outcome.set_result(asyncio.run(run()))
        except BaseException as problem:
            outcome.set_exception(problem)

    thread = threading.Thread(target=entered)
    thread.start()
    thread.join()
    return outcome.result()


@contextmanager
def gateway(
    namespace: Namespace, data_dir: Path, *options: str, keep_charon: bool = False
) -> Iterator[AgentProcess]:
    """A running agent; whatever happens, neither it nor its charon is left behind.

    With ``keep_charon`` the charon of an agent that was killed goes on, unless the block fails.
    """
    keep = False
    try:
        agent = start_in(namespace, data_dir, *options)
        try:
            yield agent
            keep = keep_charon
        finally:
            if agent.process.poll() is None:
                agent.stop()
    finally:
        if not keep:
            end_charon(data_dir)


def end_charon(data_dir: Path) -> None:
    """End a charon that a killed agent left behind."""
    for pid in leftover_pids([data_dir / "strongswan"]):
        os.kill(pid, signal.SIGKILL)


class Orchestrator:
    """One open NETCONF session; every method waits for its reply."""

    def __init__(self, client: RawClient) -> None:
        self._client = client

    async def do(self, body: str) -> etree._Element:
        """Send one operation; returns the <rpc-reply>.

        Raises:
            AssertionError: the reply is an error; it is the message.
        """
        self._client.send(chunked(rpc(body)))
        reply = await self._client.chunked_message()
        assert b"<rpc-error>" not in reply, reply.decode()
        return etree.fromstring(reply)

    async def commit(self, *bodies: str) -> None:
        for body in bodies:
            await self.do(edit(body))
        await self.do("<commit/>")

    async def state(self, tunnel: int) -> etree._Element:
        """Return the <state> of a tunnel."""
        wanted = f'<tunnels xmlns="{IPSEC}"><ipsec><id>{tunnel}</id><state/></ipsec></tunnels>'
        reply = await self.do(f"<get><filter>{wanted}</filter></get>")
        found = reply.find(".//i:state", NS)
        assert found is not None, etree.tostring(reply)
        return found

    async def until(self, tunnel: int, condition: Callable[[etree._Element], object]) -> etree._Element:
        """Return the first state of a tunnel that meets ``condition``."""
        state = await self.state(tunnel)
        try:
            async with asyncio.timeout(STATE_LIMIT_S):
                while not condition(state):
                    state = await self.state(tunnel)
        except TimeoutError:
            raise AssertionError(etree.tostring(state, pretty_print=True).decode()) from None
        return state

    async def until_status(self, tunnel: int, status: str) -> etree._Element:
        return await self.until(tunnel, lambda state: text(state, "status") == status)


def text(element: etree._Element, path: str) -> str:
    """Return the text at ``path`` (names of our module), "" if there is none."""
    steps = "/".join(f"i:{step}" for step in path.split("/"))
    return element.findtext(steps, default="", namespaces=NS)


def edit(body: str) -> str:
    return (
        "<edit-config><target><candidate/></target><config>"
        f'<tunnels xmlns="{IPSEC}" xmlns:nc="{BASE}">{body}</tunnels></config></edit-config>'
    )


async def talk(agent: AgentProcess, work: Callable[[Orchestrator], Awaitable[T]]) -> T:
    """Open a session with ``agent`` and return what ``work`` makes of it."""
    async with raw_client(agent, greet="1.1") as client:
        return await work(Orchestrator(client))


async def loaded_connections(data_dir: Path) -> dict[str, Section]:
    """Return what charon holds, by name of the connection."""
    connection = await Connection.open(data_dir / "strongswan" / "vici.sock")
    try:
        found: dict[str, Section] = {}
        for event in await connection.stream("list-conns", "list-conn", {}):
            found.update(event)  # one connection an event
        return found
    finally:
        await connection.close()
