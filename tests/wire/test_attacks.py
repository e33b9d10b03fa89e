"""Clients who keep others from being served if they can, while an administrator asks the running program."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh

from tests.agent.transport.ssh_server import make_key
from tests.agent_process import AgentProcess, running_agent
from tests.wire.raw_client import EOM, RawClient, chunked, hello, rpc

MIB = 1024 * 1024
WAIT_S = 60
AGENT = '<agent xmlns="urn:yangswan:params:xml:ns:yang:agent"/>'


def settings(folder: Path, limits: str = "") -> list[str]:
    """Users admin and eve, with keys of these names, and limits."""
    for name in ("admin", "eve"):
        make_key(folder / name)
    users = "".join(f'{name} = "{name}.pub"\n' for name in ("admin", "eve"))
    (folder / "agent.toml").write_text(f"[users]\n{users}[limits]\n{limits}\n")
    return ["--config", str(folder / "agent.toml")]


@asynccontextmanager
async def client_of(
    agent: AgentProcess, folder: Path, user: str, source: str = "127.0.0.1"
) -> AsyncIterator[RawClient]:
    options: dict[str, Any] = {
        "known_hosts": None, "username": user, "client_keys": [str(folder / user)], "agent_path": None,
        "config": None, "local_addr": (source, 0),
    }  # fmt: skip
    async with asyncssh.connect(agent.host, agent.port, **options) as connection:
        process = await connection.create_process(subsystem="netconf", encoding=None)
        client = RawClient(process)
        client.send(hello("1.1") + EOM)
        await client.message()
        yield client
        connection.abort()


def kill(session_id: int) -> str:
    return f"<kill-session><session-id>{session_id}</session-id></kill-session>"


async def session_of(client: RawClient, user: str) -> list[int]:
    reply = await client.ask(
        '<get><filter><netconf-state xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"><sessions>'
        f"<session><session-id/><username>{user}</username></session></sessions></netconf-state></filter></get>"
    )
    return [int(part.partition(b"<")[0]) for part in reply.split(b"<session-id>")[1:]]


async def test_sessions_that_hold_almost_a_message_each_hold_no_more_than_the_sum(tmp_path: Path) -> None:
    limits = f"message-octets = {4 * MIB}\nunfinished-octets-per-user = {8 * MIB}\nsessions-per-source = 16"
    with running_agent(tmp_path / "data", settings(tmp_path, limits)) as agent:
        async with client_of(agent, tmp_path, "admin") as admin, AsyncExitStack() as stack:
            crowd = []
            for number in range(16):
                source = f"127.0.0.{2 + number % 2}"
                client = await stack.enter_async_context(client_of(agent, tmp_path, "eve", source))
                client.send(b"\n#%d\n" % (4 * MIB) + bytes(4 * MIB - 1))
                await client.process.stdin.drain()
                crowd.append(client)
                assert b"<limits>" in await admin.ask(f"<get><filter>{AGENT}</filter></get>")
            over = [asyncio.ensure_future(client.closed()) for client in crowd]
            async with asyncio.timeout(WAIT_S):
                while sum(one.done() for one in over) < 14:
                    await asyncio.wait([one for one in over if not one.done()], return_when="FIRST_COMPLETED")
            left = await session_of(admin, "eve")
            assert 1 <= len(left) <= 2
            for session_id in left:
                assert b"<ok/>" in await admin.ask(kill(session_id))
            async with asyncio.timeout(WAIT_S):
                await asyncio.gather(*over)
            # The sum is free again: a whole message of the largest size is taken.
            last = await stack.enter_async_context(client_of(agent, tmp_path, "eve", "127.0.0.4"))
            assert b"<data" in await last.ask("<get><filter/></get>" + " " * (4 * MIB - 1000))
        assert sum("are not finished exceed" in line for line in agent.log) >= 14


async def test_packets_of_one_octet_keep_nobody_from_being_served(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data", settings(tmp_path)) as agent:
        floods = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.wire.flood", str(agent.port), str(tmp_path / "eve"), "eve",
                f"127.0.0.{2 + number}", stdout=PIPE, cwd=Path(__file__).parents[2],
            )
            for number in range(4)
        ]  # fmt: skip
        try:
            async with asyncio.timeout(WAIT_S):
                sessions = [int(await flood.stdout.readline()) for flood in floods if flood.stdout]
                async with client_of(agent, tmp_path, "admin") as admin:
                    for _ in range(10):
                        assert b"<limits>" in await admin.ask(f"<get><filter>{AGENT}</filter></get>")
                    assert [flood.returncode for flood in floods] == [None] * 4, "they are at it"
                    for session_id in sessions:
                        assert b"<ok/>" in await admin.ask(kill(session_id))
                    assert await session_of(admin, "eve") == []
                    for flood in floods:
                        await flood.wait()
        finally:
            for flood in floods:
                if flood.returncode is None:
                    flood.kill()
                    await flood.wait()


async def test_one_octet_a_chunk_is_taken_in_turns_too(tmp_path: Path) -> None:
    """A chunk of one octet is five octets to take apart; all of it arrives in packets of the usual size."""
    with running_agent(tmp_path / "data", settings(tmp_path)) as agent:
        async with client_of(agent, tmp_path, "admin") as admin, AsyncExitStack() as stack:
            crowd = [
                await stack.enter_async_context(client_of(agent, tmp_path, "eve", f"127.0.0.{number}"))
                for number in (2, 3, 4)
            ]
            message = rpc("<get><filter/></get>" + " " * 300_000)
            for client in crowd:
                client.send(b"".join(b"\n#1\n%c" % octet for octet in message) + b"\n##\n")
            assert b"<limits>" in await admin.ask(f"<get><filter>{AGENT}</filter></get>")
            for client in crowd:
                assert b"<data" in await client.chunked_message()


async def test_who_is_killed_and_does_not_go_has_his_connection_ended(tmp_path: Path) -> None:
    """He neither closes the channel nor the connection; both are gone nevertheless."""
    with running_agent(tmp_path / "data", settings(tmp_path, "hello-timeout-s = 1")) as agent:
        async with client_of(agent, tmp_path, "admin") as admin, client_of(agent, tmp_path, "eve") as eve:
            (session_id,) = await session_of(admin, "eve")
            assert b"<ok/>" in await admin.ask(kill(session_id))
            async with asyncio.timeout(WAIT_S):
                await eve.process.channel.get_connection().wait_closed()
            assert b"<limits>" in await admin.ask(f"<get><filter>{AGENT}</filter></get>")


async def test_a_read_of_who_has_gone_leaves_nothing_behind(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data", settings(tmp_path)) as agent:
        async with client_of(agent, tmp_path, "admin") as admin:
            for _ in range(5):
                async with client_of(agent, tmp_path, "eve") as eve:
                    for _ in range(20):
                        eve.send(chunked(rpc("<get/>")))
            async with asyncio.timeout(WAIT_S):
                while await session_of(admin, "eve"):
                    pass
