"""kill -9 in a storm of commits: running is the last acknowledged commit or the one in flight, charon too."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncssh
import pytest

from tests.agent_process import AgentProcess
from tests.lab import Lab, Namespace
from tests.real.gateways import NS, Orchestrator, edit, gateway, inside, loaded_connections, on
from tests.wire.raw_client import chunked, raw_client, rpc

pytestmark = pytest.mark.real

KILLS = 50
SEED = 20261123


def step(number: int) -> str:
    """Return the edit of commit ``number``: charon can see in it which commit it holds."""
    subnet = f"10.{100 + number // 250}.{number % 250}.0/24"
    second = (
        '<ipsec nc:operation="remove"><id>2</id></ipsec>'
        if number % 2
        else f"<ipsec><id>2</id><secret>another-secret</secret><local-address>192.168.0.1</local-address>"
        f"<peer>192.168.0.3</peer><remote-id><name>two-{number}</name></remote-id></ipsec>"
    )
    return (
        f'<ipsec nc:operation="replace"><id>1</id><description>commit {number}</description>'
        f"<secret>secret-of-{number:05d}</secret><local-address>192.168.0.1</local-address>"
        f"<peer>192.168.0.2</peer><remote-id><name>one</name></remote-id>"
        f"<remote-subnet>{subnet}</remote-subnet></ipsec>{second}"
    )


@dataclass
class Storm:
    """What the client knows: the last commit that was answered ok, and the last that was sent."""

    acknowledged: int = 0
    sent: int = 0


async def commit_until_killed(agent: AgentProcess, storm: Storm, after_s: float) -> None:
    """Commit without pause; the agent is killed ``after_s`` seconds after the first request."""
    loop = asyncio.get_running_loop()
    try:
        async with raw_client(agent, greet="1.1") as client:
            loop.call_later(after_s, agent.process.kill)
            while True:
                number = storm.sent + 1
                client.send(chunked(rpc(edit(step(number)))))
                storm.sent = number
                client.send(chunked(rpc("<commit/>")))
                for _ in range(2):
                    reply = await client.chunked_message()
                    assert b"<ok/>" in reply, reply
                storm.acknowledged = number
    except (ConnectionError, asyncssh.Error):
        return
    except AssertionError as problem:
        if "closed before" not in str(problem):
            raise


async def running_commit(orchestrator: Orchestrator) -> tuple[int, bool]:
    """Return the number of the commit that running holds, and whether it holds tunnel 2."""
    reply = await orchestrator.do("<get-config><source><running/></source></get-config>")
    descriptions = reply.findall(".//i:ipsec/i:description", NS)
    ids = {e.text for e in reply.findall(".//i:ipsec/i:id", NS)}
    number = int(descriptions[0].text.split()[1]) if descriptions else 0
    return number, "2" in ids


def check(namespace: Namespace, agent: AgentProcess, storm: Storm) -> None:
    number, has_second = on(namespace, agent, running_commit)
    assert number in (storm.acknowledged, storm.sent), (number, storm)
    assert has_second == (number > 0 and number % 2 == 0)
    held = asyncio.run(loaded_connections(agent.data_dir))
    assert set(held) == ({"ipsec-1"} if number else set()) | ({"ipsec-2"} if has_second else set())
    if number:
        child = held["ipsec-1"]["children"]["ipsec-1"]
        assert child["remote-ts"] == [f"10.{100 + number // 250}.{number % 250}.0/24"]
    storm.acknowledged = storm.sent = number


def test_fifty_kills_lose_no_acknowledged_commit(lab: Lab, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    storm, namespace, data_dir = Storm(), lab.alice_ns, tmp_path / "agent"
    in_flight = 0
    for _ in range(KILLS):
        with gateway(namespace, data_dir, keep_charon=True) as agent:
            check(namespace, agent, storm)
            inside(namespace, partial(commit_until_killed, agent, storm, chance.uniform(0.0, 0.4)))
            agent.kill()
            in_flight += storm.sent - storm.acknowledged
    with gateway(namespace, data_dir) as agent:
        check(namespace, agent, storm)
    assert storm.acknowledged > KILLS  # it was a storm, and not fifty idle restarts
    assert in_flight > 0  # some kills hit a commit in flight
