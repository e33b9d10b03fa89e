"""Agents as processes in the namespaces of a lab, and a NETCONF client that reaches them there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

from lxml import etree

from tests.agent_process import AgentProcess, running_agent
from tests.lab import Namespace, charon_of, end_charon
from tests.wire.raw_client import BASE, RawClient, raw_client
from translators.strongswan.charon.vici import Section

T = TypeVar("T")

IPSEC = "urn:yangswan:params:xml:ns:yang:ipsec"
DAEMON = "urn:yangswan:params:xml:ns:yang:daemon"
NS = {"nc": BASE, "i": IPSEC, "d": DAEMON}
STATE_LIMIT_S = 60
Problem = tuple[str, str, str, str]


def running_in(
    namespace: Namespace, data_dir: Path, *options: str, charon: str = "managed"
) -> AbstractContextManager[AgentProcess]:
    """A running agent with a charon inside ``namespace``."""
    return running_agent(data_dir, options, prefix=namespace.exec, charon=charon)


def inside(namespace: Namespace, work: Callable[[], Awaitable[T]]) -> T:
    """Run a coroutine on a thread that has entered ``namespace``; returns or raises what it does."""

    async def run() -> T:
        return await work()

    return namespace.call(lambda: asyncio.run(run()))


@contextmanager
def gateway(
    namespace: Namespace, data_dir: Path, *options: str, keep_charon: bool = False
) -> Iterator[AgentProcess]:
    """A running agent; whatever happens, neither it nor its charon is left behind.

    With ``keep_charon`` the charon of an agent that was killed goes on, unless the block fails.
    """
    keep = False
    try:
        with running_in(namespace, data_dir, *options) as agent:
            yield agent
            keep = keep_charon
    finally:
        if not keep:
            end_charon(data_dir)


class Orchestrator:
    """One open NETCONF session; every method waits for its reply."""

    def __init__(self, client: RawClient) -> None:
        self._client = client

    async def do(self, body: str) -> etree._Element:
        """Send one operation; returns the <rpc-reply>.

        Raises:
            AssertionError: the reply is an error; it is the message.
        """
        reply = await self._client.ask(body)
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


def text(element: etree._Element, path: str, prefix: str = "i") -> str:
    """Return the text at ``path`` (names of the module of ``prefix`` in NS), "" if there is none."""
    steps = "/".join(f"{prefix}:{step}" for step in path.split("/"))
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


def on(namespace: Namespace, agent: AgentProcess, work: Callable[[Orchestrator], Awaitable[T]]) -> T:
    """Open a session with ``agent`` inside ``namespace`` and return what ``work`` makes of it."""
    return inside(namespace, lambda: talk(agent, work))


def problems(
    namespace: Namespace, agent: AgentProcess, body: str, operation: str = "<commit/>"
) -> list[Problem]:
    """Return tag, app-tag, path and message of each error of a commit (or validate) of ``body``."""

    async def work() -> etree._Element:
        async with raw_client(agent, greet="1.1") as client:
            assert b"<ok/>" in await client.ask(edit(body))
            reply = etree.fromstring(await client.ask(operation))
            await client.ask("<discard-changes/>")
            return reply

    found = inside(namespace, work).findall("nc:rpc-error", NS)
    leafs = ("error-tag", "error-app-tag", "error-path", "error-message")
    return [tuple(one.findtext(f"nc:{leaf}", "", NS) for leaf in leafs) for one in found]  # type: ignore[misc]


@asynccontextmanager
async def subscriber(agent: AgentProcess, start: str = "") -> AsyncIterator[RawClient]:
    """A session that is told of events; ``start`` is what else stands in the subscription."""
    events = "urn:ietf:params:xml:ns:netconf:notification:1.0"
    async with raw_client(agent, greet="1.1") as client:
        subscription = f'<create-subscription xmlns="{events}">{start}</create-subscription>'
        assert b"<ok/>" in await client.ask(subscription)
        yield client


async def loaded_connections(data_dir: Path) -> dict[str, Section]:
    """Return what charon holds, by name of the connection."""
    found: dict[str, Section] = {}
    async with charon_of(data_dir) as charon:
        for event in await charon.stream("list-conns", "list-conn", {}):
            found.update(event)  # one connection an event
    return found
