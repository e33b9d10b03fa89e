"""Who is answered before he has sent all reads the answer, whenever he reads (RFC 9112 section 9.6)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import uvloop

from agent.http.door import Door, open_door
from agent.http.limits import DoorLimits
from agent.http.tls import Tls
from tests.agent.http.door_lab import PATIENCE_S, Authority, all_of, echo, said, status_of
from tests.agent.http.door_waits import HERE, LIMITS, LONG_S, SHORT_S, until

PIECE = bytes(65536)
BODY_OCTETS = 200 * len(PIECE)
"""More than the system keeps for a socket that nobody reads."""
ROOMY = replace(LIMITS, linger_s=LONG_S)


async def refusing(_scope: MutableMapping[str, Any], _receive: Any, send: Any) -> None:
    """An application that answers without a look at the body."""
    await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"no"})


def head(*fields: str) -> bytes:
    return "\r\n".join(["POST / HTTP/1.1", "Host: 127.0.0.1", *fields, "", ""]).encode()


TOO_LARGE = head(f"Content-Length: {BODY_OCTETS}")
CLOSING = head(f"Content-Length: {BODY_OCTETS}", "Connection: close")
ENDLESS = head("Transfer-Encoding: chunked")


def sent_first_and_read_then(
    port: int, begin: bytes, tls: ssl.SSLContext | None, octets: int, is_answered_first: bool = False
) -> bytes:
    """*thread* Send all, as most clients do, and read what has been answered.

    Raises:
        OSError: the connection was reset.
    """
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S))
        carried = (
            plain if tls is None else stack.enter_context(tls.wrap_socket(plain, server_hostname="127.0.0.1"))
        )
        carried.sendall(begin)
        if is_answered_first:
            plain.recv(1, socket.MSG_PEEK)
        chunked = b"chunked" in begin
        for _ in range(octets // len(PIECE)):
            carried.sendall(b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if chunked else PIECE)
        found = b""
        while piece := carried.recv(65536):
            found += piece
        return found


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@asynccontextmanager
async def opened(app: Any, limits: DoorLimits, tls: Tls | None = None) -> AsyncIterator[Door]:
    async with open_door(app, HERE, tls, limits) as door:
        yield door


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize(
    ("app", "body_octets", "begin", "status"),
    [
        (echo, 1000, TOO_LARGE, 413),  # what the head says
        (echo, 1000, ENDLESS, 413),  # what came
        (refusing, BODY_OCTETS, CLOSING, 401),
    ],
)
async def test_who_sends_first_reads_the_answer(
    authority: Authority, secure: bool, app: Any, body_octets: int, begin: bytes, status: int
) -> None:
    tls = Tls(*authority.issue_server()) if secure else None
    limits = replace(ROOMY, body_octets=body_octets)
    async with opened(app, limits, tls) as door:
        trusting = authority.trusting() if secure else None
        work = asyncio.to_thread(sent_first_and_read_then, door.port, begin, trusting, BODY_OCTETS)
        assert status_of(await asyncio.wait_for(work, PATIENCE_S * 3)) == status
        await until(lambda: not len(door.hall.lingering) and not len(door.hall))


async def test_who_was_answered_and_sends_more_than_may_be_reads_the_answer() -> None:
    async with opened(refusing, replace(ROOMY, body_octets=1000)) as door:
        work = asyncio.to_thread(sent_first_and_read_then, door.port, ENDLESS, None, BODY_OCTETS, True)
        answer = await asyncio.wait_for(work, PATIENCE_S * 3)
    assert status_of(answer) == 401
    assert answer.endswith(b"\r\n\r\nno")  # and nothing behind it


async def test_no_more_is_thrown_away_than_is_borne() -> None:
    async with opened(echo, replace(ROOMY, linger_octets=100_000)) as door:
        with pytest.raises(OSError):  # noqa: PT011 - the system says which
            await asyncio.to_thread(sent_first_and_read_then, door.port, TOO_LARGE, None, 4 * BODY_OCTETS)
        await until(lambda: not len(door.hall.lingering))


async def test_nobody_is_waited_for_for_long() -> None:
    async with opened(echo, replace(ROOMY, linger_s=SHORT_S)) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(TOO_LARGE + PIECE)
        assert status_of(await all_of(reader)) == 413
        await until(lambda: not len(door.hall.lingering))
        writer.transport.abort()


@pytest.mark.parametrize("more", [(), ("Connection: close",)])
async def test_who_has_sent_all_takes_no_place(more: tuple[str, ...]) -> None:
    """Though his side of the connection stays open."""
    async with opened(echo, ROOMY) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(head("Content-Length: 3", *more) + b"abc")
        if more:
            assert (await all_of(reader)).endswith(b"/ 3")
        else:
            await asyncio.wait_for(reader.readuntil(b"/ 3"), PATIENCE_S)
        assert not len(door.hall.lingering)
        writer.transport.abort()
        await until(lambda: not len(door.hall))
        assert not len(door.hall.lingering)


@pytest.mark.parametrize("bounds", [{"lingering": 2}, {"lingering_per_source": 2}])
async def test_only_so_many_are_waited_for(bounds: dict[str, int]) -> None:
    limits = DoorLimits(**{**_fields(ROOMY), **bounds})
    async with opened(echo, limits) as door:
        writers = []
        for _ in range(4):
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(TOO_LARGE)  # nothing of the body is there yet, so that none is reset
            assert status_of(await all_of(reader)) == 413
            writers.append(writer)
        assert len(door.hall.lingering) == 2
        for writer in writers:
            writer.transport.abort()
        await until(lambda: not len(door.hall.lingering))
        assert status_of(await said(door.port, TOO_LARGE)) == 413


def _fields(limits: DoorLimits) -> dict[str, Any]:
    return {name: getattr(limits, name) for name in limits.__dataclass_fields__}


async def test_a_door_that_is_closed_waits_for_nobody() -> None:
    async with opened(echo, ROOMY) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(TOO_LARGE)
        assert status_of(await all_of(reader)) == 413
        assert len(door.hall.lingering) == 1
        lingering = door.hall.lingering
    assert not len(lingering)
    with pytest.raises(ConnectionError):
        await _written_for_ever(writer)


async def _written_for_ever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(PIECE)
        await writer.drain()
        await asyncio.sleep(0)


async def test_who_asks_again_is_served_on_the_same_connection() -> None:
    """Who is answered early, sends the rest, and is not to go."""
    async with opened(refusing, replace(ROOMY, body_octets=BODY_OCTETS)) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        for _ in range(2):
            writer.write(head(f"Content-Length: {BODY_OCTETS}"))
            assert status_of(await asyncio.wait_for(reader.readuntil(b"\r\n\r\nno"), PATIENCE_S)) == 401
            writer.write(bytes(BODY_OCTETS))
            await writer.drain()
        writer.transport.abort()


def test_on_uvloop_too() -> None:
    async def asked() -> bytes:
        async with opened(echo, ROOMY) as door:
            work = asyncio.to_thread(sent_first_and_read_then, door.port, TOO_LARGE, None, BODY_OCTETS)
            return await asyncio.wait_for(work, PATIENCE_S * 3)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert status_of(runner.run(asked())) == 413
