"""Attacks on both doors for HTTP of an agent that runs: others are served throughout, and memory is bounded.

What each guard does by itself is tested beside it (tests/agent/http, tests/agent/restconf); this is the
whole.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.http.door_lab import Authority
from tests.requests import IPSEC, edit_candidate
from tests.wire.http_doors import (
    EVIL,
    GOOD,
    HERE,
    MIB,
    WORD,
    Doors,
    crowd,
    open_doors,
    request,
    said,
    sources,
)
from tests.wire.raw_client import raw_client

TUNNELS = 600
MANY = 1000
DOORS = pytest.mark.parametrize("door", ["web", "metrics"])
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
STREAM = "/restconf/streams/NETCONF/json"


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """With tunnels, so that an answer is large."""
    with open_doors(tmp_path_factory.mktemp("doors")) as opened:

        async def load() -> None:
            async with raw_client(opened.agent, greet="1.1") as client:
                entries = "".join(map(entry, range(1, TUNNELS + 1)))
                all_of_them = f'<tunnels xmlns="{IPSEC}">{entries}</tunnels>'
                assert b"<ok/>" in await client.ask(edit_candidate(all_of_them))
                assert b"<ok/>" in await client.ask("<commit/>")

        asyncio.run(load())
        asyncio.run(opened.served(1))  # who is known logs in beside many who try
        yield opened


def entry(number: int) -> str:
    high, low = divmod(number, 250)
    return (
        f"<ipsec><id>{number}</id><description>to the {number}th branch</description>"
        f"<secret>not-a-real-secret</secret><local-address>192.0.2.1</local-address>"
        f"<peer>198.51.{high}.{low + 1}</peer><remote-id><name>peer{number}</name></remote-id></ipsec>"
    )


def another(number: int) -> str:
    """Return the first tunnel with another description."""
    described = entry(1).replace("1th branch", f"{number} {'x' * 200}")
    return f'<tunnels xmlns="{IPSEC}">{described}</tunnels>'


def target(door: str) -> str:
    return "/restconf/data/yangswan-ipsec:tunnels" if door == "web" else "/metrics"


# -- what is asked -----------------------------------------------------------------------------

HOSTS = (
    "evil.example",
    "evil.example:8443",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "127.0.0.2",
    "169.254.169.254",
    "[::1]",
    "0",
    "2130706433",
)


@DOORS
async def test_no_method_is_carried_out_for_another_host(doors: Doors, door: str) -> None:
    """A page of strangers whose name was made to lead here (DNS rebinding) has a name of its own."""
    with doors.bounded(f"hosts, {door}", 64 * MIB):
        for host, method in itertools.product(HOSTS, METHODS):
            words = request(target(door), user=GOOD, method=method).replace(
                f"Host: {HERE}".encode(), f"Host: {host}".encode()
            )
            answer = await said(doors.port(door), words)
            refused = b"405" if door == "metrics" and method not in ("GET", "HEAD") else b"421"
            assert answer.split(b" ")[1] == refused, (host, method, answer)
        await doors.served(1)


TRICKS = [
    "/restconf/../restconf", "/restconf/%2e%2e/restconf", "/restconf/.%2e/x", "/./restconf", "//restconf",
    "/restconf//data", "//evil.example/restconf", "/%2frestconf", "/restconf%2fdata", "/restconf%5cdata",
    "/restconf\\data", "/restconf%00", "/restconf/data%00", "/restconf?x=%00", "/restconf/data/%", "/%zz",
    "/restconf/data/%ff", "/%c0%ae%c0%ae/etc/passwd", "/restconf#data", "*", "restconf", "",
    "http://evil.example/restconf", "https://127.0.0.1/restconf", "http://127.0.0.1@evil.example/restconf",
    "http://evil.example@127.0.0.1/restconf", "http://127.0.0.1:99999999/restconf", "file:///etc/passwd",
    "gopher://127.0.0.1/", "127.0.0.1:22", "/static/..%2f..%2fetc/passwd", "/static/%2e%2e/x", "/metrics/..",
    "/metrics%2f", "//metrics", "/./metrics",
]  # fmt: skip


@DOORS
async def test_no_trick_with_a_path_gets_anywhere(doors: Doors, door: str) -> None:
    with doors.bounded(f"paths, {door}", 64 * MIB):
        for trick in TRICKS:
            answer = await said(doors.port(door), request(trick, user=GOOD))
            assert answer.split(b" ")[1] in (b"400", b"404", b"421"), (trick, answer[:300])
            assert b"root:" not in answer
        await doors.served(1)


def posted(fields: str, body: bytes = b"", user: str = GOOD) -> bytes:
    head = request(
        "/restconf/data",
        *fields.split("\n"),
        "Content-Type: application/yang-data+json",
        user=user,
        method="POST",
        ends=False,
    )
    return head + body


WITHIN = request("/restconf/within", user=GOOD)
CHUNKED = "Transfer-Encoding: chunked"
FRAMES = {
    "both": posted(f"Content-Length: 5\n{CHUNKED}", b"0\r\n\r\n" + WITHIN),
    "both, the other way": posted(f"{CHUNKED}\nContent-Length: 5", b"0\r\n\r\n" + WITHIN),
    "two lengths": posted("Content-Length: 0\nContent-Length: 5", b"0\r\n\r\n" + WITHIN),
    "a list of lengths": posted("Content-Length: 0, 5", b"0\r\n\r\n" + WITHIN),
    "a signed length": posted("Content-Length: +5", b"0\r\n\r\n" + WITHIN),
    "a hexadecimal length": posted("Content-Length: 0x5", b"0\r\n\r\n" + WITHIN),
    "a blank before the colon": posted("Transfer-Encoding : chunked", b"0\r\n\r\n" + WITHIN),
    "a tab in the coding": posted("Transfer-Encoding:\tchunked\t", b"0\r\n\r\n") + WITHIN,
    "a folded coding": posted("Transfer-Encoding:\n chunked", b"0\r\n\r\n" + WITHIN),
    "two codings": posted("Transfer-Encoding: chunked\nTransfer-Encoding: identity", b"0\r\n\r\n" + WITHIN),
    "an unknown coding": posted("Transfer-Encoding: xchunked", b"0\r\n\r\n" + WITHIN),
    "chunked twice": posted("Transfer-Encoding: chunked, chunked", b"0\r\n\r\n" + WITHIN),
    "a NUL in a field": posted("X: a\0b\nContent-Length: 5", b"0\r\n\r\n" + WITHIN),
    "a bare return": posted("X: a\rContent-Length: 5", b"0\r\n\r\n" + WITHIN),
    "a negative chunk": posted(CHUNKED, b"-1\r\n\r\n" + WITHIN),
    "a chunk in 0x": posted(CHUNKED, b"0x0\r\n\r\n" + WITHIN),
    "a chunk without end": posted(CHUNKED, b"FFFFFFFFFFFFFFFFFFFF\r\n" + WITHIN),
    "a chunk and no size": posted(CHUNKED, b"\r\n\r\n" + WITHIN),
    "an extension without end": posted(CHUNKED, b"1;" + b"a" * 100_000),
    "extensions": posted(CHUNKED, b"1;a=b\r\n \r\n" * 50_000),
    "a trailer without end": posted(CHUNKED, b"0\r\nX: " + b"a" * 100_000),
    "trailers": posted(CHUNKED, b"0\r\n" + b"X: y\r\n" * 50_000),
    "a head without end": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 200_000,
    "fields": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
    "a method without end": b"G" * 200_000,
    "a target without end": b"GET /" + b"a" * 200_000,
    "a large body": posted(f"Content-Length: {1 << 40}", b"x" * 100_000),
    "a longer length": posted("Content-Length: " + "9" * 10_000),
    "empty lines": b"\r\n" * 100_000,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0",
    "HTTP/0.9": b"GET /restconf\r\n\r\n" + WITHIN,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n" + bytes(500),
}  # fmt: skip


@DOORS
async def test_nothing_is_read_into_a_request_that_is_not_in_it(doors: Doors, door: str) -> None:
    """Refused, once, and the connection closed: what follows may be of the body, for who stands between."""
    with doors.bounded(f"frames, {door}", 96 * MIB):
        for name, words in FRAMES.items():
            answer = await said(doors.port(door), words)
            # White space around a value is none of it: this is an empty body, and then another request.
            is_whole = door == "web" and name == "a tab in the coding"
            assert len(re.findall(rb"HTTP/1\.1 \d", answer)) == 1 + is_whole, (name, answer[:300])
            assert answer[9:12] in (b"400", b"405", b"408", b"413", b"414", b"431", b"501", b"505"), (
                name,
                answer[:300],
            )
            assert answer.lower().count(b"connection: close") == 1, name
        await doors.served(1)


HARMLESS = {
    "a range": "Range: bytes=0-10",
    "many ranges": "Range: bytes=" + ",".join("0-" for _ in range(1300)),
    "a range of another unit": "Range: tunnels=1-2",
    "an upgrade": "Upgrade: h2c, websocket\r\nConnection: Upgrade\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
    "forwarded": "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1;host=evil.example",
    "another host": "X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https",
    "another target": "X-Original-URL: /restconf/operations\r\nX-Rewrite-URL: /restconf/operations",
    "another method": "X-HTTP-Method-Override: DELETE",
}  # fmt: skip


@DOORS
async def test_fields_that_mean_nothing_here_change_nothing(doors: Doors, door: str) -> None:
    what = "/restconf/yang-library-version" if door == "web" else "/metrics"
    for name, field in HARMLESS.items():
        answer = await said(doors.port(door), request(what, *field.split("\r\n"), user=GOOD))
        assert answer.startswith(b"HTTP/1.1 200"), (name, answer[:300])
        assert b"content-range" not in answer.lower()
        assert b"evil.example" not in answer


@DOORS
async def test_what_is_expected_is_said_once_or_refused(doors: Doors, door: str) -> None:
    """No body is asked for whose request is refused already."""
    ends = "Connection: close\nExpect: 100-continue"
    for words in (
        posted(f"{ends}\nContent-Length: 5", user="nobody"),
        posted(f"{ends}\nContent-Length: {1 << 40}"),
        posted(f"{ends}\nContent-Length: 5").replace(HERE.encode(), b"evil.example"),
    ):
        answer = await said(doors.port(door), words)
        assert b"HTTP/1.1 100" not in answer
        assert answer.split(b" ")[1] in (b"401", b"405", b"413", b"421"), answer
    await doors.served(1)


# -- who takes time or room --------------------------------------------------------------------


@DOORS
async def test_who_reads_nothing_of_a_large_answer(doors: Doors, door: str) -> None:
    words = itertools.repeat(request(target(door), user=EVIL), 64)
    with doors.bounded(f"64 large answers that nobody reads, {door}", 160 * MIB):
        async with crowd(doors.port(door), words, sources(4)):
            await doors.served()
    await doors.served(1)


async def of_the_page(doors: Doors, user: str) -> list[bytes]:
    """Return how the page's stream is asked for, by who has logged in there if he can; none without it."""
    body = f'{{"user": "{user}", "password": "{WORD}"}}'.encode()
    kind, length = "Content-Type: application/json", f"Content-Length: {len(body)}"
    answer = await said(doors.web, request("/session", kind, length, method="POST") + body)
    if answer[9:12] == b"404":
        return []
    cookie = re.search(rb"(?i)set-cookie: *([^;\r]+)", answer)
    assert (cookie is not None) == (user == EVIL), answer
    return [request("/events", *([f"Cookie: {cookie[1].decode()}"] if cookie else []), ends=False)]


@pytest.mark.parametrize(("user", "whence"), [(EVIL, 1), (EVIL, 200), ("", 200), ("nobody", 200)])
async def test_a_thousand_streams_that_nobody_reads(doors: Doors, user: str, whence: int) -> None:
    """While events come: what is not read is kept for nobody."""
    kinds = [request(STREAM, user=user, ends=False), *await of_the_page(doors, user)]
    words = itertools.islice(itertools.cycle(kinds), MANY)
    with doors.bounded(f"{MANY} streams of {user or 'nobody at all'} from {whence}", 160 * MIB):
        async with crowd(doors.web, words, sources(whence)) as streams:
            assert len(streams) > MANY // 2
            async with raw_client(doors.agent, greet="1.1") as client:
                for number in range(30):
                    assert b"<ok/>" in await client.ask(edit_candidate(another(number)))
                    assert b"<ok/>" in await client.ask("<commit/>")
                await doors.served()
    await doors.served(1)


@DOORS
async def test_heads_and_bodies_that_never_end(doors: Doors, door: str) -> None:
    heads = [
        b"",
        b"G",
        b"GET /restconf HTTP/1.1\r\nHost: 127.0.0.1\r\nX",
        posted("Content-Length: 50000", b"{", user=""),
        posted("Content-Length: 50000", b"{", user=EVIL),
        posted(CHUNKED, b"1\r\n{\r\n", user=EVIL),
    ]
    with doors.bounded(f"{MANY // 2} that never end, {door}", 96 * MIB):
        async with crowd(doors.port(door), heads * (MANY // 12), sources(100)) as streams:
            for _ in range(3):
                for _, writer in streams:
                    writer.write(b"a")
                await doors.served(1)
    await doors.served(1)


@DOORS
async def test_thousands_of_requests_behind_each_other(doors: Doors, door: str) -> None:
    """Of which nobody reads an answer."""
    words = [request(target(door), user=EVIL, ends=False) * 2000] * 8
    with doors.bounded(f"8 times 2,000 requests, {door}", 160 * MIB):
        async with crowd(doors.port(door), words, sources(4)):
            await doors.served()
    await doors.served(1)


async def test_who_guesses_with_many_names_from_many_places(tmp_path: Path) -> None:
    """Each source has its tries over all names, and who knows his password gets in all the while."""
    with open_doors(tmp_path, "lockout-tries = 5") as doors:

        async def guess(number: int, whence: str) -> bytes:
            user = (EVIL, GOOD, f"name{number}", "root")[number % 4]
            words = request("/restconf", user=user, password=str(number))
            if number % 3 == 0:  # where there is a page, it has a login of its own
                body = f'{{"user": "{user}", "password": "{number}"}}'.encode()
                kind, length = "Content-Type: application/json", f"Content-Length: {len(body)}"
                words = request("/session", kind, length, method="POST") + body
            answer = await said(doors.web, words, whence)
            return answer[9:12]  # none, if so many have come that it gave way

        with doors.bounded("guesses", 96 * MIB):
            guesses = [
                asyncio.create_task(guess(number, whence))
                for number, whence in zip(range(300), sources(10), strict=False)
            ]
            await doors.served()
            found = await asyncio.gather(*guesses)
            assert set(found) <= {b"401", b"404", b"429", b"503", b""}
            wrong = found.count(b"401")
            assert wrong <= 10 * 5, "each source has five tries"
            for whence in itertools.islice(sources(10), 10):
                answer = await said(doors.web, request("/restconf", user=GOOD), whence)
                assert answer[9:12] in (b"429", b"200"), answer
            await doors.served()


async def test_handshakes_that_never_end(tmp_path: Path) -> None:
    with open_doors(tmp_path, authority=Authority(tmp_path)) as doors:
        hello = _client_hello()
        words = [
            b"",
            hello[:5],
            hello[:-1],
            hello,
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\xff\xff" + bytes(100),
        ]
        with doors.bounded(f"{MANY // 2} handshakes", 160 * MIB):
            async with crowd(doors.web, words * (MANY // 12), sources(100)):
                await doors.served()
        await doors.served(1)


def _client_hello() -> bytes:
    """Return the first that a client of TLS says."""
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(into, out, server_hostname=HERE).do_handshake()
    return out.read()


async def test_who_offers_http_2_is_spoken_to_as_nobody_is_promised_it(tmp_path: Path) -> None:
    with open_doors(tmp_path, authority=Authority(tmp_path)) as doors:
        assert doors.tls is not None
        doors.tls.set_alpn_protocols(["h2", "http/1.1"])
        _, writer = await asyncio.open_connection(HERE, doors.web, ssl=doors.tls)
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() in (None, "http/1.1")
        writer.transport.abort()
        await doors.served(1)
