"""A door that is closed leaves a client what it was answered: whoever reads gets the end."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, MutableMapping
from dataclasses import replace
from typing import Any

import pytest

from agent.http.connection import Connection
from agent.http.door import Door, open_door
from agent.http.tls import Tls
from tests.agent.http.door_lab import PATIENCE_S, Authority, get
from tests.agent.http.door_waits import HERE, LIMITS, SHORT_S, sending, until

OCTETS = 100_000
ROOM_OCTETS = 4096


class Answering:
    """Answers more than the sockets have room for; ``sent``: all of it waits in the door."""

    def __init__(self) -> None:
        self.sent = asyncio.Event()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        carried = scope["state"]["guest"]._transport.get_extra_info("socket")
        carried.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM_OCTETS)
        await sending(OCTETS, length=True)(scope, receive, send)
        self.sent.set()


def asking(port: int, tls: ssl.SSLContext | None) -> socket.socket:
    """Return a connection on which was asked, and nothing is read yet."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM_OCTETS)
    made.settimeout(PATIENCE_S)
    made.connect(("127.0.0.1", port))
    if tls is not None:
        made = tls.wrap_socket(made, server_hostname="127.0.0.1")
    made.sendall(get())
    return made


def body_of(client: socket.socket) -> int:
    """Read to the end; return how much came after the head."""
    read = bytearray()
    while piece := client.recv(ROOM_OCTETS):
        read += piece
    return len(read.partition(b"\r\n\r\n")[2])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
async def test_who_reads_gets_the_end_of_an_answer(authority: Authority, secure: bool) -> None:
    app = Answering()
    tls = Tls(*authority.issue_server()) if secure else None
    async with open_door(app, HERE, tls, limits=LIMITS) as door:
        client = await asyncio.to_thread(asking, door.port, authority.trusting() if secure else None)
        await asyncio.wait_for(app.sent.wait(), PATIENCE_S)
        closing = asyncio.ensure_future(door.close(PATIENCE_S))
        await until(lambda: door._server is None)
        for _ in range(10):
            await asyncio.sleep(0)
        assert not closing.done()
        assert await asyncio.to_thread(body_of, client) == OCTETS
        client.close()
        await asyncio.wait_for(closing, PATIENCE_S)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
async def test_who_reads_nothing_is_given_up(authority: Authority, secure: bool) -> None:
    app = Answering()
    tls = Tls(*authority.issue_server()) if secure else None
    async with open_door(app, HERE, tls, limits=replace(LIMITS, close_s=SHORT_S)) as door:
        client = await asyncio.to_thread(asking, door.port, authority.trusting() if secure else None)
        await asyncio.wait_for(app.sent.wait(), PATIENCE_S)
        await asyncio.wait_for(door.close(100 * PATIENCE_S), PATIENCE_S)
        client.close()


async def test_whoever_has_read_something_is_waited_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    app, armed = Answering(), list[Callable[[], None]]()

    def keep(name: str, _seconds: float, do: Callable[[], None]) -> None:
        if name == "close":
            armed.append(do)

    async with open_door(app, HERE, limits=replace(LIMITS, close_s=PATIENCE_S)) as door:
        client = await asyncio.to_thread(asking, door.port, None)
        await asyncio.wait_for(app.sent.wait(), PATIENCE_S)
        connection = one_of(door)
        door.hall.closed = True
        monkeypatch.setattr(connection, "_after", keep)
        connection.shutdown()
        waited = connection._guest.unread_octets  # type: ignore[union-attr]
        assert waited > 0
        for _ in range(12):
            await asyncio.to_thread(client.recv, ROOM_OCTETS)
        await until(lambda: connection._guest.unread_octets < waited)  # type: ignore[union-attr]
        armed.pop(0)()
        (again,) = armed
        assert connection in connection.connections
        again()
        await until(lambda: connection not in connection.connections)
        client.close()


async def test_what_the_system_holds_is_not_read_yet() -> None:
    """It asks for more only once it has room for much, so what waits in the process says little."""
    async with open_door(sending(OCTETS, length=True), HERE, limits=LIMITS) as door:
        client = await asyncio.to_thread(asking, door.port, None)
        await until(lambda: not door.hall.empty.is_set())
        guest = one_of(door)._guest
        assert guest is not None
        await until(lambda: guest.unread_octets > guest._transport.get_write_buffer_size())
        door.shut()
        assert await asyncio.to_thread(body_of, client) == OCTETS
        client.close()
        await until(lambda: guest.unread_octets == 0)


async def test_a_second_shutdown_begins_no_time_anew() -> None:
    app = Answering()
    async with open_door(app, HERE, limits=replace(LIMITS, close_s=PATIENCE_S)) as door:
        client = await asyncio.to_thread(asking, door.port, None)
        await asyncio.wait_for(app.sent.wait(), PATIENCE_S)
        connection = one_of(door)
        door.shut()
        timers = dict(connection._timers)
        door.shut()
        assert timers
        assert connection._timers == timers
        client.close()


async def test_a_connection_that_cannot_be_shut_keeps_no_other_open(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_self: Connection) -> None:
        raise LookupError("of ours")

    async with open_door(Answering(), HERE, limits=replace(LIMITS, close_s=SHORT_S)) as door:
        clients = [await asyncio.open_connection("127.0.0.1", door.port) for _ in range(2)]
        await until(lambda: len(door.hall) == 2)
        first = one_of(door)
        monkeypatch.setattr(first, "shutdown", lambda: fails(first))
        door.shut()
        assert len(first.connections - {first}) == 1
        await asyncio.wait_for(door.close(), PATIENCE_S)
        assert not first.connections
        for _reader, writer in clients:
            writer.close()
    assert "a connection of a door is shut" in caplog.text


def one_of(door: Door) -> Connection:
    assert door._server is not None
    found = next(iter(door._server.server_state.connections))
    assert isinstance(found, Connection)
    return found
