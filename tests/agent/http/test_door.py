"""The door for HTTP is served throughout, and nothing that comes to it waits without an end."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop

from agent.http.answers import Answers
from agent.http.arrival import Guest
from agent.http.door import Door, open_door
from agent.http.limits import DoorLimits
from agent.http.tls import Tls, TlsFault, context_of
from tests.agent.http.door_lab import PATIENCE_S, Authority, all_of, echo, get, said, status_of

HERE = ("127.0.0.1", 0)
SHORT_S = 0.05
LONG_S = 300.0
LIMITS = DoorLimits(
    head_s=LONG_S, body_s=LONG_S, idle_s=LONG_S, write_s=LONG_S, handshake_s=LONG_S, close_s=LONG_S,
    body_octets=1000, methods=frozenset({"GET", "HEAD", "POST", "OPTIONS"}),
)  # fmt: skip


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


def sending(octets: int, *, length: bool) -> Any:
    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"%d" % octets)] if length else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(octets)})

    return app


@pytest.mark.parametrize("length", [True, False])
async def test_a_large_answer_arrives_whole(length: bool) -> None:
    async with open_door(sending(5_000_000, length=length), HERE, limits=LIMITS) as door:
        answer = await said(door.port, get())
    assert len(answer) > 5_000_000


def reading_little(port: int) -> socket.socket:
    """Return a connection with little room for what comes."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", port))
    made.setblocking(False)
    return made


async def emptied(door: Door) -> None:
    await asyncio.wait_for(door.hall.empty.wait(), PATIENCE_S)


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


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - there is no event of it
            await asyncio.sleep(0)


async def held(port: int, count: int) -> list[asyncio.StreamWriter]:
    return [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(count)]


async def test_a_source_has_its_places_and_no_more() -> None:
    async with open_door(echo, HERE, limits=replace(LIMITS, connections_per_source=3)) as door:
        waiting = await held(door.port, 3)
        assert status_of(await said(door.port, b"")) == 429
        assert door.hall.refused == 1
        gone = waiting.pop()
        gone.transport.abort()
        await until(lambda: len(door.hall) == 2)
        assert status_of(await said(door.port, get())) == 200
        for writer in waiting:
            writer.transport.abort()


async def test_who_has_said_nothing_gives_way_where_all_places_are_taken() -> None:
    async with open_door(echo, HERE, limits=replace(LIMITS, connections=3, connections_per_source=9)) as door:
        waiting = await held(door.port, 30)
        assert status_of(await said(door.port, get())) == 200
        assert len(door.hall) <= 3
        for writer in waiting:
            writer.transport.abort()


async def test_who_is_vouched_for_gives_way_to_nobody_of_the_same_user() -> None:
    found: list[Guest] = []
    vouched: list[bool] = []

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        found.append(scope["state"]["guest"])
        vouched.append(found[-1].vouch())
        await echo(scope, receive, send)

    limits = replace(LIMITS, connections=2, connections_per_source=2)
    async with open_door(app, HERE, limits=limits) as door:
        kept = await held(door.port, 2)
        for number, writer in enumerate(kept):
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await until(lambda least=number: len(found) > least)
        crowd = await held(door.port, 2)
        assert status_of(await said(door.port, get())) == 429
        crowd[0].write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: len(vouched) == 3)
        assert vouched == [True, True, False]
        assert len(door.hall) == 4
        for writer in (*kept, *crowd):
            writer.transport.abort()
        await emptied(door)


@pytest.mark.parametrize(
    ("connections", "per_source"), [(3, 9), (9, 3)], ids=["all places are taken", "those of the source are"]
)
async def test_who_has_most_gives_way_to_another_user(connections: int, per_source: int) -> None:
    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        user = str(scope["path"])[1:]
        said_yes = scope["state"]["guest"].vouch(user)
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200 if said_yes else 503, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def status_for(user: str) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(f"GET /{user} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        return status_of(head), reader, writer

    limits = replace(LIMITS, connections=connections, connections_per_source=per_source)
    async with open_door(app, HERE, limits=limits) as door:
        eves = [await status_for("eve") for _ in range(3)]
        found = [(await status_for(user)) for user in ("eve", "admin", "bob", "bob", "eve")]
        # Two of eve's give way, then each has one, and nobody has more than who comes will have.
        assert [one[0] for one in found] == [503, 200, 200, 503, 503]
        for gone in eves[:2]:
            assert await asyncio.wait_for(all_of(gone[1]), PATIENCE_S) == b""
        for _, _, writer in (*eves, *found):
            writer.transport.abort()
        await emptied(door)


def waiting(known: list[bool], begun: asyncio.Queue[Guest], go_on: asyncio.Event) -> Any:
    """Return an application that finds out slowly who asks it; his name is the path."""

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        guest = scope["state"]["guest"]
        begun.put_nowait(guest)
        await go_on.wait()
        known.append(guest.vouch(str(scope["path"])[1:]))
        await echo(scope, receive, send)

    return app


async def test_who_gave_way_while_he_asked_takes_no_place_again() -> None:
    known: list[bool] = []
    begun: asyncio.Queue[Guest] = asyncio.Queue()
    go_on = asyncio.Event()
    limits = replace(LIMITS, connections=2, close_s=PATIENCE_S)
    async with open_door(waiting(known, begun, go_on), HERE, limits=limits) as door:
        guests, writers = [], []
        for _ in range(2):
            _reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writers.append(writer)
            writer.write(get("/eve"))
            guests.append(await asyncio.wait_for(begun.get(), PATIENCE_S))
            assert guests[-1].vouch("eve")
        bob = Guest(door.hall, _Nowhere())
        assert bob.vouch("bob")  # where eve's oldest was
        assert [one.gone for one in guests] == [True, False]
        go_on.set()
        await until(lambda: len(known) == 2)
        assert sorted(known) == [False, True]
        assert guests[0] not in door.hall._vouched
        bob.leave()
        for writer in writers:
            writer.transport.abort()
        await emptied(door)


class _Nowhere(asyncio.Transport):
    """Where nobody is."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 0) if name in ("peername", "sockname") else default

    def abort(self) -> None:
        """There is nothing to end."""


async def test_a_connection_counts_as_of_who_asked_last() -> None:
    """As behind a proxy, which sends what another asks on the connection that it has."""

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        assert scope["state"]["guest"].vouch(str(scope["path"])[1:])
        await echo(scope, receive, send)

    async with open_door(app, HERE, limits=LIMITS) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        for user in ("eve", "bob"):
            writer.write(f"GET /{user} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            await asyncio.wait_for(reader.readuntil(f"/{user} 0".encode()), PATIENCE_S)
            assert list(door.hall._vouched.values()) == [user]
        writer.transport.abort()
        await emptied(door)


async def test_a_door_closes_though_a_place_is_not_given_back(caplog: pytest.LogCaptureFixture) -> None:
    async with asyncio.timeout(PATIENCE_S):
        async with open_door(echo, HERE, limits=replace(LIMITS, close_s=SHORT_S)) as door:
            assert door.hall.enter(Guest(door.hall, _Nowhere()))
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


# -- TLS -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


async def test_tls_and_who_has_shown_a_certificate(authority: Authority) -> None:
    shown: list[dict[str, Any]] = []

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        assert scope["scheme"] == "https"
        shown.append(scope["state"]["guest"].certificate)
        await echo(scope, receive, send)

    tls = Tls(*authority.issue_server(), clients=authority.file)
    ann = authority.issue("ann")
    async with open_door(app, HERE, tls, limits=LIMITS) as door:
        for context in (authority.trusting(), authority.trusting(ann)):
            assert status_of(await said(door.port, get(), tls=context)) == 200
    assert shown[0] == {}
    assert shown[1]["subject"] == ((("commonName", "ann"),),)


async def test_a_certificate_of_strangers_is_not_taken(authority: Authority, tmp_path: Path) -> None:
    eve = Authority(tmp_path, "strangers").issue("eve")
    async with open_door(
        echo, HERE, Tls(*authority.issue_server(), clients=authority.file), limits=LIMITS
    ) as door:
        with pytest.raises((ssl.SSLError, ConnectionError, IndexError)):
            status_of(await said(door.port, get(), tls=authority.trusting(eve)))
        assert status_of(await said(door.port, get(), tls=authority.trusting())) == 200


async def test_older_tls_is_not_spoken(authority: Authority) -> None:
    context = authority.trusting()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    async with open_door(echo, HERE, Tls(*authority.issue_server()), limits=LIMITS) as door:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await said(door.port, get(), tls=context)
        await emptied(door)


async def test_a_slow_handshake_is_given_up_and_counts_meanwhile(authority: Authority) -> None:
    limits = replace(LIMITS, connections_per_source=2)
    async with open_door(echo, HERE, Tls(*authority.issue_server()), limits=limits) as door:
        waiting = await held(door.port, 2)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await said(door.port, get(), tls=authority.trusting())
        for writer in waiting:
            writer.transport.abort()
        await emptied(door)
    async with open_door(
        echo, HERE, Tls(*authority.issue_server()), limits=replace(LIMITS, handshake_s=SHORT_S)
    ) as door:
        assert await said(door.port, b"\x16") == b""
        await emptied(door)


async def test_who_speaks_no_tls_is_turned_away(authority: Authority) -> None:
    async with open_door(echo, HERE, Tls(*authority.issue_server()), limits=LIMITS) as door:
        assert not (await said(door.port, get())).startswith(b"HTTP")
        assert status_of(await said(door.port, get(), tls=authority.trusting())) == 200


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


def test_files_that_cannot_be_used_are_named(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue_server()
    other, other_key = authority.issue("other")
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    text.chmod(0o600)
    open_key = tmp_path / "open.key"
    open_key.write_bytes(key.read_bytes())
    open_key.chmod(0o644)
    for tls, words in (
        (Tls(tmp_path / "none", key), "none cannot be read: No such file"),
        (Tls(tmp_path, key), "cannot be read: Is a directory"),
        (Tls(certificate, tmp_path / "none"), "none cannot be read"),
        (Tls(certificate, other_key), "other.key is not the key of the certificate in"),
        (Tls(text, key), "do not hold a certificate and its key"),
        (Tls(certificate, open_key), "open.key: others than its owner may use this key"),
        (Tls(other, other_key, clients=text), "text.pem holds no certificates"),
    ):
        with pytest.raises(TlsFault, match=words):
            context_of(tls)


def test_a_key_with_a_password_is_told_apart(authority: Authority, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    certificate, key = authority.issue_server()
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    encrypted = tmp_path / "encrypted.key"
    encrypted.touch(0o600)
    encrypted.write_bytes(
        loaded.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(TlsFault, match="the key is encrypted"):
        context_of(Tls(certificate, encrypted))


def test_on_uvloop_http_is_served_and_tls_is_refused(authority: Authority) -> None:
    async def plain() -> None:
        async with open_door(echo, HERE, limits=LIMITS) as door:
            assert status_of(await said(door.port, get())) == 200
            assert status_of(await said(door.port, get(host="evil.example"))) == 421

    async def secured() -> None:
        with pytest.raises(OSError, match="not on uvloop"):
            await Door(echo, HERE, tls=Tls(*authority.issue_server())).take_address()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(plain())
        runner.run(secured())
