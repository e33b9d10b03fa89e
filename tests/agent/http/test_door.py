"""What the door for HTTP serves, what it refuses, and how it is closed."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

import pytest

from agent.http.arrival import Guest
from agent.http.door import Door, open_door
from tests.agent.http.door_lab import PATIENCE_S, all_of, echo, get, said, status_of
from tests.agent.http.door_waits import HERE, LIMITS, SHORT_S, Nowhere


async def test_an_application_is_served_and_no_program_is_named() -> None:
    async with open_door(echo, HERE, limits=LIMITS) as door:
        answer = await said(door.port, get("/a/b?c"))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert status_of(answer) == 200
    assert body == b"/a/b 0"
    assert b"\r\ndate: " in head.lower()
    assert b"server:" not in head.lower()
    assert b"uvicorn" not in answer.lower()


async def test_a_connection_serves_one_request_after_the_other() -> None:
    async with open_door(echo, HERE, limits=LIMITS) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        for path in ("/one", "/two"):
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
            assert await reader.readexactly(len(path) + 2) == f"{path} 0".encode()
        writer.write(get("/three") + get("/four"))
        assert b"/three 0" in await all_of(reader)
        writer.close()


async def test_a_body_comes_in_pieces_or_with_a_length() -> None:
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    async with open_door(echo, HERE, limits=LIMITS) as door:
        whole = await said(door.port, head + b"Content-Length: 3\r\n\r\n", b"a", b"bc")
        chunked = await said(door.port, head + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        asked = await said(door.port, head + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n", b"abc")
    assert whole.endswith(b"/ 3")
    assert chunked.endswith(b"/ 3")
    assert asked.startswith(b"HTTP/1.1 100")
    assert asked.endswith(b"/ 3")


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (get(host="evil.example"), 421),
        (get("/../etc/passwd"), 400),
        (get("/a%2f.."), 400),
        (get("/" + "a" * 9000), 414),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/3.0\r\nHost: 127.0.0.1\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (get("/", "127.0.0.1", "X: " + "y" * 20000), 431),
        (get("/", "127.0.0.1", *["X: y"] * 100), 431),
        (b"TRACE / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 501),
        (b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 501),
        (b"DELETE / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405),
        (b"HEAD /a/../b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1001\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (
            b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"1F4\r\n" + b"a" * 500 + b"\r\n1F5\r\n" + b"b" * 501 + b"\r\n0\r\n\r\n",
            413,
        ),
    ],
)  # fmt: skip
async def test_what_is_refused_gets_a_status_and_the_next_is_served(words: bytes, status: int) -> None:
    async with open_door(echo, HERE, limits=LIMITS) as door:
        answer = await said(door.port, words)
        assert status_of(answer) == status
        assert b"connection: close" in answer.lower()
        assert status_of(await said(door.port, get())) == 200


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Content-Length: 4\r\nContent-Length: 5\r\n",
        b"Content-Length: +4\r\n",
        b"Transfer-Encoding : chunked\r\n",
    ],
)
async def test_a_request_within_a_body_is_never_one(fields: bytes) -> None:
    async with open_door(echo, HERE, limits=LIMITS) as door:
        head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + fields + b"\r\n"
        answer = await said(door.port, head + b"0\r\n\r\n" + get("/within"))
        assert status_of(answer) in (400, 501)
        assert b"connection: close" in answer.lower()
        assert b"/within" not in answer
        assert answer.lower().count(b"connection: ") == 1


async def test_an_upgrade_is_not_taken_up() -> None:
    async with open_door(echo, HERE, limits=LIMITS) as door:
        words = get("/", "127.0.0.1", "Upgrade: websocket", "Connection: Upgrade")
        assert status_of(await said(door.port, words)) == 200


async def test_names_are_taken_that_the_settings_say() -> None:
    async with open_door(echo, HERE, limits=LIMITS, names=["gw.example"]) as door:
        assert status_of(await said(door.port, get(host="gw.example:8443"))) == 200
        assert status_of(await said(door.port, get(host="localhost"))) == 200


async def test_a_door_closes_though_a_place_is_not_given_back(caplog: pytest.LogCaptureFixture) -> None:
    async with asyncio.timeout(PATIENCE_S):
        async with open_door(echo, HERE, limits=replace(LIMITS, close_s=SHORT_S)) as door:
            assert door.hall.enter(Guest(door.hall, Nowhere()))
    assert "1 of its places" in caplog.text


async def test_what_goes_on_when_the_door_is_closed_ends(caplog: pytest.LogCaptureFixture) -> None:
    begun = asyncio.Event()

    async def endless(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        begun.set()
        await asyncio.Event().wait()

    with caplog.at_level(logging.WARNING):
        async with open_door(endless, HERE, limits=replace(LIMITS, close_s=SHORT_S)) as door:
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(get())
            await begun.wait()
        await asyncio.wait_for(all_of(reader), PATIENCE_S)
        writer.close()
    assert caplog.records == []


async def test_who_was_accepted_while_the_door_was_closed_is_let_go() -> None:
    class Late(asyncio.Transport):
        aborted = False

        def abort(self) -> None:
            self.aborted = True

        def close(self) -> None:
            self.aborted = True

    def made() -> asyncio.BaseProtocol:
        assert door._server is not None
        return door._made(config=door._server.config, server_state=door._server.server_state)

    async with open_door(echo, HERE, limits=LIMITS) as door:
        late = made()
    transport = Late()
    late.connection_made(transport)
    assert transport.aborted
    assert len(door.hall) == 0


async def test_a_fault_of_an_application_is_logged_and_answered(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        raise ValueError("of ours")

    async with open_door(broken, HERE, limits=LIMITS) as door:
        answer = await said(door.port, get())
    assert status_of(answer) == 500
    assert b"of ours" not in answer
    assert "of ours" in caplog.text


async def test_without_tls_only_this_machine_is_served() -> None:
    door = Door(echo, ("0.0.0.0", 0), what="RESTCONF")
    with pytest.raises(OSError, match=r"RESTCONF is not served on 0\.0\.0\.0 without TLS"):
        await door.take_address()
    async with open_door(echo, ("0.0.0.0", 0), limits=LIMITS, plain_anywhere=True) as opened:
        assert status_of(await said(opened.port, get())) == 200


async def test_an_address_that_cannot_be_had_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(HERE)
        taken.listen()
        told = r"RESTCONF cannot be served on 127\.0\.0\.1 port .* another with the setting 'listen'"
        with pytest.raises(OSError, match=told):
            await Door(echo, taken.getsockname(), what="RESTCONF").take_address()
