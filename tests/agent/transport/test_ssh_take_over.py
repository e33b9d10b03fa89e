"""Other users and limits while connections are open: who is out is out, the others go on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from agent.transport.stream import Peer
from tests.agent.transport.ssh_server import LIMITS, WAIT_S, Served, serving
from tests.agent.transport.test_ssh_limits import greeted


def without(served: Served, user: str) -> frozenset[Peer]:
    users = {name: file for name, file in served.transport.users.items() if name != user}
    return served.transport.take_over(users, limits=LIMITS, recovery_users=())


async def test_a_connection_with_a_session_opens_no_other_one_and_ends_with_it(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as served,
        asyncssh.connect("127.0.0.1", **served.options()) as connection,
    ):
        process = await connection.create_process(subsystem="netconf", encoding=None)
        process.stdin.write(b"x")
        assert await process.stdout.readexactly(1) == b"x"
        assert without(served, "ann") == frozenset(served.peers)
        with pytest.raises(asyncssh.ChannelOpenError, match="may not log in"):
            await connection.create_process(subsystem="netconf", encoding=None)
        process.stdin.write(b"y")  # whoever serves it ends it
        assert await process.stdout.readexactly(1) == b"y"
        process.close()
        async with asyncio.timeout(WAIT_S):
            await connection.wait_closed()


async def test_a_channel_that_is_no_session_yet_becomes_none(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as served,
        asyncssh.connect("127.0.0.1", **served.options()) as connection,
    ):
        process = await connection.create_process(subsystem="netconf", encoding=None)
        process.stdin.write(b"x")
        await process.stdout.readexactly(1)
        (peer,) = served.peers
        assert served.transport.may_open(peer)
        assert without(served, "eve") == frozenset()
        without(served, "ann")
        assert not served.transport.may_open(peer)
        await served.transport._serve_user(served.streams[0], peer)
        assert served.peers == [peer]


async def test_who_stays_stays(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as served,
        asyncssh.connect("127.0.0.1", **served.options()) as connection,
    ):
        for _ in range(2):
            process = await connection.create_process(subsystem="netconf", encoding=None)
            process.stdin.write(b"x")
            assert await process.stdout.readexactly(1) == b"x"
            assert without(served, "bea") == frozenset()


async def test_places_and_tries_are_those_of_now(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        limits = replace(LIMITS, unauthenticated_per_source=1, lockout_tries=1, lockout_s=3600)
        served.transport.take_over(served.transport.users, limits=limits, recovery_users=())
        reader, writer = await asyncio.open_connection("127.0.0.1", served.transport.port)
        assert await reader.read(4) == b"SSH-"
        assert not await greeted(served.transport.port)
        writer.close()
        async with asyncio.timeout(WAIT_S):
            while not await greeted(served.transport.port):  # until the server has seen it go
                pass
        wrong = served.options(client_keys=[str(tmp_path / "eve")])
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh.connect("127.0.0.1", **wrong)
        assert not await greeted(served.transport.port)


async def test_a_connection_that_does_not_log_in_has_the_time_of_now(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        limits = replace(LIMITS, login_timeout_s=1)
        served.transport.take_over(served.transport.users, limits=limits, recovery_users=())
        reader, writer = await asyncio.open_connection("127.0.0.1", served.transport.port)
        async with asyncio.timeout(WAIT_S / 2):  # half of what it was before
            while await reader.read(1000):
                pass
        writer.close()
