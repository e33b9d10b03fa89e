"""POST on operations and actions (RFC 8040 sections 3.6 and 4.4.2), and events (section 6)."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import quote

import pytest

from agent.translator import Notification
from tests.agent.http.door_lab import PATIENCE_S
from tests.agent.lab import EC, top
from tests.agent.restconf.client import DATA, JSON, XML, Client

SUM = "/restconf/operations/every-construct:sum"
POKE = f"{DATA}/every-construct:top/entry=1/poke"


async def test_an_operation_is_invoked(client: Client) -> None:
    found = await client.ask("POST", SUM, json.dumps({"every-construct:input": {"a": 20}}))
    assert found.status == 200
    assert list(found.json) == ["every-construct:output"]
    in_xml = await client.ask("POST", SUM, f'<input xmlns="{EC}"><a>20</a></input>', Content_Type=XML)
    assert in_xml.text.startswith(f'<output xmlns="{EC}"><result')


async def test_an_action_is_invoked(client: Client) -> None:
    await client.lab.commit(top("<entry><id>1</id></entry>"))
    found = await client.ask("POST", POKE, json.dumps({"every-construct:input": {"strength": 3}}))
    assert found.json == {"every-construct:output": {"reaction": "poke 1 3"}}
    refused = await client.ask("POST", POKE, json.dumps({"every-construct:input": {"strength": 10}}))
    assert (refused.status, refused.error["error-app-tag"]) == (400, "too-strong")
    assert (await client.ask("POST", POKE)).status == 409  # it is mandatory


@pytest.mark.parametrize(
    ("target", "body", "status"),
    [
        (SUM, {"every-construct:input": {"a": "x"}}, 400),
        (SUM, {"every-construct:input": {"nothing": 1}}, 400),
        (SUM, {"input": {"a": 1}}, 400),
        (SUM, [], 400),
        ("/restconf/operations/every-construct:nowhere", {}, 404),
        ("/restconf/operations/ietf-netconf:edit-config", {}, 404),
        ("/restconf/operations/ietf-netconf:kill-session", {"ietf-netconf:input": {"session-id": 1}}, 404),
        (POKE, {"every-construct:input": {"strength": 3}}, 409),
        (f"{DATA}/every-construct:top/entry/poke", {}, 400),
    ],
)
async def test_what_cannot_be_invoked_is_told(client: Client, target: str, body: object, status: int) -> None:
    found = await client.ask("POST", target, json.dumps(body))
    assert found.status == status, found.text


async def test_output_is_written_by_its_types(client: Client) -> None:
    output = {
        "name": "n",
        "number": "18446744073709551615",
        "word": ["a", "b"],
        "row": [{"id": "1", "mark": [None]}, {"id": "2"}],
        "more": {"first": "1"},
    }
    client.lab.translator.outputs = {"survey": output}
    found = await client.ask("POST", "/restconf/operations/every-construct:survey")
    assert found.json == {"every-construct:output": output}
    client.lab.translator.outputs = {"survey": {}}
    assert (await client.ask("POST", "/restconf/operations/every-construct:survey")).status == 204


async def line_with(reader: asyncio.StreamReader, text: bytes) -> bytes:
    async with asyncio.timeout(PATIENCE_S):
        while text not in (line := await reader.readline()):
            assert line
        return line


@pytest.mark.parametrize("encoding", ["json", "xml"])
async def test_events_come_as_they_happen(client: Client, encoding: str) -> None:
    reader, writer = await client.send("GET", f"/restconf/streams/NETCONF/{encoding}")
    await line_with(reader, b": follows")
    client.lab.context.stream.publish(Notification({"ietf-netconf-notifications:netconf-session-end": {
        "username": "ann", "session-id": 7, "termination-reason": "closed"}}))  # fmt: skip
    line = await line_with(reader, b"session-end")
    assert line.startswith(b"data: ")
    if encoding == "json":
        found = json.loads(line.removeprefix(b"data: "))["ietf-restconf:notification"]
        assert found["ietf-netconf-notifications:netconf-session-end"]["session-id"] == 7
        assert found["eventTime"].endswith("Z")
    writer.close()
    async with asyncio.timeout(PATIENCE_S):
        await client.door.hall.empty.wait()


@pytest.mark.parametrize(
    "expression",
    [
        "/ietf-netconf-notifications:netconf-session-end",
        "/ncn:netconf-session-end/ncn:username",
        "/ietf-netconf-notifications:netconf-session-end/ietf-netconf-notifications:session-id='7'",
        "count(/ncn:netconf-session-end) > 0",
    ],
)
async def test_a_filter_names_modules_and_is_true_or_false(client: Client, expression: str) -> None:
    """RFC 8040 section 4.8.4: the prefixes are names of modules; boolean() is made of what comes out."""
    reader, writer = await client.send("GET", f"/restconf/streams/NETCONF/json?filter={quote(expression)}")
    await line_with(reader, b": follows")
    publish = client.lab.context.stream.publish
    for event, more in (("start", {}), ("end", {"termination-reason": "closed"})):
        content = {"username": "ann", "session-id": 7, **more}
        publish(Notification({f"ietf-netconf-notifications:netconf-session-{event}": content}))
    assert b"session-end" in await line_with(reader, b"data: ")
    writer.close()


async def test_a_stream_may_last_to_the_end_of_the_calendar(client: Client) -> None:
    query = "start-time=0001-01-01T00:00:00Z&stop-time=9999-12-31T23:59:59Z"
    reader, writer = await client.send("GET", f"/restconf/streams/NETCONF/json?{query}")
    await line_with(reader, b": follows")
    client.lab.context.stream.publish(Notification({"ietf-netconf-notifications:netconf-session-end": {
        "username": "ann", "session-id": 7, "termination-reason": "closed"}}))  # fmt: skip
    await line_with(reader, b"session-end")
    writer.close()
    async with asyncio.timeout(PATIENCE_S):
        await client.door.hall.empty.wait()


async def test_events_are_replayed_up_to_a_time(client: Client) -> None:
    await client.put("/every-construct:top/entry=1", {"every-construct:entry": [{"id": "1"}]})
    stream = client.lab.context.stream
    query = f"start-time={stream.created.isoformat()}&stop-time={stream.now().isoformat()}".replace(
        "+", "%2B"
    )
    found = await client.ask("GET", f"/restconf/streams/NETCONF/json?{query}")
    assert found.status == 200, found.text
    assert found.fields["content-type"] == "text/event-stream"
    assert b"netconf-config-change" in found.body
    assert b"replayComplete" not in found.body
    again = await client.ask("GET", f"/restconf/streams/NETCONF/json?{query}", Last_Event_ID="1")
    assert again.body == found.body
    assert {line.partition(b":")[0] for line in found.body.splitlines() if line} == {b"", b"data"}


async def test_the_head_of_a_stream_says_no_length(client: Client) -> None:
    found = await client.ask("HEAD", "/restconf/streams/NETCONF/json")
    assert (found.status, found.body) == (200, b"")
    assert found.fields["content-type"] == "text/event-stream"
    assert "content-length" not in found.fields


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("NETCONF/json?filter=((", 400),
        ("NETCONF/json?filter=/nowhere:netconf-session-end", 400),
        ("NETCONF/json?filter=1)%5D%7C/*%5B(1", 400),
        ("NETCONF/json?start-time=yesterday", 400),
        ("NETCONF/json?stop-time=2026-01-01T00:00:00Z", 400),
        ("NETCONF/json?start-time=0001-01-01T00:00:00%2B14:00", 400),
        ("NETCONF/json?start-time=2020-01-01T00:00:00Z&stop-time=9999-12-31T23:59:59-14:00", 400),
        ("NETCONF/json?start-time=2020-01-01T00:00:00Z&stop-time=10000-01-01T00:00:00Z", 400),
        ("NETCONF/json?start-time=0000-01-01T00:00:00Z", 400),
        ("NETCONF/json?start-time=2020-01-01T00:00:00%2B99:00", 400),
        ("NETCONF/json?depth=1", 400),
        ("NETCONF/yaml", 404),
        ("OTHER/json", 404),
        ("NETCONF", 404),
    ],
)
async def test_a_stream_that_cannot_be_is_told(client: Client, path: str, status: int) -> None:
    found = await client.ask("GET", f"/restconf/streams/{path}")
    assert found.status == status, found.text


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("stop-time=2026-01-01T00:00:00Z", "'stop-time' needs 'start-time'"),
        ("start-time=2999-01-01T00:00:00Z", "'start-time' lies in the future"),
        (
            "start-time=2020-01-02T00:00:00Z&stop-time=2020-01-01T00:00:00Z",
            "'stop-time' must be later than 'start-time'",
        ),
    ],
)
@pytest.mark.parametrize("encoding", ["json", "xml"])
async def test_a_time_is_told_by_the_name_that_it_has_in_a_query(
    client: Client, query: str, message: str, encoding: str
) -> None:
    accepted = XML if encoding == "xml" else JSON
    found = await client.ask("GET", f"/restconf/streams/NETCONF/json?{query}", Accept=accepted)
    assert found.status == 400
    assert message in found.text.replace("&apos;", "'")
    assert "invalid-value" in found.text
    assert "Time" not in found.text
