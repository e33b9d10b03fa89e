"""Who is slow to ask, to read or to go is given up by the door for HTTP, each in the time for it."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

import pytest

from agent.http.answers import Answers
from agent.http.door import open_door
from tests.agent.http.door_lab import echo, get, said, status_of
from tests.agent.http.door_waits import HERE, LIMITS, SHORT_S, emptied, reading_little, sending


async def test_a_slow_head_is_given_up() -> None:
    async with open_door(echo, HERE, limits=replace(LIMITS, head_s=SHORT_S)) as door:
        assert status_of(await said(door.port, b"GET / HTTP/1.1\r\n")) == 408
        assert await said(door.port) == b""


async def test_a_slow_head_is_given_up_on_a_connection_that_was_served() -> None:
    async with open_door(echo, HERE, limits=replace(LIMITS, head_s=SHORT_S)) as door:
        answer = await said(door.port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET / HT")
    assert answer.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 408 " in answer


async def test_a_slow_body_is_given_up() -> None:
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n"
    async with open_door(echo, HERE, limits=replace(LIMITS, body_s=SHORT_S)) as door:
        assert status_of(await said(door.port, head, b"a")) == 408


async def test_a_silent_connection_is_closed() -> None:
    async with open_door(echo, HERE, limits=replace(LIMITS, idle_s=SHORT_S)) as door:
        answer = await said(door.port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status_of(answer) == 200


@pytest.mark.parametrize("length", [True, False])
async def test_a_large_answer_arrives_whole(length: bool) -> None:
    async with open_door(sending(5_000_000, length=length), HERE, limits=LIMITS) as door:
        answer = await said(door.port, get())
    assert len(answer) > 5_000_000


async def test_a_client_that_reads_nothing_is_given_up() -> None:
    async with open_door(
        sending(50_000_000, length=False), HERE, limits=replace(LIMITS, write_s=SHORT_S)
    ) as door:
        with reading_little(door.port) as slow:
            await asyncio.get_running_loop().sock_sendall(slow, get())
            assert await asyncio.get_running_loop().sock_recv(slow, 8)
            await emptied(door)


async def test_an_answer_as_a_whole_has_its_time() -> None:
    """It makes no difference that a little is read always."""

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        scope["state"]["guest"].expect_read_in(SHORT_S)
        await send({"type": "http.response.body", "body": bytes(50_000_000)})

    async with open_door(app, HERE, limits=LIMITS) as door:
        with reading_little(door.port) as slow:
            await asyncio.get_running_loop().sock_sendall(slow, get())
            assert await asyncio.get_running_loop().sock_recv(slow, 8)
            await emptied(door)


async def test_the_time_of_an_answer_is_that_of_its_size() -> None:
    class Here:
        seconds = 0.0

        def expect_read_in(self, seconds: float) -> None:
            self.seconds = seconds

    async def send(message: MutableMapping[str, Any]) -> None:
        pieces.append(message)

    async def receive() -> MutableMapping[str, Any]:
        return {}

    here, pieces = Here(), list[MutableMapping[str, Any]]()
    limits = replace(LIMITS, write_s=3, slowest_octets=100_000)
    await Answers(sending(200_000, length=True), limits)({"state": {"guest": here}}, receive, send)
    assert here.seconds == 5
    assert [len(piece.get("body", b"")) for piece in pieces] == [0, 65536, 65536, 65536, 3392]
    assert [piece.get("more_body") for piece in pieces] == [None, True, True, True, False]
