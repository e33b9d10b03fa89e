"""SSH: who gets in, what is refused, and that no client can make the server hold more than its limits."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from asyncio.subprocess import PIPE
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from agent.transport import ssh
from agent.transport.key_exchanges import CIPHERS, ciphers
from agent.transport.ssh_between import stand_between
from tests.agent.transport.ssh_server import LIMITS, WAIT_S, Served, echo, serving


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
                while served.transport.places.sessions.total():
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
        assert served.transport.places.sessions.total() == 0


async def test_a_connection_that_is_made_when_the_transport_is_shut_ends_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system had accepted it before."""
    async with serving(tmp_path) as served:
        transport = served.transport

        def stand_late(*arguments: Any, **options: Any) -> None:
            transport.is_shut = True
            stand_between(*arguments, **options)

        monkeypatch.setattr(ssh, "stand_between", stand_late)
        reader, writer = await asyncio.open_connection("127.0.0.1", transport.port)
        async with asyncio.timeout(WAIT_S):
            with suppress(ConnectionError):
                await reader.read()
        writer.close()
        assert not transport.connections


async def test_a_transport_that_is_shut_keeps_its_sessions_and_opens_no_more(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as served,
        asyncssh.connect("127.0.0.1", **served.options()) as unused,
        asyncssh.connect("127.0.0.1", **served.options()) as connection,
    ):
        process = await connection.create_process(subsystem="netconf", encoding=None)
        served.transport.shut()
        with pytest.raises(asyncssh.ChannelOpenError, match="the server stops"):
            await connection.create_process(subsystem="netconf", encoding=None)
        with pytest.raises(OSError, match="Connect"):
            await asyncssh.connect("127.0.0.1", **served.options())
        process.stdin.write(b"still there")
        async with asyncio.timeout(WAIT_S):
            assert await process.stdout.readexactly(11) == b"still there"
            await unused.wait_closed()
            process.close()
            await connection.wait_closed()


async def test_a_host_key_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "host_key").write_bytes(b"")
    with pytest.raises(OSError, match="host_key"):
        async with serving(tmp_path):
            pass


async def test_an_answer_is_one_packet(tmp_path: Path) -> None:
    """asyncssh would send one without content before it."""
    async with (
        serving(tmp_path) as served,
        asyncssh.connect("127.0.0.1", **served.options()) as connection,
    ):
        process = await connection.create_process(subsystem="netconf", encoding=None)
        for _ in range(3):
            before = connection._recv_seq
            process.stdin.write(b"hello")
            assert await process.stdout.readexactly(5) == b"hello"
            assert connection._recv_seq == before + 1
        process.close()


def test_no_cipher_that_chains_blocks_is_offered() -> None:
    """With one, packets without content would have to be sent (RFC 4251 section 9.3.1)."""
    assert ciphers() == list(CIPHERS)
    assert not [name for name in ciphers() if not any(mode in name for mode in ("gcm", "ctr", "chacha"))]
