"""How many may connect over SSH, log in and have sessions, and how often they may try."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from agent.transport.limits import Limits
from tests.agent.transport.ssh_server import LIMITS, WAIT_S, echo, make_key, serving


async def test_authentication_tries_are_limited(tmp_path: Path) -> None:
    async with serving(tmp_path, replace(LIMITS, authentication_tries=3)) as served:
        keys = []
        for number in range(9):
            make_key(tmp_path / f"guess{number}")
            keys.append(str(tmp_path / f"guess{number}"))
        with pytest.raises(asyncssh.DisconnectError) as caught:
            await asyncssh.connect("127.0.0.1", **served.options(client_keys=[*keys, str(tmp_path / "ann")]))
        assert "too many" in caught.value.reason


async def greeted(port: int) -> bool:
    """True if a new TCP connection is greeted as SSH, False if it is closed at once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(WAIT_S):
            return bool(await reader.read(4))
    except ConnectionError:
        return False
    finally:
        writer.close()


async def test_connections_of_one_address_that_do_not_log_in_are_limited(tmp_path: Path) -> None:
    async with serving(tmp_path, Limits(unauthenticated_per_source=2)) as served:
        held = [await asyncio.open_connection("127.0.0.1", served.transport.port) for _ in range(2)]
        for reader, _ in held:
            assert await reader.read(4) == b"SSH-"
        assert not await greeted(served.transport.port)
        for _, writer in held:
            writer.close()
        async with asyncio.timeout(WAIT_S):
            while not await greeted(served.transport.port):  # until the server has seen them go
                pass


async def test_a_source_that_fails_too_often_is_locked_out(tmp_path: Path) -> None:
    limits = replace(LIMITS, lockout_tries=3, lockout_s=3600)
    async with serving(tmp_path, limits) as served:
        wrong = served.options(client_keys=[str(tmp_path / "eve")])
        for _ in range(3):
            with pytest.raises(asyncssh.PermissionDenied):
                await asyncssh.connect("127.0.0.1", **wrong)
        with pytest.raises((asyncssh.ConnectionLost, ConnectionError)):
            await asyncssh.connect("127.0.0.1", **served.options())
        assert served.transport.refused.connections == 1
    async with serving(tmp_path, limits) as served:  # a restart does not let it in either
        with pytest.raises((asyncssh.ConnectionLost, ConnectionError)):
            await asyncssh.connect("127.0.0.1", **served.options())


@pytest.fixture
def one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("places", "ssh"):
        monkeypatch.setattr(f"agent.transport.{module}.source_of", lambda _: "network")


@pytest.mark.usefixtures("one_network")
async def test_addresses_of_one_network_are_locked_out_together(tmp_path: Path) -> None:
    limits = replace(LIMITS, lockout_tries=3, lockout_s=3600)
    async with serving(tmp_path, limits, recovery_users=("ann",)) as served:
        known = served.options(local_addr=("127.0.0.9", 0))
        async with asyncssh.connect("127.0.0.1", **known):
            pass
        for number in range(3):
            wrong = served.options(
                client_keys=[str(tmp_path / "eve")], local_addr=(f"127.0.0.{number + 2}", 0)
            )
            with pytest.raises(asyncssh.PermissionDenied):
                await asyncssh.connect("127.0.0.1", **wrong)
        with pytest.raises((asyncssh.ConnectionLost, ConnectionError)):
            await asyncssh.connect("127.0.0.1", **served.options(local_addr=("127.0.0.8", 0)))
        async with asyncssh.connect("127.0.0.1", **known) as connection:
            assert await echo(connection, b"in") == b"in"


@pytest.mark.usefixtures("one_network")
async def test_addresses_of_one_network_have_the_places_and_sessions_of_one(tmp_path: Path) -> None:
    limits = Limits(unauthenticated_per_source=2, sessions_per_source=1)
    async with serving(tmp_path, limits) as served:
        port = served.transport.port
        here, there = (("127.0.0.2", 0), ("127.0.0.3", 0))
        async with asyncssh.connect("127.0.0.1", **served.options(local_addr=here)) as connection:
            process = await connection.create_process(subsystem="netconf", encoding=None)
            process.stdin.write(b"x")
            async with asyncio.timeout(WAIT_S):
                assert await process.stdout.readexactly(1) == b"x"
            async with asyncssh.connect("127.0.0.1", **served.options(local_addr=there)) as other:
                with pytest.raises((asyncssh.ChannelOpenError, asyncio.IncompleteReadError)):
                    await echo(other, b"y")
        held = [await asyncio.open_connection("127.0.0.1", port, local_addr=here) for _ in range(2)]
        for reader, _ in held:
            assert await reader.read(4) == b"SSH-"
        assert not await greeted(port)
        for _, writer in held:
            writer.close()
        async with asyncio.timeout(WAIT_S):
            while served.transport.places.sources["network"]:  # until the server has seen the session go
                await greeted(port)


async def test_the_last_session_is_kept_for_a_recovery_user(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, replace(LIMITS, sessions=2), recovery_users=("bea",)) as served,
        asyncssh.connect("127.0.0.1", **served.options()) as connection,
    ):
        process = await connection.create_process(subsystem="netconf", encoding=None)
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process(subsystem="netconf", encoding=None)
        served.transport.users = {"bea": tmp_path / "ann.pub"}
        async with asyncssh.connect("127.0.0.1", **served.options(username="bea")) as rescue:
            assert await echo(rescue, b"in") == b"in"
        process.close()


async def test_a_client_that_never_logs_in_is_closed(tmp_path: Path) -> None:
    async with serving(tmp_path, replace(LIMITS, login_timeout_s=1)) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.transport.port)
        async with asyncio.timeout(WAIT_S):
            assert b"SSH-" in await reader.read()
        writer.close()


@pytest.mark.parametrize(
    "limits",
    [
        replace(LIMITS, sessions=2),
        replace(LIMITS, sessions_per_user=2),
        replace(LIMITS, sessions_per_source=2),
    ],
)
async def test_sessions_are_limited_and_come_back(tmp_path: Path, limits: Limits) -> None:
    async with (
        serving(tmp_path, limits) as served,
        asyncssh.connect("127.0.0.1", **served.options()) as connection,
    ):
        held = [await connection.create_process(subsystem="netconf", encoding=None) for _ in range(2)]
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process(subsystem="netconf", encoding=None)
        for process in held:
            process.close()
            await process.wait_closed()
        async with asyncio.timeout(WAIT_S):
            while served.transport.places.sessions.total():
                await asyncio.wait([asyncio.ensure_future(asyncio.to_thread(int))])
        assert await echo(connection, b"again") == b"again"


async def test_a_login_without_a_session_is_closed(tmp_path: Path) -> None:
    async with serving(tmp_path, replace(LIMITS, hello_timeout_s=1)) as served:
        connection = await asyncssh.connect("127.0.0.1", **served.options())
        async with asyncio.timeout(WAIT_S):
            await connection.wait_closed()


async def test_channels_of_one_connection_are_limited(tmp_path: Path) -> None:
    limits = replace(LIMITS, sessions_per_user=2)
    async with (
        serving(tmp_path, limits) as served,
        asyncssh.connect("127.0.0.1", **served.options()) as connection,
    ):
        for _ in range(5):  # a refused one does not count
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.create_process(subsystem="sftp", encoding=None)
        for _ in range(2):
            await connection.create_process(subsystem="netconf", encoding=None)
        with pytest.raises(asyncssh.ChannelOpenError, match="too many channels"):
            await connection.create_process(subsystem="netconf", encoding=None)
