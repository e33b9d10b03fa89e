"""The UNIX socket: who comes is who the system says, limits hold, and no client makes the agent hold more."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.transport import unix
from agent.transport.limits import Limits
from agent.transport.preamble import WORD
from agent.transport.stream import Peer
from agent.transport.unix_stream import UnixStream
from tests.agent.transport.unix_server import (
    ANN,
    BEA,
    GROUPS,
    USERS,
    Machine,
    close_clients,
    connect,
    serving,
    until,
)

LARGE_UID = 3_000_000_000
PASSED_ON = {
    "user": "ann",
    "source-host": "192.0.2.7",
    "source-port": 50022,
    "local-host": "192.0.2.1",
}


def preamble(**said: Any) -> bytes:
    return WORD + json.dumps({**PASSED_ON, **said}).encode() + b"\n"


@pytest.fixture(autouse=True)
async def clients() -> AsyncIterator[None]:
    yield
    await close_clients()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # so that the name is short
    return Path("s")


def local(user: str, *, administers: bool = False) -> Peer:
    return Peer(
        user,
        source_host="",
        source_port=0,
        transport="yangswan-agent:netconf-unix",
        groups=GROUPS[user],
        administers=administers,
    )


# -- who it is -------------------------------------------------------------------------------------


async def test_the_system_says_who_comes(path: Path) -> None:
    """Without anything in between: the test's own user."""
    async with serving(path) as served:
        client = await connect(served)
        assert await client.echo(b"<one>") == b"<one>"
        (peer,) = served.peers
    import pwd

    assert peer.user == pwd.getpwuid(os.getuid()).pw_name
    assert peer.administers


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
async def test_users_have_large_numbers_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of directories and of containers."""
    monkeypatch.setattr(unix, "name_of", {LARGE_UID: "ann"}.get)
    async with serving(path) as served:
        os.chmod(path, 0o666)
        os.seteuid(LARGE_UID)
        try:
            client = await connect(served)
        finally:
            os.seteuid(0)
        assert await client.echo(b"<") == b"<"
        assert [peer.user for peer in served.peers] == ["ann"]


async def test_a_user_of_the_machine_has_his_groups_and_no_source(machine: Machine, path: Path) -> None:
    async with serving(path) as served:
        client = await connect(served)
        assert await client.echo(b"<" * 300_000) == b"<" * 300_000
    assert served.peers == [local("ann")]


@pytest.mark.parametrize(("uid", "administers"), [(0, True), (BEA, True), (ANN, False)])
async def test_who_can_change_the_files_of_the_agent_administers_it(
    machine: Machine, path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, administers: bool
) -> None:
    machine.uid = uid
    async with serving(path) as served:
        monkeypatch.setattr(os, "geteuid", lambda: BEA)
        await (await connect(served)).echo(b"<")
    assert [peer.administers for peer in served.peers] == [administers]


@pytest.mark.parametrize("name", [None, "", " ann", "a\nb", "a\x1b[2J", "\udc80", "x" * 256])
async def test_a_user_without_a_name_that_can_be_told_is_refused(
    machine: Machine, path: Path, name: str | None, caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.uid = 4711
    if name is not None:
        monkeypatch.setitem(USERS, 4711, name)
    async with serving(path) as served:
        client = await connect(served)
        assert await client.rest() == b""
        assert served.peers == []
        assert served.places.refused.connections == 1
    assert "refused a connection through the socket: user 4711 of this machine has" in caplog.text
    assert len(caplog.text.splitlines()) == 1


# -- limits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("limits", [Limits(sessions=2), Limits(sessions_per_user=2)])
async def test_sessions_are_limited_and_come_back(machine: Machine, path: Path, limits: Limits) -> None:
    async with serving(path, limits) as served:
        held = [await connect(served) for _ in range(2)]
        for client in held:
            await client.echo(b"<")
        assert await (await connect(served)).rest() == b""
        assert served.places.refused.connections == 1
        for client in held:
            client.writer.close()
        await until(lambda: served.places.sessions.total() == 0)
        assert await (await connect(served)).echo(b"<") == b"<"


async def test_a_user_who_fills_his_places_keeps_nobody_else_out(machine: Machine, path: Path) -> None:
    async with serving(path, Limits(sessions=4, sessions_per_user=2, sessions_per_source=1)) as served:
        for _ in range(2):
            await (await connect(served)).echo(b"<")
        assert await (await connect(served)).rest() == b""
        machine.uid = BEA
        assert await (await connect(served)).echo(b"<") == b"<"
        machine.uid = 0
        assert await (await connect(served)).echo(b"<") == b"<"


async def test_the_last_place_is_kept_for_who_administers_and_for_recovery_users(
    machine: Machine, path: Path
) -> None:
    for recovery_users, rescue in (((), 0), (("bea",), BEA), (("bea",), 0)):
        machine.uid = ANN
        async with serving(path, Limits(sessions=2), recovery_users, kept=True) as served:
            await (await connect(served)).echo(b"<")
            assert await (await connect(served)).rest() == b""
            machine.uid = rescue
            assert await (await connect(served)).echo(b"<") == b"<"


async def test_of_a_single_place_none_is_kept_but_for_recovery_users(machine: Machine, path: Path) -> None:
    """Who has set this limit has not thought of a socket, and would not get in any more."""
    async with serving(path, Limits(sessions=1), kept=True) as served:
        assert await (await connect(served)).echo(b"<") == b"<"
    async with serving(path, Limits(sessions=1), ("bea",), kept=True) as served:
        assert await (await connect(served)).rest() == b""


async def test_a_source_that_is_believed_counts_with_those_of_ssh(machine: Machine, path: Path) -> None:
    machine.uid = 0
    async with serving(path, Limits(sessions_per_source=1)) as served:
        served.places.take(Peer("x", source_host="192.0.2.7", source_port=1, transport="netconf-ssh"))
        client = await connect(served)
        client.writer.write(preamble())
        assert await client.rest() == b""
        client = await connect(served)
        client.writer.write(preamble(**{"source-host": "192.0.2.8"}))
        assert await client.echo(b"<") == b"<"


# -- back-pressure, and the end --------------------------------------------------------------------


async def test_what_is_not_read_is_not_taken(machine: Machine, path: Path) -> None:
    async with serving(path, Limits(read_buffer_octets=1000)) as served:
        served.listens.clear()
        client = await connect(served)
        client.writer.write(b"<" + b"x" * 20_000_000)
        await until(lambda: served.transport.streams)
        (stream,) = served.transport.streams
        await until(lambda: not stream._transport.is_reading())
        assert len(stream._arrived) <= 1000 + 256 * 1024
        served.listens.set()
        async with asyncio.timeout(30):
            assert len(await client.reader.readexactly(20_000_001)) == 20_000_001


async def test_a_client_that_does_not_read_is_dropped(machine: Machine, path: Path) -> None:
    async with serving(path, Limits(write_timeout_s=1)) as served:
        served.to_say = b"x" * 20_000_000
        client = await connect(served)
        await until(lambda: served.streams)
        (stream,) = served.transport.streams
        await until(lambda: served.ended)
        assert isinstance(served.failures[0], TimeoutError)
        assert stream._transport.get_write_buffer_size() <= 65536
        client.writer.close()


async def test_replies_still_come_to_who_says_no_more(machine: Machine, path: Path) -> None:
    async with serving(path) as served:
        served.listens.clear()
        client = await connect(served)
        client.writer.write(b"<last>")
        client.writer.write_eof()
        await until(lambda: served.streams)
        gone = asyncio.ensure_future(served.streams[0].gone())
        served.listens.set()
        assert await client.rest() == b"<last>"
        await gone


async def test_a_client_that_is_gone_is_noticed_while_nothing_is_read(machine: Machine, path: Path) -> None:
    async with serving(path, Limits(read_buffer_octets=1)) as served:
        served.listens.clear()
        client = await connect(served)
        client.writer.write(b"<" * 600_000)
        await until(lambda: served.streams)
        client.writer.transport.abort()
        async with asyncio.timeout(30):
            await served.streams[0].gone()
        with pytest.raises(ConnectionError):
            await served.streams[0].write(b"x")


async def test_half_an_end_is_none(machine: Machine, path: Path) -> None:
    async with serving(path) as served:
        served.listens.clear()
        client = await connect(served)
        client.writer.write_eof()
        await until(lambda: served.streams)
        gone = asyncio.ensure_future(served.streams[0].gone())
        await asyncio.to_thread(int)
        assert not gone.done()
        await served.streams[0].write(b"still here")
        assert await client.reader.readexactly(10) == b"still here"
        client.writer.close()
        await gone


async def test_a_stop_ends_all_and_takes_the_socket_away(machine: Machine, path: Path) -> None:
    async with serving(path) as served:
        clients = [await connect(served) for _ in range(3)]
        for client in clients:
            await client.echo(b"<")
    assert served.ended == 3
    for client in clients:
        assert await client.rest() == b""
    assert os.listdir() == []
    assert not served.transport.streams


async def test_a_stop_waits_for_nobody_who_is_asked_for_whom_he_comes(machine: Machine, path: Path) -> None:
    machine.uid = 0
    async with serving(path) as served:
        client = await connect(served)
        await until(lambda: served.transport._of_root)
    assert await client.rest() == b""
    assert served.peers == []


@pytest.mark.parametrize("uid", [0, ANN])
async def test_a_connection_that_is_made_when_the_socket_is_shut_ends_at_once(
    machine: Machine, path: Path, uid: int
) -> None:
    """The system had accepted it before."""
    machine.uid = uid
    async with serving(path) as served:
        transport = served.transport
        stream, (ours, theirs) = transport._stream(), socket.socketpair()
        ours.setblocking(False)
        with theirs:
            transport.shut()
            await asyncio.get_running_loop().connect_accepted_socket(lambda: stream, ours)
            await until(lambda: stream not in transport.streams)
            assert theirs.recv(1) == b""
    assert served.peers == []


async def test_who_comes_before_the_agent_serves_waits(machine: Machine, path: Path) -> None:
    async with serving(path) as served:
        pass
    served.transport.take_address()
    with socket.socket(socket.AF_UNIX) as early:
        early.connect(str(path))
        early.sendall(b"<early>")
        await served.transport.start()
        assert await asyncio.to_thread(early.recv, 100) == b"<early>"
        await served.transport.stop()


async def test_the_file_of_a_socket_that_systemd_listens_on_stays(
    machine: Machine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """asyncio's servers of UNIX sockets remove it when they are closed, from Python 3.13 on."""
    loop = asyncio.get_running_loop()
    make = loop.create_unix_server

    async def as_of_python_3_13(*arguments: Any, **options: Any) -> asyncio.Server:
        made = await make(*arguments, **options)
        close = made.close
        monkeypatch.setattr(made, "close", lambda: (path.unlink(), close()))
        return made

    monkeypatch.setattr(loop, "create_unix_server", as_of_python_3_13)
    with socket.socket(socket.AF_UNIX) as of_systemd:
        of_systemd.setblocking(False)
        of_systemd.bind(str(path))
        of_systemd.listen()
        async with serving(path, passed=[of_systemd.dup()]) as served:
            assert await (await connect(served)).echo(b"<") == b"<"
        with socket.socket(socket.AF_UNIX) as next_client:
            next_client.connect(str(path))


@pytest.fixture
def occupied(path: Path) -> Iterator[Path]:
    path.write_text("mine")
    yield path
    assert path.read_text() == "mine"


async def test_many_may_come_at_once_without_waiting(machine: Machine, path: Path) -> None:
    """A client of a member of the group keeps no other from coming by being quick."""
    async with serving(path):
        quick = [socket.socket(socket.AF_UNIX) for _ in range(200)]
        for client in quick:
            client.setblocking(False)
            client.connect(str(path))
        for client in quick:
            client.close()


async def test_a_socket_that_nobody_has_asked_for_keeps_no_agent_from_serving(
    occupied: Path, caplog: Any
) -> None:
    async with serving(Path("other")) as served:
        places = served.places
    for insists in (False, True):
        transport = unix.UnixTransport(occupied, "g", insists=insists, places=places, serve=served.serve)
        if insists:
            with pytest.raises(OSError, match="cannot be served at the socket s: what is there is no socket"):
                transport.take_address()
        else:
            transport.take_address()
            await transport.start()
            await transport.stop()
            assert "cannot be served at the socket s: what is there is no socket" in caplog.text


async def test_without_a_socket_nothing_is_done() -> None:
    none = unix.UnixTransport(None, "g", insists=True, places=None, serve=None)  # type: ignore[arg-type]
    none.take_address()
    await none.start()
    await none.stop()


async def test_without_a_descriptor_left_the_connection_ends(
    machine: Machine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(_: UnixStream) -> None:
        raise OSError(24, "Too many open files")

    async with serving(path) as served:
        with monkeypatch.context() as patch:
            patch.setattr(UnixStream, "_watch_for_end", none_left)
            assert await (await connect(served)).rest() == b""
        assert await (await connect(served)).echo(b"<") == b"<"
    assert [peer.user for peer in served.peers] == ["ann"]


async def test_limits_that_change_hold_for_who_is_there(machine: Machine, path: Path) -> None:
    async with serving(path) as served:
        client = await connect(served)
        await client.echo(b"<")
        served.places.take_over(replace(served.places.limits, sessions_per_user=1), ())
        assert await (await connect(served)).rest() == b""
