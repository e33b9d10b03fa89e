"""What a very large edit costs while it runs, and that it is given back."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.agent_process import AgentProcess, running_agent
from tests.requests import edit_candidate
from tests.wire.raw_client import RawClient, chunked, raw_client, rpc

ACME = Path(__file__).parents[1] / "modules" / "acme.yang"
ENTRIES = 25_000
TEXT_OCTETS = 2_000
LIMIT_S = 120


def status_octets(agent: AgentProcess, name: str) -> int:
    for line in Path(f"/proc/{agent.process.pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)


def forget_peak(agent: AgentProcess) -> None:
    Path(f"/proc/{agent.process.pid}/clear_refs").write_text("5")


async def reply(client: RawClient, message: bytes) -> bytes:
    client.send(chunked(message))
    async with asyncio.timeout(LIMIT_S):
        while b"##" not in client.buffer:
            client.buffer += await client.process.stdout.read(65536)
    return await client.chunked_message()


async def test_an_edit_of_50_megabytes_costs_at_most_six_times_its_size(tmp_path: Path) -> None:
    # Each text is another one: libyang keeps equal values once.
    entries = (
        f"<interface><name>i{n}</name><mtu>1500</mtu><domain>{n:0{TEXT_OCTETS}}</domain></interface>"
        for n in range(ENTRIES)
    )
    body = f'<interfaces xmlns="http://example.com/ns/acme">{"".join(entries)}</interfaces>'
    message = rpc(edit_candidate(body))
    assert len(message) > 50_000_000
    with running_agent(tmp_path / "data", ["--yang-module", str(ACME)]) as agent:
        async with raw_client(agent, greet="1.1") as client:
            await client.ask("<get/>")
            before = status_octets(agent, "VmRSS")
            forget_peak(agent)
            assert b"<ok/>" in await reply(client, message)
            assert status_octets(agent, "VmHWM") - before < 6 * len(message)
            assert b"<ok/>" in await client.ask("<discard-changes/>")
            await client.ask("<get-config><source><candidate/></source></get-config>")
            assert status_octets(agent, "VmRSS") - before < len(message) // 2
