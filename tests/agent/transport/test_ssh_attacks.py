"""What somebody without a key can do to the SSH server, and that it does not come to much."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh.constants import MSG_USERAUTH_REQUEST
from asyncssh.packet import Boolean, String

from agent.transport.key_exchanges import KEY_EXCHANGES
from agent.transport.limits import Limits
from tests.agent.transport.ssh_server import LIMITS, WAIT_S, echo, make_key, serving

COSTLY = (
    "diffie-hellman-group15-sha512",
    "diffie-hellman-group17-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group-exchange-sha1",
    "diffie-hellman-group14-sha1",
    "diffie-hellman-group1-sha1",
    "rsa2048-sha256",
)


@pytest.mark.parametrize("name", COSTLY)
async def test_a_costly_key_exchange_is_not_offered(tmp_path: Path, name: str) -> None:
    async with serving(tmp_path) as served:
        with pytest.raises(asyncssh.KeyExchangeFailed):
            await asyncssh.connect("127.0.0.1", **served.options(kex_algs=[name]))


# The library that does the arithmetic will drop it some day.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Diffie-Hellman over finite fields")
@pytest.mark.parametrize("name", KEY_EXCHANGES)
async def test_each_key_exchange_that_is_offered_works(tmp_path: Path, name: str) -> None:
    async with (
        serving(tmp_path) as served,
        asyncssh.connect("127.0.0.1", **served.options(kex_algs=[name])) as connection,
    ):
        assert await echo(connection, b"in") == b"in"


@pytest.mark.parametrize("name", ["zlib@openssh.com", "zlib"])
async def test_compression_is_not_offered(tmp_path: Path, name: str) -> None:
    async with serving(tmp_path) as served:
        with pytest.raises(asyncssh.KeyExchangeFailed):
            await asyncssh.connect("127.0.0.1", **served.options(compression_algs=[name]))
        async with asyncssh.connect("127.0.0.1", **served.options(compression_algs=[name, "none"])) as mine:
            assert mine.get_extra_info("send_compression") == "none"


class Guesser(asyncssh.SSHClient):
    """Sends authentication requests without end, not waiting for answers, and counts these."""

    def __init__(self, requests: Callable[[int], list[bytes]], at_once: int) -> None:
        self.requests = requests
        self.at_once = at_once
        self.sent = self.answers = 0
        self.lost = asyncio.Event()

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        connection: Any = conn

        def next_try(*, next_method: bool = False) -> None:
            self.answers += 1
            for _ in range(self.at_once):
                self.sent += 1
                user = String("ann")
                parts = self.requests(self.sent)
                connection.send_packet(MSG_USERAUTH_REQUEST, user, String("ssh-connection"), *parts)

        connection.try_next_auth = next_try

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


def _none(_number: int) -> list[bytes]:
    return [String("none")]


def _password(number: int) -> list[bytes]:
    return [String("password"), Boolean(False), String(f"guess {number}")]


def _interactive(_number: int) -> list[bytes]:
    return [String("keyboard-interactive"), String(""), String("")]


def _host(_number: int) -> list[bytes]:
    return [String("hostbased"), String("ssh-ed25519"), String(b""), String("h"), String("u"), String(b"")]


def _unknown(number: int) -> list[bytes]:
    return [String(f"method{number}")]


def _mixed(number: int) -> list[bytes]:
    return (_none, _password, _interactive, _unknown)[number % 4](number)


@pytest.mark.parametrize("at_once", [1, 200])
@pytest.mark.parametrize("requests", [_none, _password, _interactive, _host, _unknown, _mixed])
async def test_requests_of_every_method_count(
    tmp_path: Path, requests: Callable[[int], list[bytes]], at_once: int
) -> None:
    async with serving(tmp_path, replace(LIMITS, authentication_tries=5)) as served:
        guesser = Guesser(requests, at_once)
        with pytest.raises((asyncssh.DisconnectError, ConnectionError)):
            await asyncssh.connect("127.0.0.1", **served.options(client_factory=lambda: guesser))
        async with asyncio.timeout(WAIT_S):
            await guesser.lost.wait()
        assert guesser.answers <= 1 + 5  # the first is our own beginning
        async with asyncssh.connect("127.0.0.1", **served.options()) as connection:
            assert await echo(connection, b"in") == b"in"


async def test_asking_for_a_key_that_would_do_counts_too(tmp_path: Path) -> None:
    """A public key is no secret: everybody may ask for it, and each time the file of keys is read."""
    async with serving(tmp_path, replace(LIMITS, authentication_tries=5)) as served:
        key = asyncssh.read_public_key(tmp_path / "ann.pub").public_data

        def ask(_number: int) -> list[bytes]:
            return [String("publickey"), Boolean(False), String("ssh-ed25519"), String(key)]

        guesser = Guesser(ask, 200)
        with pytest.raises((asyncssh.DisconnectError, ConnectionError)):
            await asyncssh.connect("127.0.0.1", **served.options(client_factory=lambda: guesser))
        async with asyncio.timeout(WAIT_S):
            await guesser.lost.wait()


async def test_a_login_after_all_but_one_of_the_tries_succeeds(tmp_path: Path) -> None:
    """As OpenSSH, the client begins by asking which methods there are: that is one."""
    async with serving(tmp_path, replace(LIMITS, authentication_tries=3)) as served:
        make_key(tmp_path / "guess")
        keys = [str(tmp_path / name) for name in ("guess", "ann")]
        async with asyncssh.connect("127.0.0.1", **served.options(client_keys=keys)) as connection:
            assert await echo(connection, b"in") == b"in"


@pytest.mark.parametrize("recovery_users", [(), ("ann",)])
async def test_connections_that_wait_at_every_place_keep_nobody_out(
    tmp_path: Path, recovery_users: tuple[str, ...]
) -> None:
    limits = Limits()
    async with serving(tmp_path, limits, recovery_users) as served, AsyncExitStack() as stack:
        crowd = []
        for number in range(8 * limits.unauthenticated_per_source):
            source = f"127.0.0.{2 + number % 8}"
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", served.transport.port, local_addr=(source, 0)
            )
            stack.callback(writer.close)
            assert await reader.read(4) == b"SSH-"
            crowd.append(reader)
        assert len(served.transport.doorway) == limits.unauthenticated
        async with asyncssh.connect("127.0.0.1", **served.options()) as connection:
            assert await echo(connection, b"in") == b"in"
        over = [asyncio.ensure_future(reader.read(-1)) for reader in crowd]
        await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
        await served.transport.stop()
        await asyncio.wait(over)


async def test_a_recovery_user_gets_in_where_others_fill_his_address_and_have_it_locked_out(
    tmp_path: Path,
) -> None:
    limits = Limits(unauthenticated_per_source=2, lockout_tries=2, lockout_s=3600)
    async with serving(tmp_path, limits, recovery_users=("ann",)) as served:
        async with asyncssh.connect("127.0.0.1", **served.options()) as connection:
            assert await echo(connection, b"in") == b"in"
        for _ in range(3):
            with pytest.raises(asyncssh.PermissionDenied):
                await asyncssh.connect("127.0.0.1", **served.options(client_keys=[str(tmp_path / "eve")]))
        assert served.transport.lockout.remaining_s("127.0.0.1") > 0
        held = [await asyncio.open_connection("127.0.0.1", served.transport.port) for _ in range(2)]
        for reader, _ in held:
            assert await reader.read(4) == b"SSH-"
        async with asyncssh.connect("127.0.0.1", **served.options()) as connection:
            assert await echo(connection, b"again") == b"again"
        for _, writer in held:
            writer.close()


async def test_of_a_client_that_reads_no_answers_nothing_more_is_taken(tmp_path: Path) -> None:
    """The SSH library answers much by itself, whether or not somebody reads it."""
    async with (
        serving(tmp_path) as served,
        asyncssh.connect("127.0.0.1", **served.options()) as connection,
    ):
        process = await connection.create_process(subsystem="netconf", encoding=None)
        (server_side,) = served.transport.connections
        tcp: Any = server_side._transport
        server_side.pause_writing()  # as asyncio does when its buffer is full
        process.stdin.write(b"hello")
        async with asyncio.timeout(WAIT_S):
            while tcp.is_reading():  # until it has arrived
                await asyncio.wait([asyncio.ensure_future(asyncio.to_thread(int))])
            assert served.got_octets == 0
            server_side.resume_writing()
            assert await process.stdout.readexactly(5) == b"hello"
        process.close()
