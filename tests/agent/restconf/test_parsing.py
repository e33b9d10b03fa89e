"""Where bodies are taken apart, and how many at a time."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest

from agent.errors import ErrorType, RpcErrors
from agent.offline.from_json import JsonTooBig, refuse_many
from agent.restconf import documents
from agent.restconf.documents import JSON_ELEMENTS_MAX, children
from agent.restconf.media import Media
from agent.restconf.parsing import SMALL_OCTETS, Parsing
from agent.restconf.problems import problem_of
from agent.threads import thread, worker_of
from agent.xml import MAX_DEPTH
from agent.yang.schema import Schema
from tests.agent.handlers import running_lab
from tests.agent.http.door_lab import PATIENCE_S
from tests.agent.lab import EC, top
from tests.agent.restconf.client import DATA, XML, serving

AT = "/every-construct:top/entry"
LARGE = SMALL_OCTETS + 1


async def test_large_bodies_are_taken_apart_on_no_thread_that_others_wait_for(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes, reads = thread("writes"), thread("reads")
    places: dict[str, set[str]] = {"parse": set(), "read_json": set(), "serialize": set()}
    parse, read_json, serialize = documents.parse, documents.read_json, documents.serialize

    def noted(name: str, data: bytes) -> None:
        if len(data) > 20_000:
            places[name].add(threading.current_thread().name.partition("_")[0])

    def noting_parse(data: bytes, *more: int) -> object:
        noted("parse", data)
        return parse(data, *more)

    def noting_read(data: bytes) -> object:
        noted("read_json", data)
        return read_json(data)

    def noting_serialize(element: documents.Element) -> bytes:
        data = serialize(element)
        noted("serialize", data)
        return data

    monkeypatch.setattr(documents, "parse", noting_parse)
    monkeypatch.setattr(documents, "read_json", noting_read)
    monkeypatch.setattr(documents, "serialize", noting_serialize)
    async with (
        running_lab(schema, tmp_path, worker=worker_of(writes), reader=worker_of(reads)) as lab,
        serving(lab, tmp_path) as client,
    ):
        await lab.commit(top("<entry><id>1</id></entry>"))
        rows = [{"name": f"{number:04}"} for number in range(1500)]
        stages = "".join(f"<stage><name>{row['name']}</name></stage>" for row in rows)
        body = f'<entry xmlns="{EC}"><id>1</id>{stages}</entry>'
        assert (
            await client.put(f"{AT}=1", {"every-construct:entry": [{"id": "1", "stage": rows}]})
        ).status == 204
        assert (await client.ask("PATCH", f"{DATA}{AT}=1", body, Content_Type=XML)).status == 204
        for target in ("/restconf/operations/every-construct:sum", f"{DATA}{AT}=1/poke"):
            text = json.dumps({"every-construct:input": {"strength": " " * 30_000, "a": " " * 30_000}})
            assert (await client.ask("POST", target, text)).status == 400
            text = f'<input xmlns="{EC}"><a>{" " * 30_000}</a></input>'
            assert (await client.ask("POST", target, text, Content_Type=XML)).status == 400
    assert places == {"parse": {"asyncio"}, "read_json": {"asyncio"}, "serialize": {"asyncio"}}
    writes.shutdown()
    reads.shutdown()


async def test_of_each_user_one_large_body_is_taken_apart_at_a_time() -> None:
    parsing, go_on = Parsing(), threading.Event()
    begun: list[str] = []
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def work(name: str) -> str:
        begun.append(name)
        loop.call_soon_threadsafe(changed.set)
        assert go_on.wait(PATIENCE_S)
        return name

    async def until(count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(begun) < count:
                changed.clear()
                await changed.wait()

    tasks = [asyncio.ensure_future(parsing.done("ann", LARGE, lambda: work("ann"))) for _ in range(3)]
    await until(1)
    tasks += [asyncio.ensure_future(parsing.done("bob", LARGE, lambda: work("bob")))]
    await until(2)
    tasks += [
        asyncio.ensure_future(parsing.done("eve", LARGE, lambda: work("eve"))),
        asyncio.ensure_future(parsing.done("ann", SMALL_OCTETS, lambda: work("small"))),
    ]
    await until(3)
    assert begun == ["ann", "bob", "small"]
    go_on.set()
    async with asyncio.timeout(PATIENCE_S):
        found = await asyncio.gather(*tasks)
    assert found == ["ann", "ann", "ann", "bob", "eve", "small"]


@pytest.mark.parametrize(
    "inside",
    [
        b"1," * JSON_ELEMENTS_MAX + b"1",
        b'"",' * JSON_ELEMENTS_MAX + b"1",
        b'"," ' * (2 * JSON_ELEMENTS_MAX + 3),
    ],
)
def test_json_has_fewer_elements_than_xml(
    schema: Schema, inside: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b'{"every-construct:word": [' + inside + b"]}"
    monkeypatch.setattr(documents, "read_json", lambda data: pytest.fail("it was read"))
    with pytest.raises(RpcErrors) as caught:
        children(schema, body, Media.JSON, above=None, max_elements=1_000_000)
    (error,) = caught.value.errors
    assert (error.tag, f"more than {JSON_ELEMENTS_MAX} members and values" in error.message) == (
        "too-big",
        True,
    )


def test_json_takes_as_many_tunnels_as_are_served() -> None:
    """As many as there may be by default, each with a pre-shared key, two subnets and two proposals."""
    tunnel = {
        **{"id": 1, "description": "a, b", "secret": "s", "local-address": "192.0.2.1", "peer": "192.0.2.2"},
        **{"remote-id": {"name": "peer"}, "local-subnet": ["10.1.0.0/16"], "remote-subnet": ["10.2.0.0/16"]},
        "ike": {"proposal": [{"priority": 1, "cipher": "aes128", "auth": "sha256", "dh": "x25519"}]},
        "esp": {"proposal": [{"priority": 1, "cipher": "aes128gcm16", "dh": "x25519"}]},
    }
    body = json.dumps({"yangswan-ipsec:tunnels": {"ipsec": [tunnel] * 10_000}}).encode()
    refuse_many(body, JSON_ELEMENTS_MAX)
    with pytest.raises(JsonTooBig):
        refuse_many(body, JSON_ELEMENTS_MAX // 2)


DEEP = MAX_DEPTH + 1


@pytest.mark.parametrize(
    ("media", "body", "words"),
    [
        (Media.XML, b"<a>" + b"<b/>" * 50 + b"</a>", "50 elements"),
        (Media.XML, b"<a>" * DEEP + b"</a>" * DEEP, f"deeper than {MAX_DEPTH} levels"),
        (Media.XML, b"<a" + b"".join(b" b%d='1'" % number for number in range(60)) + b"/>", "50 attributes"),
        (Media.XML, b"<a>" + b"x" * 10_100_000 + b"</a>", "longer than libxml2 takes"),
        (Media.XML, b"<a" + b"b" * 60_000 + b"/>", "longer than libxml2 takes"),
        (Media.JSON, b'{"a:b":[' + b"1," * 50 + b"1]}", "50 members and values"),
        (Media.JSON, b'{"a:b":' + b"[" * DEEP + b"]" * DEEP + b"}", f"deeper than {MAX_DEPTH} levels"),
        (Media.JSON, b'{"a:b":' + b"1" * 5_000 + b"}", "a number in it is too long"),
    ],
)
def test_what_holds_too_much_is_too_big_and_not_malformed(
    schema: Schema, media: Media, body: bytes, words: str
) -> None:
    most = 1000 if "deep" in words else 50
    with pytest.raises(RpcErrors, match=words) as caught:
        children(schema, body, media, above=None, max_elements=most)
    (error,) = caught.value.errors
    assert (error.tag, error.type, problem_of([error]).status) == ("too-big", ErrorType.RPC, 413)


@pytest.mark.parametrize(("media", "body"), [(Media.XML, b"<a><b></a>"), (Media.JSON, b'{"a": ')])
def test_what_is_broken_stays_malformed(schema: Schema, media: Media, body: bytes) -> None:
    with pytest.raises(RpcErrors) as caught:
        children(schema, body, media, above=None, max_elements=50)
    (error,) = caught.value.errors
    assert (error.tag, problem_of([error]).status) == ("malformed-message", 400)


def test_texts_in_json_count_as_no_elements(schema: Schema) -> None:
    text = ',{"' * JSON_ELEMENTS_MAX
    with pytest.raises(RpcErrors) as caught:
        children(schema, json.dumps({"nowhere:a": text}).encode(), Media.JSON, above=None, max_elements=10)
    assert "nowhere" in str(caught.value.errors[0])
