"""Crowds, guesses and floods: who behaves is served throughout, and what others take is bounded."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.agent.handlers import Lab
from tests.agent.http.door_lab import PATIENCE_S, all_of
from tests.agent.restconf.client import (
    BOUNDS,
    DATA,
    JSON,
    LIMITS,
    XML,
    Answer,
    Client,
    answer_of,
    basic,
    serving,
)

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


@pytest.mark.parametrize(("name", "word"), [("If_Modified_Since", "GET"), ("If_Unmodified_Since", "PUT")])
async def test_a_time_at_no_place_of_the_calendar_is_none(client: Client, name: str, word: str) -> None:
    at, content = "/every-construct:top/entry=1", {"every-construct:entry": [{"id": "1"}]}
    await client.put(at, content)
    when = {name: "Mon, 01 Jan 2024 00:00:00 +99999999999999999999"}
    body, query = (json.dumps(content), "") if word == "PUT" else (None, "?content=config")
    assert (await client.ask(word, f"{DATA}{at}{query}", body, **when)).status in (200, 204)


@pytest.mark.parametrize("text", [r"\ud800", r"\udc00\ud800", r"x\uDBFF"])
@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("PUT", f"{DATA}/every-construct:top/entry=1", '{"every-construct:entry": [{"id": "1", "%s": 1}]}'),
        (
            "PUT",
            f"{DATA}/every-construct:top/entry=1",
            '{"every-construct:entry": [{"id": "%s", "word": 1}]}',
        ),
        ("POST", f"{DATA}/every-construct:top", '{"%s:entry": [{"id": "1"}]}'),
        ("PATCH", DATA, '{"ietf-restconf:data": {"%s": 1}}'),
        ("POST", "/restconf/operations/every-construct:sum", '{"every-construct:input": {"%s": 1}}'),
    ],
)
async def test_half_a_character_is_refused(
    client: Client, method: str, target: str, body: str, text: str
) -> None:
    found = await client.ask(method, target, body % text)
    assert (found.status, found.error["error-tag"]) == (400, "malformed-message")


@pytest.mark.parametrize("media", [JSON, XML])
async def test_a_fault_of_the_server_is_told_as_one(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, media: str
) -> None:
    def fails(*_arguments: object) -> None:
        raise LookupError("secret of the server")

    with monkeypatch.context() as patched:
        patched.setattr("agent.restconf.app.edit_query", fails)
        body = '{"every-construct:entry": [{"id": "1"}]}'
        found = await client.ask("PUT", f"{DATA}/every-construct:top/entry=1", body, Accept=media)
    assert found.status == 500
    assert found.fields["content-type"] == media
    assert "internal-error" in found.text
    assert "ietf-restconf" in found.text
    assert "secret" not in found.text
    told = [one for one in caplog.records if one.exc_info and one.exc_info[0] is LookupError]
    assert [one.name for one in told] == ["agent.restconf.app"]
    assert (await client.ask("GET", "/restconf")).status == 200


async def test_an_answer_that_fails_half_way_has_no_end(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(*_arguments: object) -> None:
        raise LookupError

    monkeypatch.setattr("agent.restconf.streams._run", fails)
    reader, writer = await from_address(client, HERE, request("/restconf/streams/NETCONF/json"))
    found = await asyncio.wait_for(all_of(reader), PATIENCE_S)
    writer.close()
    assert found.startswith(b"HTTP/1.1 200")
    assert b"internal-error" not in found
    assert not found.endswith(b"0\r\n\r\n")
    told = [one for one in caplog.records if one.exc_info and one.exc_info[0] is LookupError]
    assert [one.name for one in told] == ["agent.restconf.app"]


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
