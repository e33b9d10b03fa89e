"""What a tab is told as it happens, and when its stream is over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from agent.http.tls import Tls
from agent.operations.publisher import Publisher
from agent.page.events import LARGE_OCTETS
from agent.page.sessions import IDLE_S, LONGEST_S
from agent.restconf.passwords import hash_of
from agent.transport.limits import Limits
from agent.yang.schema import Schema
from tests.agent.handlers import Lab, running_lab
from tests.agent.http.door_lab import Authority
from tests.agent.lab import entry, top
from tests.agent.page.client import CHANGES, Events, Visitor, asked, kind, visiting
from tests.agent.page.test_login import error, settings, web_door
from tests.agent.restconf.client import BOUNDS, DATA, HASH, LIMITS

NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
UPDATE, PATCH = "ietf-yang-push:push-update", "ietf-yang-push:push-change-update"
STATE_ONLY = {"state": CHANGES}


def state_only(_seconds: int) -> Mapping[str, bytes]:
    return STATE_ONLY


async def opened(visitor: Visitor, query: str = "") -> Events:
    """Return a stream that has begun."""
    events = await visitor.follow(query)
    name, _ = await events.next()
    assert name == "hello"
    return events


async def test_a_stream_says_first_what_it_will_tell(visitor: Visitor) -> None:
    await visitor.log_in()
    events = await opened(visitor)
    (_, hello), *_ = events.seen
    assert (hello["user"], hello["version"]) == ("tester", "1.2.3")
    assert hello["now"].endswith("Z")
    assert set(hello["subscriptions"]) == {"state", "traffic"}
    assert "refused" not in hello
    events.leave()


async def test_what_there_is_comes_first_and_then_what_changes(visitor: Visitor) -> None:
    lab = visitor.client.lab
    await lab.commit(entry("<number>1</number>"))
    await visitor.log_in()
    events = await opened(visitor)
    (_, hello), *_ = events.seen
    ids = hello["subscriptions"]
    first = await events.until(
        "push", lambda one: one["ietf-restconf:notification"].get(UPDATE, {}).get("id") == ids["state"]
    )
    contents = first["ietf-restconf:notification"][UPDATE]["datastore-contents"]
    assert contents == {"every-construct:top": {"entry": [{"id": "1", "number": 1}]}}
    await lab.commit(entry("<number>2</number>"))
    patch = await events.until("push", lambda one: kind(one) == PATCH)
    (edit,) = patch["ietf-restconf:notification"][PATCH]["datastore-changes"]["yang-patch"]["edit"]
    assert (edit["operation"], edit["value"]) == ("replace", {"every-construct:number": 2})
    periodic = await events.until("push", lambda one: UPDATE in one["ietf-restconf:notification"])
    assert periodic["ietf-restconf:notification"][UPDATE]["id"] == ids["traffic"]
    events.leave()


async def test_events_of_the_stream_netconf_come_as_restconf_has_them(visitor: Visitor) -> None:
    await visitor.log_in()
    events = await opened(visitor)
    assert (await visitor.change("PUT", f"{DATA}/every-construct:top/flag", FLAG)).status == 204
    told = await events.until("notification")
    inside = told["ietf-restconf:notification"]
    assert inside["ietf-netconf-notifications:netconf-config-change"]["changed-by"]["username"] == "tester"
    events.leave()


FLAG = '{"every-construct:flag": true}'


async def test_it_gives_signs_of_life(visitor: Visitor) -> None:
    await visitor.log_in()
    events = await opened(visitor)
    for _ in range(2):
        await visitor.client.lab.until(lambda: visitor.clock.waiting == 1)
        await visitor.clock.beat()
        assert set(await events.until("alive")) == {"now"}
    events.leave()


async def test_before_a_large_event_comes_how_large_it_is(lab: Lab, tmp_path: Path) -> None:
    many = "".join(f"<entry><id>entry-{one}</id><number>1</number></entry>" for one in range(3000))
    await lab.commit(top(many))
    async with visiting(lab, tmp_path, asked=state_only) as visitor:
        await visitor.log_in()
        events = await opened(visitor)
        announced = await events.until("large")
        name, content = await events.next()
        assert UPDATE in content["ietf-restconf:notification"]
        written = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        assert announced.keys() == {"octets"}
        least = len(written) + len(f"event: {name}\ndata: \n\n")
        assert LARGE_OCTETS < least <= announced["octets"] < 2 * least  # it has blanks
        await lab.commit(top("<flag>true</flag><entry><id>small</id></entry>"))
        await events.until("push", lambda one: kind(one) == PATCH)
        assert [one for one, _ in events.seen].count("large") == 1
        events.leave()


@pytest.mark.parametrize(("more", "names"), [(0, ["small"]), (1, ["large", "small"])])
async def test_an_event_is_large_from_a_bound_on(visitor: Visitor, more: int, names: list[str]) -> None:
    await visitor.log_in()
    events = await opened(visitor)
    (tab,) = visitor.page.tabs
    frame = len(b"event: small\ndata: \n\n")
    text = "x" * (LARGE_OCTETS - frame - len('""') + more)
    await tab._say("small", text)
    assert await events.until("small") == text
    assert [name for name, _ in events.seen if name in ("large", "small")] == names
    if more:
        assert ("large", {"octets": LARGE_OCTETS + 1}) in events.seen
    events.leave()


async def test_signs_of_life_do_not_pile_up(visitor: Visitor) -> None:
    await visitor.log_in()
    events = await opened(visitor)
    (tab,) = visitor.page.tabs
    lab = visitor.client.lab
    async with tab._writing:  # what is being written takes long
        for _ in range(5):
            await lab.until(lambda: visitor.clock.waiting == 1)
            await visitor.clock.beat()
        await lab.until(lambda: visitor.clock.waiting == 1)
    await visitor.clock.beat()
    await events.until("alive")
    await visitor.change("DELETE", "/session")
    await events.until("over")
    assert [name for name, _ in events.seen].count("alive") == 1


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


async def test_two_tabs_share_one_selection(lab: Lab, tmp_path: Path) -> None:
    async with visiting(lab, tmp_path, asked=state_only) as visitor:
        await visitor.log_in()
        other = visitor.other()
        await other.log_in()
        tabs = [await opened(visitor), await opened(other)]
        watches = lab.context.publisher.watches
        assert len(watches) == 1
        await lab.commit(entry("<number>1</number>"))
        for events in tabs:
            await events.until("push", lambda one: "1" in json.dumps(one) and kind(one) == PATCH)
            events.leave()


@pytest.mark.parametrize(
    "query",
    [
        *("traffic-s=1", "traffic-s=301", "traffic-s=x", "traffic-s=-2", "traffic-s=", "traffic-s"),
        *("traffic-s=%D9%A5", "traffic-s=%EF%BC%95", "traffic-s=+5", "traffic-s=5.0", "traffic-s=0005"),
        *("traffic-s=5&traffic-s=6", "traffic-s=5&traffic-s=5", "x=1", "traffic-s=5&x", "TRAFFIC-S=5"),
        "traffic%2Ds=5",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_no_stream_has_is_refused(visitor: Visitor, method: str, query: str) -> None:
    await visitor.log_in()
    refused = await visitor.ask(method, f"/events?{query}")
    assert refused.status == 400
    if method == "GET":
        assert error(refused)["tag"] == "invalid-value"


@pytest.mark.parametrize(("count", "seconds"), [(0, 2), (3, 2), (4, 10), (9, 20), (1000, 300)])
async def test_the_more_there_is_the_rarer_are_counters(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, seconds: int
) -> None:
    monkeypatch.setattr("agent.page.app.ENTRIES_OF_PERIOD", 4)
    if count:
        await lab.commit(top("".join(f"<entry><id>{number}</id></entry>" for number in range(count))))
    periods: list[int] = []

    def noting(period: int) -> Mapping[str, bytes]:
        periods.append(period)
        return {}

    async with visiting(lab, tmp_path, asked=noting) as visitor:
        await visitor.log_in()
        await opened(visitor, "?traffic-s=2")
    assert periods == [seconds]


async def test_tabs_that_come_at_once_have_their_first_look_together(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = visitor.client.lab
    await lab.commit(entry("<number>1</number>"))
    await visitor.log_in()
    read_once, begun = lab.context.publisher.read_once, 0

    async def counting(key: Hashable, due: float, read: Callable[[], Awaitable[bytes]]) -> bytes:
        async def counted() -> bytes:
            nonlocal begun
            begun += 1
            return await read()

        return await read_once(key, due, counted)

    monkeypatch.setattr(Publisher, "read_once", lambda _self, *arguments: counting(*arguments))
    tabs = await asyncio.gather(*(visitor.follow("?traffic-s=300") for _ in range(5)))
    assert [(await events.next())[0] for events in tabs] == ["hello"] * 5
    assert begun == 1


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
    web_door(visitor).take_over(settings({"tester": HASH, "bob": hash_of(b"another")}), Limits())
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
        web_door(visitor).take_over(settings({"tester": HASH}, "bob"), Limits())
        await visitor.clock.beat()
        await events.until("alive")
        web_door(visitor).take_over(settings({"tester": HASH}), Limits())
        assert await events.until("over") == {"reason": "changed"}
        assert await events.ended()


async def test_the_end_of_the_server_is_told(visitor: Visitor) -> None:
    await visitor.log_in()
    events = await opened(visitor)
    await web_door(visitor).stop()
    assert await events.until("over") == {"reason": "stopping"}
    assert await events.ended()


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
