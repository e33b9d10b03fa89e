"""Who gets a stream of events, what of it rules hide, and what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from agent.http.tls import Tls
from agent.page.sessions import IDLE_S, LONGEST_S
from agent.restconf.passwords import hash_of
from agent.stopping import Stopping
from agent.transport.limits import Limits
from agent.yang.schema import Schema
from tests.agent.handlers import Lab, running_lab
from tests.agent.http.door_lab import Authority
from tests.agent.lab import top
from tests.agent.page.client import Events, Visitor, asked, kind, opened, visiting
from tests.agent.page.logins import error, settings
from tests.agent.page.tabs import NACM, UPDATE, state_only
from tests.agent.restconf.client import BOUNDS, DATA, HASH, LIMITS


async def test_a_logout_ends_all_streams_of_its_session(visitor: Visitor) -> None:
    await visitor.log_in()
    other = visitor.other()
    await other.log_in()
    mine, also_mine, of_other = [await opened(one) for one in (visitor, visitor, other)]
    assert (await visitor.change("DELETE", "/session")).status == 204
    for events in (mine, also_mine):
        assert await events.until("over") == {"reason": "logout"}
        assert await events.ended()
    await visitor.client.lab.until(lambda: len(visitor.page.tabs) == 1)
    await visitor.clock.beat()
    await of_other.until("alive")
    of_other.leave()


async def test_a_login_in_the_same_browser_ends_the_streams_of_the_one_before(visitor: Visitor) -> None:
    await visitor.log_in()
    events = await opened(visitor)
    await visitor.log_in("bob")
    assert await events.until("over") == {"reason": "login"}
    assert await events.ended()


async def test_a_stream_keeps_its_session_and_ends_with_it(visitor: Visitor) -> None:
    await visitor.log_in()
    events = await opened(visitor)
    lab = visitor.client.lab
    visitor.clock.time += LONGEST_S - IDLE_S
    assert (await visitor.ask("GET", DATA)).status == 200
    await lab.until(lambda: visitor.clock.waiting == 1)
    visitor.clock.time += IDLE_S
    await visitor.clock.beat()
    assert await events.until("over") == {"reason": "expired"}
    assert await events.ended()


async def test_subscriptions_end_with_the_stream(visitor: Visitor) -> None:
    await visitor.log_in()
    events = await opened(visitor)
    subscriptions, lab = visitor.client.lab.context.subscriptions, visitor.client.lab
    assert len(subscriptions._all) == 2
    events.leave()
    await lab.until(lambda: not visitor.page.tabs)
    assert not subscriptions._all
    assert len(lab.context.publisher.watches) == 0
    assert not visitor.client.app.under_way.streams
    again = await opened(visitor)
    assert len(subscriptions._all) == 2
    await visitor.change("DELETE", "/session")
    await again.until("over")
    await lab.until(lambda: not visitor.page.tabs)
    assert not subscriptions._all


async def test_a_subscription_that_ends_is_told_and_the_stream_goes_on(visitor: Visitor) -> None:
    await visitor.log_in()
    events = await opened(visitor)
    (_, hello), *_ = events.seen
    killed = hello["subscriptions"]["state"]
    sn = "urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"
    await visitor.client.lab.do(f'<kill-subscription xmlns="{sn}"><id>{killed}</id></kill-subscription>')
    name = "ietf-subscribed-notifications:subscription-terminated"
    told = await events.until("push", lambda one: kind(one) == name)
    assert told["ietf-restconf:notification"][name] == {
        "id": killed, "reason": "ietf-subscribed-notifications:no-such-subscription",
    }  # fmt: skip
    await visitor.clock.beat()
    await events.until("alive")
    events.leave()


async def test_who_is_nobody_gets_no_stream(visitor: Visitor) -> None:
    for fields in ({}, {"Cookie": "yangswan=x"}):
        refused = await visitor.ask("GET", "/events", **fields)
        assert (refused.status, error(refused)["tag"]) == (401, "access-denied")
    assert not visitor.client.lab.context.subscriptions._all


async def test_a_head_of_events_opens_no_stream(visitor: Visitor) -> None:
    await visitor.log_in()
    found = await visitor.ask("HEAD", "/events")
    assert (found.status, found.body) == (200, b"")
    assert found.fields["content-type"].startswith("text/event-stream")
    assert not visitor.page.tabs


async def test_a_user_has_so_many_streams_with_those_of_restconf(visitor: Visitor) -> None:
    await visitor.log_in()
    client = replace(visitor.client, fields={"Cookie": visitor.cookie})
    reader, writer = await client.send("GET", "/restconf/streams/NETCONF/json")
    await reader.readuntil(b": follows")
    tabs = [await opened(visitor) for _ in range(BOUNDS.requests_per_user - 1)]
    refused = await visitor.ask("GET", "/events")
    assert (refused.status, refused.fields["retry-after"], error(refused)["tag"]) == (
        503, "1", "resource-denied",
    )  # fmt: skip
    bob = visitor.other()
    await bob.log_in("bob")
    tabs.append(await opened(bob))
    for events in tabs:
        events.leave()
    writer.transport.abort()
    await visitor.client.lab.until(lambda: not visitor.client.app.under_way.streams)


DENIED = (
    f'<nacm xmlns="{NACM}"><groups><group><name>readers</name><user-name>reader</user-name></group></groups>'
    "<rule-list><name>readers</name><group>readers</group>"
    "<rule><name>no</name><rpc-name>%s</rpc-name><action>deny</action></rule>"
    "</rule-list></nacm>"
)


@pytest.mark.parametrize(
    ("name", "parts"),
    [("establish-subscription", {"state", "traffic"}), ("create-subscription", {"events"})],
)
async def test_what_rules_refuse_is_named_and_the_rest_comes(
    visitor: Visitor, name: str, parts: set[str]
) -> None:
    await visitor.client.lab.commit(DENIED % name)
    reader = visitor.other()
    await reader.log_in("reader")
    events = await opened(reader)
    (_, hello), *_ = events.seen
    assert set(hello["refused"]) == parts
    assert set(hello["subscriptions"]) == {"state", "traffic"} - parts
    assert all("reader" in why or "denied" in why for why in hello["refused"].values()), hello
    await visitor.clock.beat()
    await events.until("alive")
    events.leave()


async def test_what_a_user_may_not_read_is_not_pushed(lab: Lab, tmp_path: Path) -> None:
    rules = DENIED.replace(
        "<rpc-name>%s</rpc-name>",
        '<path xmlns:ec="urn:yangswan:test:every-construct">/ec:top/ec:entry/ec:number</path>'
        "<access-operations>*</access-operations>",
    )
    await lab.commit(rules + top("<entry><id>1</id><number>17</number></entry>"))
    async with visiting(lab, tmp_path, asked=state_only) as visitor:
        await visitor.log_in("reader")
        events = await opened(visitor)
        first = await events.until("push")
        contents = first["ietf-restconf:notification"][UPDATE]["datastore-contents"]
        assert contents == {"every-construct:top": {"entry": [{"id": "1"}]}}
        events.leave()


async def test_streams_end_with_the_password_or_the_user(visitor: Visitor) -> None:
    stays, changes, goes = visitor.other(), visitor.other(), visitor.other()
    streams = []
    for one, user in ((stays, "tester"), (changes, "bob"), (goes, "reader")):
        await one.log_in(user)
        streams.append(await opened(one))
    visitor.web_door().take_over(settings({"tester": HASH, "bob": hash_of(b"another")}), Limits())
    for events in streams[1:]:
        assert await events.until("over") == {"reason": "changed"}
        assert await events.ended()
    await visitor.clock.beat()
    await streams[0].until("alive")
    streams[0].leave()


async def test_a_stream_by_certificate_ends_with_the_right_to_come(lab: Lab, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = Tls(*authority.issue_server(), clients=authority.file)
    async with visiting(lab, tmp_path, tls=tls) as visitor:
        shown = authority.trusting(authority.issue("bob"))
        bob = replace(visitor, client=replace(visitor.client, tls=shown))
        events = await opened(bob)
        # Another password is nothing to him who came with a certificate.
        visitor.web_door().take_over(settings({"tester": HASH}, "bob"), Limits())
        await visitor.clock.beat()
        await events.until("alive")
        visitor.web_door().take_over(settings({"tester": HASH}), Limits())
        assert await events.until("over") == {"reason": "changed"}
        assert await events.ended()


async def test_the_end_of_the_server_is_told(visitor: Visitor) -> None:
    await visitor.log_in()
    events = await opened(visitor)
    await visitor.web_door().stop(Stopping())
    assert await events.until("over") == {"reason": "stopping"}
    assert await events.ended()


async def test_a_stream_that_begins_while_the_server_stops_ends_at_once(visitor: Visitor) -> None:
    await visitor.log_in()
    visitor.page.shut()
    events = await opened(visitor)
    assert await events.until("over") == {"reason": "stopping"}
    assert await events.ended()


async def test_a_fault_in_the_middle_of_a_stream_leaves_it_without_an_end(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_tab: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("agent.page.events.Tab._go_on", broken)
    await visitor.log_in()
    events = await opened(visitor)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await events.next()
    told = [one for one in caplog.records if one.exc_info and one.exc_info[0] is RuntimeError]
    assert [one.name for one in told] == ["agent.page.app"]


async def test_a_login_that_is_over_before_its_stream_begins_gets_none(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await visitor.log_in()
    groups_of = visitor.client.logins.groups_of
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def held(user: str) -> tuple[str, ...]:
        reached.set()
        await go_on.wait()
        return await groups_of(user)

    monkeypatch.setattr(visitor.client.logins, "groups_of", held)
    events = await visitor.follow()
    await reached.wait()
    monkeypatch.undo()
    assert (await visitor.change("DELETE", "/session")).status == 204
    go_on.set()
    assert (await events.next())[0] == "hello"
    assert await events.until("over") == {"reason": "logout"}


async def test_who_does_not_read_is_given_up(schema: Schema, tmp_path: Path) -> None:
    """By the door; nobody else waits for him, and nothing of his is left."""
    async with running_lab(schema, tmp_path) as lab:
        await lab.commit(
            top("".join(f"<entry><id>{n}</id><word>{'x' * 200}</word></entry>" for n in range(2000)))
        )
        limits = replace(LIMITS, write_s=0.2)
        async with visiting(lab, tmp_path, limits=limits, asked=everything_often) as visitor:
            await visitor.log_in()
            idle = await visitor.follow()
            await lab.until(lambda: len(visitor.page.tabs) == 1)
            reads = visitor.other()
            await reads.log_in()
            events = await opened(reads)
            await lab.until(lambda: len(visitor.page.tabs) == 2)
            await drained_until(events, visitor, lab)
            assert len(lab.context.subscriptions.of_session(0)) == 0
            idle.leave()
            events.leave()


def everything_often(_seconds: int) -> Mapping[str, bytes]:
    changes = asked(1)
    return {"traffic": changes["traffic"].replace(b"<entry><id/><number/></entry>", b"<entry/>")}


async def drained_until(events: Events, visitor: Visitor, lab: Lab) -> None:
    """Read ``events`` until the other stream is gone."""

    async def read() -> None:
        while True:
            await events.next()

    task = asyncio.create_task(read())
    try:
        await lab.until(lambda: len(visitor.page.tabs) == 1)
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert not task.cancelled() or len(events.seen) > 1
