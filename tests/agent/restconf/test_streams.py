"""How many streams a user has, beside his other requests, and when they end against his will."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from agent.http.tls import Tls
from agent.restconf.passwords import hash_of
from agent.settings import Settings
from agent.transport.limits import Limits
from agent.web_settings import Web
from tests.agent.handlers import Lab
from tests.agent.http.door_lab import PATIENCE_S, Authority
from tests.agent.restconf.client import BOUNDS, DATA, HASH, Client, serving

AT = "/every-construct:top/entry"


async def test_a_user_has_so_many_streams_and_requests_beside_them(client: Client) -> None:
    streams = [
        await client.send("GET", "/restconf/streams/NETCONF/json") for _ in range(BOUNDS.requests_per_user)
    ]
    for reader, _ in streams:
        async with asyncio.timeout(PATIENCE_S):
            await reader.readuntil(b": follows")
    refused = await client.ask("GET", "/restconf/streams/NETCONF/json")
    assert (refused.status, refused.fields["retry-after"]) == (503, "1")
    assert "streams" in refused.error["error-message"]
    reader, writer = await client.as_user("bob").send("GET", "/restconf/streams/NETCONF/json")
    async with asyncio.timeout(PATIENCE_S):
        await reader.readuntil(b": follows")
    await requests_have_a_bound(client)
    for _, one in (*streams, (reader, writer)):
        one.transport.abort()
    under_way = client.app.under_way
    async with asyncio.timeout(PATIENCE_S):
        while under_way.requests or under_way.streams:  # noqa: ASYNC110 - there is no event of it
            await asyncio.sleep(0)


async def requests_have_a_bound(client: Client) -> None:
    """Of bodies that do not come, beside whatever streams there are."""
    waiting = [
        await client.send("PUT", f"{DATA}{AT}=1", b"x", Content_Length="2")
        for _ in range(BOUNDS.requests_per_user)
    ]
    async with asyncio.timeout(PATIENCE_S):
        while client.app.under_way.requests["tester"] < BOUNDS.requests_per_user:  # noqa: ASYNC110 - there is no event of it
            await asyncio.sleep(0)
    assert (await client.ask("GET", "/restconf")).status == 503
    assert (await client.as_user("bob").ask("GET", "/restconf")).status == 200
    for _, writer in waiting:
        writer.transport.abort()


async def test_who_is_taken_out_is_out_and_his_streams_end(client: Client) -> None:
    bob = client.as_user("bob")
    reader, writer = await bob.send("GET", "/restconf/streams/NETCONF/json")
    kept, kept_writer = await client.send("GET", "/restconf/streams/NETCONF/json")
    async with asyncio.timeout(PATIENCE_S):
        await reader.readuntil(b": follows")
        await kept.readuntil(b": follows")
    client.passwords.take_over({"tester": HASH})
    client.logins.take_over(("tester",), ())
    client.app.end_streams(client.logins.is_user)
    assert (await asyncio.wait_for(reader.read(), PATIENCE_S)).endswith(b"0\r\n\r\n")
    writer.close()
    assert (await bob.ask("GET", "/restconf")).status == 401
    client.app.end_streams()
    await asyncio.wait_for(kept.read(), PATIENCE_S)
    kept_writer.close()


async def test_a_server_that_stops_ends_streams_and_begins_none(client: Client) -> None:
    reader, writer = await client.send("GET", "/restconf/streams/NETCONF/json")
    async with asyncio.timeout(PATIENCE_S):
        await reader.readuntil(b": follows")
        client.app.shut()
        assert (await reader.read()).endswith(b"0\r\n\r\n")
    writer.close()
    refused = await client.ask("GET", "/restconf/streams/NETCONF/json")
    assert (refused.status, refused.fields["retry-after"]) == (503, "1")


async def test_a_stream_ends_with_the_password_that_it_was_opened_with(lab: Lab, tmp_path: Path) -> None:
    """Though its user stays, who may come with a certificate, as another stream of his has been opened."""
    authority = Authority(tmp_path)
    tls = Tls(*authority.issue_server(), clients=authority.file)
    async with serving(lab, tmp_path, tls=tls) as client:
        by_password = replace(client, tls=authority.trusting())
        certified = replace(client, fields={}, tls=authority.trusting(authority.issue("bob")))
        asking = (by_password.as_user("bob"), by_password.as_user("reader"), certified)
        streams = [await one.send("GET", "/restconf/streams/NETCONF/json") for one in asking]
        for reader, _ in streams:
            async with asyncio.timeout(PATIENCE_S):
                await reader.readuntil(b": follows")
        others = {"tester": HASH, "reader": HASH}
        changed = client.passwords.changed_by(others)
        assert changed == client.passwords.changed_by({**others, "bob": hash_of(b"another")}) == {"bob"}
        now = Settings(users={"bob": tmp_path / "bob.pub"}, web=Web("127.0.0.1", 0, passwords=others))
        by_password.web_door().take_over(now, Limits())
        await asyncio.wait_for(streams[0][0].read(), PATIENCE_S)
        going_on = {(one.user, one.by_password): one.over.is_set() for one in client.app._following}
        assert going_on == {("bob", False): False, ("reader", True): False}
        client.app.end_streams()
        for reader, writer in streams:
            await asyncio.wait_for(reader.read(), PATIENCE_S)
            writer.close()
