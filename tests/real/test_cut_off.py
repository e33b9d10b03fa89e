"""A client that configures over NETCONF a tunnel which would take its own packets; every gateway is real."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from lxml import etree

from tests.agent_process import AgentProcess
from tests.lab import Gateway, Lab, Namespace
from tests.real.gateways import IPSEC, NS, Orchestrator, edit, gateway, inside, on, problems
from tests.scripts.agents import ROOT
from tests.scripts.test_readme import blocks
from tests.translators.real.test_leaks import host_behind, until
from tests.translators.tunnels import at_bob
from tests.wire.raw_client import raw_client

pytestmark = pytest.mark.real

PAGE = (ROOT / "docs" / "safety-net.md").read_text(encoding="utf-8")
BLOCKS = {block.proof: block.text for block in blocks(PAGE) if block.proof}
EVERYTHING = (
    "<ipsec><id>1</id><secret>right-secret-0001</secret><local-address>192.168.0.1</local-address>"
    "<local-id><name>alice1</name></local-id><remote-id><name>bob1</name></remote-id>"
    "<local-subnet>10.8.0.0/24</local-subnet><remote-subnet>0.0.0.0/0</remote-subnet>{}</ipsec>"
)
UNSPARED = EVERYTHING.format("<bypass><connected-networks>false</connected-networks></bypass>")
SPARED = EVERYTHING.format("<bypass><network>10.8.0.0/24</network></bypass>")
EVEN = '<commit><even-if-cut-off xmlns="urn:yangswan:params:xml:ns:yang:agent"/></commit>'
CONFIRMED = "<commit><confirmed/><confirm-timeout>10</confirm-timeout></commit>"
REMOVE = '<ipsec nc:operation="remove"><id>1</id></ipsec>'


NAMED = "may cut off session 1 of admin from 10.8.0.2"


@dataclass
class Network:
    """A gateway alice with an agent, a host behind her that configures it, and bob, who takes all traffic."""

    lab: Lab
    alice: AgentProcess
    bob: Gateway
    host: Namespace

    def problems(self, body: str, operation: str = "<commit/>") -> list[tuple[str, str, str, str]]:
        """Return what the host is told of a commit."""
        return problems(self.host, self.alice, body, operation)

    def on_console(self, body: str) -> None:
        """Commit ``body`` at alice herself, where nothing is ever cut off."""
        self.alice.host = "127.0.0.1"
        try:
            on(self.lab.alice_ns, self.alice, lambda orchestrator: orchestrator.commit(body))
        finally:
            self.alice.host = "10.8.0.1"

    def tunnels(self, namespace: Namespace) -> int:
        """Return how many tunnels running has, asked from ``namespace``."""
        return on(namespace, self.alice, _count)


async def _count(orchestrator: Orchestrator) -> int:
    reply = await orchestrator.do("<get-config><source><running/></source></get-config>")
    return len(reply.findall(f".//{{{IPSEC}}}ipsec"))


@pytest.fixture
def network(lab: Lab, tmp_path: Path) -> Iterator[Network]:
    with ExitStack() as stack:
        host = stack.enter_context(host_behind(lab))
        alice = stack.enter_context(gateway(lab.alice_ns, tmp_path / "alice-agent", "--listen", "0.0.0.0:0"))
        alice.host = "10.8.0.1"
        bob = lab.bob()
        bob.start(at_bob(local_subnet=["0.0.0.0/0"], remote_subnet=["10.8.0.0/24"]))
        yield Network(lab, alice, bob, host)


def test_who_would_cut_himself_off_is_told_so(network: Network) -> None:
    (problem,) = network.problems(UNSPARED)
    tag, app_tag, path, message = problem
    assert (tag, app_tag) == ("operation-failed", "would-cut-off-session")
    assert path.endswith(":ipsec[ipsec:id='1']")
    # Where charon encrypts, the packet is not routed into the tunnel, but dropped.
    assert re.search(
        r"tunnel 1 \(from 10.8.0.0/24 to 0.0.0.0/0\) would (take|drop) what goes between", message
    )
    assert "between 10.8.0.1 and 10.8.0.2" in message
    assert message.endswith(
        "; have 10.8.0.2, or its network, in bypass/network of the tunnel or in "
        "/tunnels/bypass, make it a confirmed commit without <verify>, which takes itself back "
        "unless it is confirmed, or commit with <even-if-cut-off/>"
    )
    assert network.tunnels(network.host) == 0


@pytest.mark.parametrize("entry", [SPARED, EVERYTHING.format("")])
def test_with_a_bypass_he_stays_connected_and_the_tunnel_is_up(network: Network, entry: str) -> None:
    async def work(orchestrator: Orchestrator) -> None:
        await orchestrator.commit(entry)
        await orchestrator.until_status(1, "installed")
        assert await _count(orchestrator) == 1

    on(network.host, network.alice, work)
    network.bob.wait_status("installed")


@pytest.mark.parametrize("operation", [CONFIRMED, EVEN])
def test_he_is_cut_off_until_it_is_taken_back(network: Network, operation: str) -> None:
    async def work() -> None:
        async with raw_client(network.alice, greet="1.1") as client:
            assert b"<ok/>" in await client.ask(edit(UNSPARED))
            committing = asyncio.ensure_future(client.ask(operation))
            await seen_cut_off(network, committing)
            if operation == EVEN:
                await asyncio.to_thread(network.on_console, REMOVE)
            # What he was not answered arrives as soon as there is a way again.
            assert b"<ok/>" in await committing
            assert await _count(Orchestrator(client)) == 0

    network.host.call(lambda: asyncio.run(work()))
    assert network.tunnels(network.host) == 0
    assert NAMED in "".join(network.alice.log)


async def seen_cut_off(network: Network, committing: asyncio.Future[bytes]) -> None:
    """Return once the commit was seen in force at alice herself, with no answer to who made it."""

    def look() -> int:
        network.alice.host = "127.0.0.1"
        try:
            return network.tunnels(network.lab.alice_ns)
        finally:
            network.alice.host = "10.8.0.1"

    while True:
        is_answered = committing.done()
        if await asyncio.to_thread(look):
            assert not is_answered
            return


def test_others_whom_it_cuts_off_are_in_the_log(network: Network) -> None:
    async def work(orchestrator: Orchestrator) -> None:
        assert await _count(orchestrator) == 0
        await asyncio.to_thread(network.on_console, UNSPARED)
        await asyncio.to_thread(until, lambda: NAMED in "".join(network.alice.log))
        await asyncio.to_thread(network.on_console, REMOVE)
        assert await _count(orchestrator) == 0

    on(network.host, network.alice, work)


def test_who_comes_through_the_tunnel_does_not_take_it_away(network: Network) -> None:
    network.on_console(EVERYTHING.format(""))
    network.bob.wait_status("installed")
    # From beyond bob, whom the tunnel alone leads to 10.8.0.1.
    beyond = network.lab.bob_ns
    (problem,) = problems(beyond, network.alice, REMOVE)
    assert problem[1] == "would-cut-off-session"
    assert "tunnel 1 (from 10.8.0.0/24 to 0.0.0.0/0) would take what goes between 10.8.0.1 and" in problem[3]
    assert "no longer" in problem[3]
    # What leaves the way as it is is nobody's end.
    assert problems(beyond, network.alice, "<ipsec><id>1</id><description>x</description></ipsec>") == []


def test_the_page_says_what_is_answered(network: Network) -> None:
    behind = network.host
    behind.ip("link", "set", "lo", "up")
    behind.ip("address", "add", "10.5.0.9/32", "dev", "lo")
    behind.ip("route", "add", "10.8.0.1/32", "dev", "eth0", "src", "10.5.0.9")
    network.lab.alice_ns.ip("route", "add", "10.5.0.0/16", "via", "10.8.0.2")

    async def work() -> etree._Element:
        async with raw_client(network.alice, greet="1.1") as client:
            config = f"<config>{BLOCKS['cut off']}</config>"
            body = f"<edit-config><target><candidate/></target>{config}</edit-config>"
            assert b"<ok/>" in await client.ask(body)
            return etree.fromstring(await client.ask("<commit/>"))

    (error,) = inside(behind, work).findall("nc:rpc-error", NS)
    expected = etree.fromstring(BLOCKS["cut off, answered"])
    assert [text_of(leaf) for leaf in error] == [text_of(leaf) for leaf in expected]
    assert etree.fromstring(BLOCKS["cut off, all the same"])[0].tag == etree.fromstring(EVEN)[0].tag


def text_of(leaf: etree._Element) -> tuple[str, str]:
    return etree.QName(leaf).localname, leaf.text or ""
