"""Sessions of the whole program: their time limits, their end, and what they leave behind."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path

import pytest
from lxml import etree

from tests.agent_process import AgentProcess, running_agent
from tests.wire.raw_client import EOM, chunked, hello, qualified, raw_client, rpc
from tests.wire.test_bad_input import GET, edit, resident_octets

MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
NS = {"m": MONITORING}
LOCK = rpc("<lock><target><candidate/></target></lock>")
RPCS = 10_000


def settings(folder: Path, limits: str) -> list[str]:
    file = folder / "agent.toml"
    file.write_text(f"[limits]\n{limits}\n")
    return ["--config", str(file)]


async def test_a_client_that_does_not_greet_is_closed(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data", settings(tmp_path, "hello-timeout-s = 1")) as agent:
        async with raw_client(agent) as client:
            assert (await client.closed()).endswith(EOM)
        assert await logged(agent, "no hello in time")


async def test_a_client_that_only_sends_white_space_is_closed(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data", settings(tmp_path, "hello-timeout-s = 1")) as agent:
        async with raw_client(agent) as client:
            async with asyncio.timeout(30):
                while not any("no hello in time" in line for line in agent.log):
                    # It may be closed already, and told of in a moment.
                    with contextlib.suppress(BrokenPipeError):
                        client.send(b" ")
                    await asyncio.to_thread(agent.readers[0].join, 0.05)


async def test_a_killed_client_that_does_not_read_keeps_no_lock(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data") as agent:
        async with raw_client(agent) as victim, raw_client(agent, greet="1.1") as killer:
            victim.send(hello("1.1") + EOM)
            session_id = etree.fromstring(await victim.message()).findtext("{*}session-id")
            victim.send(chunked(LOCK))
            assert b"<ok/>" in await victim.chunked_message()
            victim.process.channel.pause_reading()
            victim.send(chunked(rpc("<get/>")) * 500)
            killer.send(chunked(rpc(f"<kill-session><session-id>{session_id}</session-id></kill-session>")))
            assert b"<ok/>" in await killer.chunked_message()
            async with asyncio.timeout(30):  # far less than the limit for one write
                while True:
                    killer.send(chunked(LOCK))
                    if b"<ok/>" in await killer.chunked_message():
                        break


async def test_an_idle_client_is_closed(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data", settings(tmp_path, "idle-timeout-s = 1")) as agent:
        async with raw_client(agent, greet="1.1") as client:
            assert await client.closed() == b""
        assert await logged(agent, "ended: idle")


async def logged(agent: AgentProcess, text: str) -> bool:
    async with asyncio.timeout(30):
        while not any(text in line for line in agent.log):
            await asyncio.to_thread(agent.readers[0].join, 0.05)
    return True


async def test_kill_session_ends_the_other_and_frees_its_lock(agent: AgentProcess) -> None:
    async with raw_client(agent) as victim, raw_client(agent, greet="1.1") as killer:
        victim.send(hello("1.1") + EOM)
        greeting = etree.fromstring(await victim.message())
        session_id = greeting.findtext("{*}session-id")
        victim.send(chunked(LOCK))
        assert b"<ok/>" in await victim.chunked_message()
        killer.send(chunked(LOCK))
        denied = etree.fromstring(await killer.chunked_message())
        assert denied.findtext(".//{*}error-tag") == "lock-denied"
        assert denied.findtext(".//{*}error-info/{*}session-id") == session_id
        killer.send(chunked(rpc(f"<kill-session><session-id>{session_id}</session-id></kill-session>")))
        assert b"<ok/>" in await killer.chunked_message()
        assert await victim.closed() == b""
        while True:  # until the session of the victim is over
            killer.send(chunked(LOCK))
            if b"<ok/>" in await killer.chunked_message():
                break


async def test_close_session_is_answered_before_the_end(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client:
        client.send(chunked(rpc("<close-session/>")) + chunked(GET))
        assert (await client.closed()).count(b"<rpc-reply") == 1


async def test_rfc6022_monitoring_shows_sessions_locks_and_statistics(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client:
        client.send(chunked(LOCK))
        await client.chunked_message()
        client.send(chunked(rpc(f'<get><filter><netconf-state xmlns="{MONITORING}"/></filter></get>')))
        state = etree.fromstring(await client.chunked_message())
        client.send(chunked(rpc("<unlock><target><candidate/></target></unlock>")))
        await client.chunked_message()
    (session,) = state.findall(".//m:session[m:in-rpcs='2']", NS)
    assert session.findtext("m:username", namespaces=NS) == "admin"
    assert qualified(session.find("m:transport", NS)) == f"{{{MONITORING}}}netconf-ssh"
    locked = state.findtext(".//m:datastore[m:name='candidate']//m:locked-by-session", namespaces=NS)
    assert locked == session.findtext("m:session-id", namespaces=NS)
    assert int(state.findtext(".//m:statistics/m:in-sessions", namespaces=NS)) >= 1
    assert state.findall(".//m:schema[m:identifier='yangswan-ipsec']", NS)


async def test_ten_thousand_rpcs_do_not_grow_the_server(agent: AgentProcess) -> None:
    tunnel = "<ipsec><id>9</id><local-address>192.0.2.1</local-address><description>{}</description></ipsec>"
    bodies = [
        edit(tunnel.format("one")),
        edit(tunnel.format("x" * 900)),  # refused: too long
        "<get-config><source><candidate/></source></get-config>",
        "<validate><source><candidate/></source></validate>",  # refused: no secret
        "<get/>",
        "<discard-changes/>",
        "<nonsense/>",
        '<get><filter type="xpath" select="count(1)"/></get>',
    ]
    batch = b"".join(chunked(rpc(body)) for body in bodies)

    async def rounds(count: int) -> None:
        async with raw_client(agent, greet="1.1") as client:
            for _ in range(count):
                client.send(batch)
                for _ in bodies:
                    await client.chunked_message()

    await rounds(100)
    before = resident_octets(agent)
    await rounds(RPCS // len(bodies))
    grown = resident_octets(agent) - before
    # Half a kibibyte an rpc, which is what the binding's own parse_op would lose, would be 5 MiB.
    assert grown < 3 * 1024 * 1024, f"{grown} octets after {RPCS} rpcs"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_cleanly_with_clients_connected(tmp_path: Path, number: signal.Signals) -> None:
    with running_agent(tmp_path / "data") as agent:
        with contextlib.suppress(ConnectionError, OSError):
            async with raw_client(agent, greet="1.1") as client:
                client.send(chunked(LOCK))
                await client.chunked_message()
                agent.process.send_signal(number)
                with contextlib.suppress(Exception):
                    await client.closed()
        assert agent._end() == 0
    assert not [line for line in agent.log if "Traceback" in line or "ERROR" in line]


def test_two_agents_do_not_share_a_data_folder(tmp_path: Path) -> None:
    with (
        running_agent(tmp_path / "data"),
        pytest.raises(AssertionError, match="another agent uses the data folder"),
        running_agent(tmp_path / "data"),
    ):
        pass


async def test_what_was_committed_is_there_after_a_restart(tmp_path: Path) -> None:
    tunnel = "<ipsec><id>9</id><local-address>192.0.2.1</local-address><secret>long-enough</secret></ipsec>"
    with running_agent(tmp_path / "data") as agent:
        async with raw_client(agent, greet="1.1") as client:
            client.send(chunked(rpc(edit(tunnel))) + chunked(rpc("<commit/>")))
            for _ in range(2):
                assert b"<ok/>" in await client.chunked_message()
    with running_agent(tmp_path / "data") as agent:
        async with raw_client(agent, greet="1.1") as client:
            client.send(chunked(GET))
            assert b"<id>9</id>" in await client.chunked_message()
    assert not [line for line in agent.log if "long-enough" in line]
