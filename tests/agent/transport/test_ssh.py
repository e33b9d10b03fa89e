"""SSH: who gets in, what is refused, and that no client can make the server hold more than its limits."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from agent.transport.limits import Limits
from agent.transport.ssh import SshTransport
from agent.transport.stream import ByteStream, Peer

WAIT_S = 30
LIMITS = Limits(unauthenticated_per_source=8)


@dataclass
class Served:
    """A transport whose sessions echo, and what it served."""

    transport: SshTransport
    folder: Path
    peers: list[Peer] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    flood_octets: int = 0
    listens: asyncio.Event = field(default_factory=asyncio.Event)
    streams: list[ByteStream] = field(default_factory=list)
    got_octets: int = 0

    def options(self, **more: Any) -> dict[str, Any]:
        return {
            "port": self.transport.port,
            "known_hosts": None,
            "username": "ann",
            "client_keys": [str(self.folder / "ann")],
            "agent_path": None,
            "config": None,
            **more,
        }

    async def serve(self, stream: ByteStream, peer: Peer) -> None:
        self.peers.append(peer)
        self.streams.append(stream)
        try:
            if self.flood_octets:
                await stream.write(b"x" * self.flood_octets)
            await self.listens.wait()
            while data := await stream.read(1000):
                self.got_octets += len(data)
                await stream.write(data)
        except (ConnectionError, TimeoutError) as problem:
            self.failures.append(problem)


def make_key(file: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(file))
    file.chmod(0o600)
    key.write_public_key(f"{file}.pub")


@asynccontextmanager
async def serving(
    folder: Path, limits: Limits = LIMITS, recovery_users: tuple[str, ...] = ()
) -> AsyncIterator[Served]:
    for name in ("ann", "eve"):
        make_key(folder / name)
    users = {"ann": folder / "ann.pub", "bea": folder / "missing"}
    served = Served.__new__(Served)
    transport = SshTransport(
        "127.0.0.1",
        0,
        folder / "host_key",
        users,
        limits,
        lambda stream, peer: served.serve(stream, peer),
        recovery_users,
    )
    served.__init__(transport, folder)  # type: ignore[misc]
    served.listens.set()
    await transport.start()
    try:
        yield served
    finally:
        await transport.stop()


async def echo(connection: asyncssh.SSHClientConnection, data: bytes) -> bytes:
    process = await connection.create_process(subsystem="netconf", encoding=None)
    process.stdin.write(data)
    async with asyncio.timeout(WAIT_S):
        got: bytes = await process.stdout.readexactly(len(data))
    process.close()
    return got


async def test_an_authorized_key_gets_a_channel_and_several_on_one_connection(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, asyncssh.connect("127.0.0.1", **served.options()) as connection:
        assert await echo(connection, b"one") == b"one"
        assert await echo(connection, b"two" * 100_000) == b"two" * 100_000
    assert [(peer.user, peer.source_host, peer.transport) for peer in served.peers] == [
        ("ann", "127.0.0.1", "netconf-ssh")
    ] * 2


def openssh(served: Served, *options: str) -> list[str]:
    return [
        "ssh", "-F", "none", "-i", str(served.folder / "ann"), "-o", "UserKnownHostsFile=/dev/null",
        "-o", "StrictHostKeyChecking=no", "-p", str(served.transport.port), *options,
        "ann@127.0.0.1", "-s", "netconf",
    ]  # fmt: skip


async def test_openssh_as_a_client(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        done = await asyncio.to_thread(
            subprocess.run, openssh(served), input=b"hello", capture_output=True, timeout=WAIT_S, check=True
        )
    assert done.stdout == b"hello"


@pytest.mark.parametrize("more", [[], ["id"]])
async def test_openssh_without_the_subsystem_is_told_how_to_connect(tmp_path: Path, more: list[str]) -> None:
    async with serving(tmp_path) as served:
        command = [*openssh(served, "-tt")[:-2], *more]
        done = await asyncio.to_thread(
            subprocess.run,
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=WAIT_S,
            check=False,
        )
    assert done.returncode == 1
    assert b"'-s netconf'" in done.stdout + done.stderr
    assert served.peers == []


@pytest.mark.parametrize(
    "options", [{"client_keys": "eve"}, {"username": "nobody"}, {"username": "bea"}], ids=str
)
async def test_others_do_not_get_in(tmp_path: Path, options: dict[str, str]) -> None:
    async with serving(tmp_path) as served:
        if "client_keys" in options:
            options = {"client_keys": str(tmp_path / "eve")}
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh.connect("127.0.0.1", **served.options(**options))
        assert served.peers == []


async def test_a_password_is_not_even_offered(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh.connect("127.0.0.1", **served.options(client_keys=None, password="guess"))


async def test_changed_authorized_keys_take_effect_at_the_next_login(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        eve = served.options(client_keys=str(tmp_path / "eve"))
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh.connect("127.0.0.1", **eve)
        added = (tmp_path / "eve.pub").read_text()
        (tmp_path / "ann.pub").write_text(added)
        async with asyncssh.connect("127.0.0.1", **eve) as connection:
            assert await echo(connection, b"in") == b"in"


async def test_nothing_but_the_subsystem_netconf_is_there(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, asyncssh.connect("127.0.0.1", **served.options()) as connection:
        for request in ({"command": "id"}, {}):
            done = await connection.run(encoding=None, timeout=WAIT_S, **request)
            assert (done.exit_status, done.stdout) == (1, b"")
            assert b"no shell" in done.stderr
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process(encoding=None, subsystem="sftp")
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("127.0.0.1", served.transport.port)
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 1)


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
    monkeypatch.setattr("agent.transport.ssh.source_of", lambda _: "network")


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
            while served.transport.sources["network"]:  # until the server has seen the session go
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
            while served.transport.sessions.total():
                await asyncio.wait([asyncio.ensure_future(asyncio.to_thread(int))])
        assert await echo(connection, b"again") == b"again"


async def test_a_client_that_stops_reading_is_dropped_and_costs_little(tmp_path: Path) -> None:
    """With a window of 2 GiB, only the TCP connection itself can say that the client does not read."""
    async with serving(tmp_path, replace(LIMITS, write_timeout_s=1)) as served:
        served.flood_octets = 256 * 1024 * 1024
        connection = await asyncssh.connect("127.0.0.1", **served.options())
        process = await connection.create_process(
            subsystem="netconf", encoding=None, window=2**31 - 1, max_pktsize=32768
        )
        transport: Any = connection._transport
        transport.pause_reading()
        (server_side,) = served.transport.connections
        buffered: Any = server_side._transport
        most = 0
        async with asyncio.timeout(WAIT_S):
            while not served.failures:
                most = max(most, buffered.get_write_buffer_size())
                await asyncio.wait([asyncio.ensure_future(asyncio.to_thread(int))])
        assert isinstance(served.failures[0], TimeoutError)
        assert most < 4 * 1024 * 1024
        transport.resume_reading()
        process.close()
        connection.abort()


async def test_a_client_that_is_gone_without_a_word_is_dropped_and_one_that_is_idle_is_not(
    tmp_path: Path,
) -> None:
    """Its process is stopped: its TCP connection lives on in the kernel, and nobody answers."""
    async with serving(tmp_path, replace(LIMITS, keepalive_interval_s=1, keepalive_count=1)) as served:
        client = await asyncio.create_subprocess_exec(
            *openssh(served, "-v"), stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        assert client.stdin is not None
        assert client.stdout is not None
        assert client.stderr is not None
        async with asyncio.timeout(WAIT_S):
            answered = 0
            while answered < 3:
                answered += b"keepalive@openssh.com" in await client.stderr.readline()
            client.stdin.write(b"here")
            assert await client.stdout.readexactly(4) == b"here"
            client.send_signal(signal.SIGSTOP)
            try:
                while served.transport.sessions.total():
                    await asyncio.wait([asyncio.ensure_future(asyncio.to_thread(int))])
            finally:
                client.kill()
                await client.wait()


def held_by(served: Served) -> int:
    (stream,) = served.streams
    channel: Any = stream
    return len(channel._arrived)


async def test_what_a_client_sends_ahead_is_held_back_and_none_of_it_lost(tmp_path: Path) -> None:
    sent, limit = 16 * 1024 * 1024, 64 * 1024
    async with (
        serving(tmp_path, replace(LIMITS, read_buffer_octets=limit)) as served,
        asyncssh.connect("127.0.0.1", **served.options()) as connection,
    ):
        served.listens.clear()
        process = await connection.create_process(subsystem="netconf", encoding=None, stdout=asyncssh.DEVNULL)
        process.stdin.write(bytes(sent))
        channel: Any = process.stdin.channel
        async with asyncio.timeout(WAIT_S):
            # Until the server has let it send all that it takes.
            while channel._send_window > 0 or not served.streams or held_by(served) <= limit:
                await asyncio.wait([asyncio.ensure_future(asyncio.to_thread(int))])
        assert held_by(served) <= limit + 64 * 1024
        assert sent - channel.get_write_buffer_size() <= 4 * 1024 * 1024, "the rest stays with the client"
        served.listens.set()
        process.stdin.write_eof()
        async with asyncio.timeout(WAIT_S):
            while served.got_octets < sent:
                await asyncio.wait([asyncio.ensure_future(asyncio.to_thread(int))])
        process.close()
        assert served.failures == []


async def test_the_host_key_is_made_once_and_private(tmp_path: Path) -> None:
    async with serving(tmp_path):
        pass
    first = (tmp_path / "host_key").read_bytes()
    async with serving(tmp_path):
        pass
    assert (tmp_path / "host_key").read_bytes() == first
    assert (tmp_path / "host_key").stat().st_mode & 0o777 == 0o600


async def test_stop_ends_the_sessions(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        connection = await asyncssh.connect("127.0.0.1", **served.options())
        await connection.create_process(subsystem="netconf", encoding=None)
        await served.transport.stop()
        async with asyncio.timeout(WAIT_S):
            await connection.wait_closed()
        assert served.transport.sessions.total() == 0


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


async def test_a_host_key_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "host_key").write_bytes(b"")
    with pytest.raises(OSError, match="host_key"):
        async with serving(tmp_path):
            pass
