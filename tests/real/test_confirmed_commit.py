"""A confirmed commit on live tunnels: charon goes back with the datastore, and no other tunnel notices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent_process import AgentProcess
from tests.lab import Lab
from tests.real.gateways import NS, Orchestrator, edit, gateway, inside, loaded_connections, on, text
from tests.real.test_netconf_to_charon import Pair, pair, spis, tunnel, up

__all__ = ["pair"]
pytestmark = pytest.mark.real

CONFIRMED = "<commit><confirmed/><confirm-timeout>{}</confirm-timeout></commit>"
CUT_OFF = (  # what an operator should not do to a tunnel over which he works
    '<ipsec><id>1</id><remote-subnet nc:operation="delete">10.1.0.0/16</remote-subnet>'
    "<remote-subnet>10.99.0.0/16</remote-subnet></ipsec>"
)


def subnets(lab: Lab, bob: AgentProcess) -> dict[str, list[str]]:
    """Return the remote subnets of each connection that bob's charon holds."""
    loaded = inside(lab.bob_ns, lambda: loaded_connections(bob.data_dir))
    return {name: remote_subnets(content) for name, content in loaded.items()}


def remote_subnets(connection: object) -> list[str]:
    assert isinstance(connection, dict)
    (child,) = connection["children"].values()
    return list(child["remote-ts"])


def confirmed_on_bob(pair: Pair, body: str, timeout_s: int, then: Callable[[], None] = lambda: None) -> None:
    async def work(orchestrator: Orchestrator) -> None:
        await orchestrator.do(edit(body))
        await orchestrator.do(CONFIRMED.format(timeout_s))
        then()

    on(pair.lab.bob_ns, pair.bob, work)


def test_an_unconfirmed_change_of_a_live_tunnel_is_taken_back(pair: Pair) -> None:
    up(pair, 1, 2)
    second = spis(pair.bob_until(2, "installed"))
    tried: list[dict[str, list[str]]] = []
    # The session ends without a confirmation, as when the change cut the operator off.
    confirmed_on_bob(pair, CUT_OFF, 600, lambda: tried.append(subnets(pair.lab, pair.bob)))
    assert tried == [{"ipsec-1": ["10.99.0.0/16"], "ipsec-2": ["10.3.0.0/16"]}]
    state = pair.bob_until(1, "installed")
    assert text(state, "child-sa/remote-ts") == "10.1.0.0/16"
    assert subnets(pair.lab, pair.bob) == {"ipsec-1": ["10.1.0.0/16"], "ipsec-2": ["10.3.0.0/16"]}
    assert spis(pair.bob_until(2, "installed")) == second


def test_a_new_tunnel_that_nobody_confirms_in_time_is_gone(pair: Pair) -> None:
    up(pair, 1)
    first = spis(pair.bob_until(1, "installed"))
    pair.on_alice(tunnel(2, "alice", "bob", initiator=False))

    async def work(orchestrator: Orchestrator) -> None:
        await orchestrator.do(edit(tunnel(2, "bob", "alice", initiator=True)))
        await orchestrator.do(CONFIRMED.format(5))
        await orchestrator.until_status(2, "installed")
        while True:
            reply = await orchestrator.do("<get-config><source><running/></source></get-config>")
            if len(reply.findall(".//i:ipsec", NS)) == 1:
                return

    on(pair.lab.bob_ns, pair.bob, work)
    assert subnets(pair.lab, pair.bob) == {"ipsec-1": ["10.1.0.0/16"]}
    assert spis(pair.bob_until(1, "installed")) == first


def test_kill_9_inside_the_window_rolls_charon_back(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "bob-agent"

    def commit_and_die(agent: AgentProcess) -> None:
        async def work(orchestrator: Orchestrator) -> None:
            await orchestrator.commit(tunnel(1, "bob", "alice", initiator=False))
            await orchestrator.do(edit(CUT_OFF + tunnel(2, "bob", "alice", initiator=False)))
            await orchestrator.do(CONFIRMED.format(600).replace("</commit>", "<persist>x</persist></commit>"))
            agent.kill()

        on(lab.bob_ns, agent, work)

    with gateway(lab.bob_ns, folder, keep_charon=True) as agent:
        commit_and_die(agent)
    with gateway(lab.bob_ns, folder) as agent:
        assert subnets(lab, agent) == {"ipsec-1": ["10.1.0.0/16"]}
