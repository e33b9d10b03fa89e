"""Crowds, guesses and floods: who behaves is served throughout, and what others take is bounded."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.agent.handlers import Lab
from tests.agent.http.door_lab import PATIENCE_S, all_of
from tests.agent.restconf.client import BOUNDS, LIMITS, Answer, Client, answer_of, basic, serving

HERE = "127.0.0.1"


async def from_address(
    client: Client, source: str, words: bytes = b""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a connection that comes from another address of this machine, and says something."""
    reader, writer = await asyncio.open_connection(HERE, client.door.port, local_addr=(source, 0))
    writer.write(words)
    await writer.drain()
    return reader, writer


def request(target: str, user: str = "tester", password: str | None = None, *, ends: bool = True) -> bytes:
    fields = basic(user) if password is None else basic(user, password)
    lines = [f"GET {target} HTTP/1.1", f"Host: {HERE}", f"Authorization: {fields['Authorization']}"]
    return "\r\n".join([*lines, *(["Connection: close"] if ends else []), "", ""]).encode()


async def answered(client: Client, source: str, words: bytes) -> Answer:
    reader, writer = await from_address(client, source, words)
    try:
        return answer_of(await asyncio.wait_for(all_of(reader), PATIENCE_S))
    finally:
        writer.transport.abort()


async def test_a_crowd_that_says_nothing_keeps_nobody_out(lab: Lab, tmp_path: Path) -> None:
    async with serving(
        lab, tmp_path, limits=replace(LIMITS, connections=40, connections_per_source=8)
    ) as client:
        crowd = [await from_address(client, f"127.0.1.{one % 25 + 1}", b"GET /") for one in range(200)]
        for _ in range(3):
            assert (await answered(client, "127.0.2.1", request("/restconf"))).status == 200
        assert len(client.door.hall) <= 40
        for _, writer in crowd:
            writer.transport.abort()
        await asyncio.wait_for(client.door.hall.empty.wait(), PATIENCE_S)


async def test_streams_of_one_user_keep_no_other_out(lab: Lab, tmp_path: Path) -> None:
    async with serving(
        lab, tmp_path, limits=replace(LIMITS, connections=64, connections_per_source=64)
    ) as client:
        words = request("/restconf/streams/NETCONF/json", "bob", ends=False)
        streams = [await from_address(client, HERE, words) for _ in range(60)]
        first = [await asyncio.wait_for(reader.readline(), PATIENCE_S) for reader, _ in streams]
        assert (
            first.count(b"HTTP/1.1 200 \r\n") + first.count(b"HTTP/1.1 200 OK\r\n")
            == BOUNDS.requests_per_user
        )
        assert (await answered(client, "127.0.2.1", request("/restconf/data"))).status == 200
        for _, writer in streams:
            writer.transport.abort()
        await asyncio.wait_for(client.door.hall.empty.wait(), PATIENCE_S)
        assert (await answered(client, HERE, request("/restconf", "bob"))).status == 200


async def test_who_guesses_from_one_address_keeps_no_other_out(lab: Lab, tmp_path: Path) -> None:
    async with serving(lab, tmp_path, tries=5) as client:
        guesses = [
            answered(client, "127.0.3.1", request("/restconf", password=str(one))) for one in range(30)
        ]
        found, served = await asyncio.gather(
            asyncio.gather(*guesses), answered(client, "127.0.2.1", request("/restconf"))
        )
        assert served.status == 200
        assert {one.status for one in found} <= {401, 429, 503}
        assert (await answered(client, "127.0.3.1", request("/restconf"))).status == 429


async def test_requests_behind_each_other_are_answered_in_their_order(client: Client) -> None:
    words = request("/restconf/yang-library-version", ends=False) * 200 + request("/restconf/nothing")
    reader, writer = await from_address(client, HERE, words)
    found = await asyncio.wait_for(all_of(reader), PATIENCE_S)
    writer.close()
    assert found.count(b"HTTP/1.1 200") == 200
    assert found.rindex(b"HTTP/1.1 404") > found.rindex(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "fields",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
async def test_a_page_of_strangers_does_nothing(client: Client, fields: dict[str, str]) -> None:
    """A browser sends the password along; an operation without a body needs no type of content."""
    for method, target in (
        ("POST", "/restconf/operations/every-construct:sum"),
        ("DELETE", "/restconf/data/a:b"),
    ):
        found = await client.ask(method, target, **fields)
        assert (found.status, found.error["error-tag"]) == (403, "access-denied")
    assert client.lab.translator.log.count("rpc sum") == 0
    assert (await client.ask("GET", "/restconf", **fields)).status == 200
    own = {"Origin": "http://127.0.0.1", "Sec_Fetch_Site": "same-origin"}
    assert (await client.ask("POST", "/restconf/operations/every-construct:sum", **own)).status == 200


async def test_a_client_that_goes_breaks_off_what_it_asked_for(client: Client) -> None:
    begun, broken = asyncio.Event(), asyncio.Event()
    before = client.lab.context.reader

    async def slow(*arguments: object) -> object:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            broken.set()
        return await before(*arguments)  # type: ignore[arg-type]

    await client.put("/every-construct:top/entry=1", {"every-construct:entry": [{"id": "1"}]})
    client.lab.context.reader = slow  # type: ignore[assignment]
    _, writer = await client.send("GET", "/restconf/data/every-construct:top")
    await asyncio.wait_for(begun.wait(), PATIENCE_S)
    writer.transport.abort()
    await asyncio.wait_for(broken.wait(), PATIENCE_S)


async def test_an_edit_goes_on_though_its_client_has_gone(client: Client) -> None:
    begun, going_on = asyncio.Event(), asyncio.Event()
    commit = client.lab.context.confirmed.commit

    async def slow(*arguments: object, **more: object) -> None:
        begun.set()
        await going_on.wait()
        await commit(*arguments, **more)  # type: ignore[arg-type]

    client.lab.context.confirmed.commit = slow  # type: ignore[method-assign]
    body = b'{"every-construct:entry": [{"id": "1"}]}'
    _, writer = await client.send("PUT", "/restconf/data/every-construct:top/entry=1", body)
    await asyncio.wait_for(begun.wait(), PATIENCE_S)
    writer.transport.abort()
    going_on.set()
    await asyncio.wait_for(client.app.stop(), PATIENCE_S)
    assert (await client.get("/every-construct:top/entry=1")).status == 200
    assert client.lab.context.locks.owner("candidate") is None
