"""What of HTTP/1.1 a client may say in other ways, and what frames a body (RFC 9112)."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.http.door import open_door
from agent.http.limits import DoorLimits
from agent.http.tls import Tls
from tests.agent.http.door_lab import PATIENCE_S, Authority, all_of, echo, get, said, status_of

HERE = ("127.0.0.1", 0)
LONG_S = 300.0
LIMITS = DoorLimits(
    head_s=LONG_S, body_s=LONG_S, idle_s=LONG_S, write_s=LONG_S, handshake_s=LONG_S, close_s=LONG_S,
    last_s=LONG_S,
    body_octets=1000, methods=frozenset({"GET", "HEAD", "POST", "OPTIONS"}),
)  # fmt: skip
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"


async def tell(scope: MutableMapping[str, Any], _receive: Any, send: Any) -> None:
    """An application that answers with what it sees of the target and Host."""
    host = b",".join(value for name, value in scope["headers"] if name == b"host")
    body = b" ".join((scope["raw_path"], scope["query_string"], host))
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        ("http://127.0.0.1/a/b?c=http://d/", b"/a/b c=http://d/ 127.0.0.1"),
        ("HTTP://LOCALHOST:8080/a", b"/a  LOCALHOST:8080"),
        ("http://localhost", b"/  localhost"),
        ("http://localhost?q", b"/ q localhost"),
    ],
)
async def test_the_host_of_a_target_takes_the_place_of_host(target: str, seen: bytes) -> None:
    async with open_door(tell, HERE, limits=LIMITS) as door:
        answer = await said(door.port, get(target, host="evil.example"))
        old = await said(door.port, f"GET {target} HTTP/1.0\r\n\r\n".encode())
    for one in (answer, old):
        assert status_of(one) == 200
        assert one.endswith(b"\r\n\r\n" + seen)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://evil.example/", 421),
        ("https://127.0.0.1/", 421),
        ("http:///a", 400),
        ("http://ann@127.0.0.1/", 400),
        ("http://127.0.0.1/a/../b", 400),
        ("http://127.0.0.1//a", 400),
        ("http://127.0.0.1/#a", 400),
        ("http:/a", 400),
        ("ftp://127.0.0.1/", 400),
        ("127.0.0.1:80", 400),
    ],
)
async def test_the_host_of_a_target_is_one_of_the_door(target: str, status: int) -> None:
    async with open_door(tell, HERE, limits=LIMITS) as door:
        assert status_of(await said(door.port, get(target))) == status


async def test_the_scheme_of_a_target_is_that_of_the_door(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with open_door(tell, HERE, Tls(*authority.issue_server()), limits=LIMITS) as door:
        for target, status in (("https://localhost/", 200), ("http://localhost/", 421)):
            assert status_of(await said(door.port, get(target), tls=authority.trusting())) == status


async def test_http_1_0_has_no_transfer_encoding() -> None:
    words = b"POST / HTTP/1.0\r\nHost: localhost\r\n%bTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    async with open_door(echo, HERE, limits=LIMITS) as door:
        for fields in (b"", b"Content-Length: 5\r\n", b"Connection: keep-alive\r\n"):
            answer = await said(door.port, words % fields)
            assert status_of(answer) == 400
            assert answer.count(b"HTTP/1.1 ") == 1


async def test_a_later_minor_version_is_spoken_to_as_the_latest_known() -> None:
    async with open_door(echo, HERE, limits=LIMITS) as door:
        answer = await said(door.port, get().replace(b"HTTP/1.1", b"HTTP/1.2"))
        assert status_of(await said(door.port, b"GET / HTTP/1.2\r\n\r\n")) == 400
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("coding", "status"),
    [("gzip", 415), ("identity, br", 415), ("", 200), ("Identity", 200), ("identity, identity", 200)],
)
async def test_a_body_is_not_compressed(coding: str, status: int) -> None:
    words = POST + f"Content-Encoding: {coding}\r\nContent-Length: 3\r\n\r\nabc".encode()
    async with open_door(echo, HERE, limits=LIMITS) as door:
        answer = await said(door.port, words)
    assert status_of(answer) == status
    assert (b"\r\naccept-encoding: identity\r\n" in answer) == (status == 415)


async def test_an_empty_line_before_a_request_is_skipped() -> None:
    body = POST.replace(b"Connection: close\r\n", b"") + b"Content-Length: 3\r\n\r\nabc"
    async with open_door(echo, HERE, limits=LIMITS) as door:
        for words in (
            [b"\r\n" + get("/a")],
            [b"\r", b"\n" + get("/a")],
            [body + b"\r\n" + get("/a")],
            [body + b"\r\n", get("/a")],
            [b"\r\n" + body + b"\r\n\r\n"[:2] + get("/a")],
        ):
            answer = await said(door.port, *words)
            assert answer.endswith(b"\r\n\r\n/a 0")
            assert b" 400 " not in answer


async def test_one_empty_line_is_and_no_more() -> None:
    async with open_door(echo, HERE, limits=LIMITS) as door:
        for words in (b"\r\n\r\n", b"\n", b"\r\r", b"\r\n "):
            assert status_of(await said(door.port, words + get())) == 400


CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("fold", [b"\r\n ", b"\r\n\t", b"\n "])
@pytest.mark.parametrize("field", [b"Transfer-Encoding:%bchunked", b"X: a%bb"])
async def test_a_field_over_several_lines_is_refused(field: bytes, fold: bytes) -> None:
    async with open_door(echo, HERE, limits=LIMITS) as door:
        words = (
            b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + field % fold + b"\r\n\r\n0\r\n\r\n" + get("/within")
        )
        answer = await said(door.port, words)
        assert status_of(answer) == 400
        assert b"within" not in answer
        folded_later = (
            b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\nConnection: close\r\n\r\n\r\n a"
        )
        assert status_of(await said(door.port, folded_later)) == 200


@pytest.mark.parametrize("size", [b"ffffffffffffffffffff", b"3e9", b"000000000000000003e9"])
async def test_a_chunk_larger_than_a_body_is_refused_before_it_comes(size: bytes) -> None:
    async with open_door(echo, HERE, limits=LIMITS) as door:
        assert status_of(await said(door.port, CHUNKED + size + b"\r\n")) == 413
        assert status_of(await said(door.port, CHUNKED + b"1\r\na\r\n" + size + b"\r\n")) == 413


async def test_what_frames_a_body_is_bounded() -> None:
    few = b"1;" + b"e" * 9000 + b"\r\na\r\n"
    async with open_door(echo, HERE, limits=LIMITS) as door:
        assert status_of(await said(door.port, CHUNKED, *[few] * 4)) == 413
        small = await said(door.port, CHUNKED, *[b"1\r\na\r\n" * 100] * 10, b"0\r\n\r\n")
        extended = await said(door.port, CHUNKED, few, b"0\r\n\r\n")
    assert small.endswith(b"/ 1000")
    assert extended.endswith(b"/ 1")


async def said_last(port: int, *words: bytes) -> bytes:
    """Return what comes back to who says that these are his last words."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for word in words:
        writer.write(word)
    writer.write_eof()
    try:
        return await asyncio.wait_for(all_of(reader), PATIENCE_S)
    finally:
        writer.transport.abort()


KEPT = b"GET /%b HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def test_last_words_are_answered() -> None:
    body = POST.replace(b"Connection: close\r\n", b"") + b"Content-Length: 3\r\n\r\nabc"
    async with open_door(echo, HERE, limits=LIMITS) as door:
        assert (await said_last(door.port, KEPT % b"a")).endswith(b"\r\n\r\n/a 0")
        assert (await said_last(door.port, body)).endswith(b"\r\n\r\n/ 3")
        several = await said_last(door.port, KEPT % b"a", KEPT % b"b", KEPT % b"c")
    assert [several.count(path) for path in (b"/a 0", b"/b 0", b"/c 0")] == [1, 1, 1]


async def test_of_last_words_what_is_whole_is_answered() -> None:
    async with open_door(echo, HERE, limits=LIMITS) as door:
        for part in (b"\r", b"GET / HT", POST + b"Content-Length: 3\r\n\r\nab"):
            assert (await said_last(door.port, KEPT % b"a", part)).endswith(b"\r\n\r\n/a 0")
            assert await said_last(door.port, part) == b""
        refused = await said_last(door.port, KEPT % b"a", KEPT % b".")
    assert refused.count(b"HTTP/1.1 200 ") == refused.count(b"HTTP/1.1 400 ") == 1


@pytest.mark.parametrize("has_begun", [False, True])
async def test_last_words_come_while_an_answer_is_made(has_begun: bool) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def app(_scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        pieces: list[MutableMapping[str, Any]] = [
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]},
            {"type": "http.response.body", "body": b"ab", "more_body": True},
        ]
        while has_begun and pieces:
            await send(pieces.pop(0))
        assert (await receive())["type"] == "http.request"
        asked.set()
        await go_on.wait()
        for piece in pieces:
            await send(piece)
        await send({"type": "http.response.body", "body": b"c"})

    async with open_door(app, HERE, limits=LIMITS) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(KEPT % b"")
        await asyncio.wait_for(asked.wait(), PATIENCE_S)
        writer.write_eof()
        await said(door.port, b"GET\r\n\r\n")  # it has been read when this is answered
        go_on.set()
        assert (await asyncio.wait_for(all_of(reader), PATIENCE_S)).endswith(b"\r\n\r\nabc")
        writer.transport.abort()


async def test_who_follows_what_has_no_end_and_says_his_last_words_is_gone() -> None:
    gone = asyncio.Event()

    async def follow(_scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ab", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()

    async with open_door(follow, HERE, limits=LIMITS) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(KEPT % b"")
        await reader.readuntil(b"ab")
        writer.write_eof()
        await asyncio.wait_for(gone.wait(), PATIENCE_S)
        writer.transport.abort()
    gone.clear()
    async with open_door(follow, HERE, limits=replace(LIMITS, last_s=0.05)) as door:
        assert b"ab" in await said_last(door.port, KEPT % b"")
        await asyncio.wait_for(gone.wait(), PATIENCE_S)


async def test_who_has_said_his_last_words_waits_for_a_time_alone() -> None:
    gone = asyncio.Event()

    async def slow(_scope: MutableMapping[str, Any], receive: Any, _send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()

    async with open_door(slow, HERE, limits=replace(LIMITS, last_s=0.05)) as door:
        assert await said_last(door.port, KEPT % b"") == b""
        await asyncio.wait_for(gone.wait(), PATIENCE_S)
