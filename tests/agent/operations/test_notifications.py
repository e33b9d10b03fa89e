"""create-subscription, the events of this server, replay, filters, slow subscribers (RFC 5277)."""

from __future__ import annotations

import asyncio
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent import notifications
from agent.datastore.changes import MAX_EDITS
from agent.notifications import MANY_WAITING, Event, Stream, Subscription, time_text
from agent.translator import Notification
from agent.yang.schema import Schema
from tests.agent.handlers import Lab, Remembering
from tests.agent.lab import EC, direct, entry, top

NS = "urn:ietf:params:xml:ns:netconf:notification:1.0"
NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
BASE_EVENTS = "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"

PATIENCE_S = 30


def subscribe(body: str = "") -> str:
    return f'<create-subscription xmlns="{NS}">{body}</create-subscription>'


def at(seconds: float) -> str:
    return time_text(datetime.now(UTC) + timedelta(seconds=seconds))


def edits(message: bytes) -> list[tuple[str, str]]:
    """Return (target without prefixes, operation) of each edit in a netconf-config-change."""
    found = re.findall(rb"<target[^>]*>(.*?)</target><operation>(\w+)</operation>", message)
    return [(re.sub(r"[\w-]+:", "", target.decode()), operation.decode()) for target, operation in found]


async def test_rfc6470_config_change_names_who_and_what(lab: Lab) -> None:
    await lab.do(subscribe(), 2)
    await lab.commit(entry("<number>2</number>"))
    created = await lab.caller(2).got("netconf-config-change")
    assert b"<changed-by><username>tester</username><session-id>1</session-id>" in created
    assert b"<datastore>running</datastore>" in created
    assert edits(created) == [("/top/entry[id='1']", "create")]
    await lab.commit(entry("<number>3</number><word>a</word>"))
    changed = await lab.caller(2).got("netconf-config-change", 2)
    assert sorted(edits(changed)) == [
        ("/top/entry[id='1']/number", "merge"),
        ("/top/entry[id='1']/word", "create"),
    ]
    await lab.commit(entry("", 'nc:operation="delete"'))
    deleted = await lab.caller(2).got("netconf-config-change", 3)
    assert edits(deleted) == [("/top/entry[id='1']", "delete")]


async def test_a_move_is_an_edit(lab: Lab) -> None:
    await lab.commit(f'<order xmlns="{EC}">a</order><order xmlns="{EC}">b</order>')
    await lab.do(subscribe(), 2)
    await lab.commit(f'<order xmlns="{EC}" yang:insert="first">b</order>')
    moved = await lab.caller(2).got("netconf-config-change")
    assert ("/order[.='b']", "merge") in edits(moved)


async def test_a_commit_of_very_much_is_told_in_short(lab: Lab) -> None:
    await lab.do(subscribe(), 2)
    await lab.commit(top("".join(f"<entry><id>{n}</id></entry>" for n in range(MAX_EDITS + 1))))
    assert edits(await lab.caller(2).got("netconf-config-change")) == [("/top", "create")]


def many(body: str = "", attributes: str = "", first: int = 0) -> str:
    return "".join(f"<entry {attributes}><id>{n}</id>{body}</entry>" for n in range(first, MAX_EDITS + 2))


async def test_what_very_much_has_made_of_a_container_is_told(lab: Lab) -> None:
    await lab.commit(top(many()))
    await lab.do(subscribe(), 2)
    gone = 'nc:operation="delete"'
    for count, (body, operation) in enumerate(
        (
            (top(many("<number>2</number>")), "merge"),
            (top(many(attributes=gone, first=1)), "replace"),
            (top(many(first=1)), "merge"),
            (top(many(attributes=gone, first=1) + "<flag>true</flag>"), "replace"),
            (top(many(first=1)), "merge"),
            (f'<top xmlns="{EC}" {gone}/>', "delete"),
            (top(many()), "create"),
            (top(many(attributes=gone)), "delete"),
        ),
        1,
    ):
        await lab.commit(body)
        assert edits(await lab.caller(2).got("netconf-config-change", count)) == [("/top", operation)], count


async def test_what_very_much_has_made_of_what_is_denied_to_all_is_not_told(lab: Lab) -> None:
    """Access control comes and goes with it, and is told as changed both times."""
    await lab.do(subscribe(), 2)
    for count, (attributes, operation) in enumerate((("", "create"), ('nc:operation="delete"', "delete")), 1):
        group = f"<groups><group {attributes}><name>g</name></group></groups>"
        await lab.commit(f'<nacm xmlns="{NACM}">{group}</nacm>' + top(many(attributes=attributes)))
        told = edits(await lab.caller(2).got("netconf-config-change", count))
        assert sorted(told) == [("/nacm", "merge"), ("/top", operation)]


async def test_no_value_is_told(lab: Lab) -> None:
    await lab.do(subscribe(), 2)
    await lab.commit(entry("<word>visible</word>"))
    await lab.commit(entry("<word>another</word>"))
    await lab.caller(2).got("netconf-config-change", 2)
    assert not any(word in message for message in lab.caller(2).sent for word in (b"visible", b"another"))


async def test_nothing_is_sent_to_who_did_not_ask(lab: Lab) -> None:
    await lab.do(subscribe(), 2)
    await lab.commit(entry("<number>2</number>"))
    await lab.caller(2).got("netconf-config-change")
    assert lab.caller(1).sent == []


async def test_a_session_has_one_subscription(lab: Lab) -> None:
    await lab.do(subscribe())
    (error,) = await lab.refused(subscribe())
    assert error.tag == "operation-failed"


@pytest.mark.parametrize(
    ("body", "tag", "bad"),
    [
        ("<stream>other</stream>", "invalid-value", "stream"),
        ("<stopTime>2020-01-01T00:00:00Z</stopTime>", "missing-element", "startTime"),
        ("<startTime>2999-01-01T00:00:00Z</startTime>", "bad-element", "startTime"),
        (
            "<startTime>2020-01-02T00:00:00Z</startTime><stopTime>2020-01-01T00:00:00Z</stopTime>",
            "bad-element",
            "stopTime",
        ),
        ("<startTime>yesterday</startTime>", "invalid-value", "startTime"),
        ("<startTime>2020-13-01T00:00:00Z</startTime>", "invalid-value", "startTime"),
        ("<startTime>0001-01-01T00:00:00+14:00</startTime>", "invalid-value", "startTime"),
        (
            "<startTime>2020-01-02T00:00:00Z</startTime><stopTime>9999-12-31T23:59:59-14:00</stopTime>",
            "invalid-value",
            "stopTime",
        ),
        ("<wish/>", "unknown-element", "wish"),
    ],
)
async def test_rfc5277_2_1_1_what_is_refused(lab: Lab, body: str, tag: str, bad: str) -> None:
    (error,) = await lab.refused(subscribe(body))
    assert (error.tag, error.info["bad-element"]) == (tag, bad)
    assert not lab.caller(1).subscribed()


@pytest.mark.parametrize(
    "filter_",
    [
        f'<filter type="subtree"><netconf-config-change xmlns="{BASE_EVENTS}"/></filter>',
        f'<filter><netconf-config-change xmlns="{BASE_EVENTS}"><datastore>running</datastore>'
        "</netconf-config-change></filter>",
        f'<filter type="xpath" xmlns:n="{BASE_EVENTS}" select="/n:netconf-config-change"/>',
        f'<filter type="xpath" xmlns:n="{BASE_EVENTS}" '
        "select=\"/n:netconf-config-change[n:changed-by/n:username='tester']\"/>",
    ],
)
async def test_a_filter_lets_whole_events_through(lab: Lab, filter_: str) -> None:
    await lab.do(subscribe(filter_), 2)
    await lab.edit(entry("<number>2</number>"))
    await lab.do("<commit><confirmed/></commit>")
    await lab.do("<commit/>")
    await lab.commit(entry("<number>3</number>"))
    message = await lab.caller(2).got("netconf-config-change", 2)
    assert b"<edit>" in message
    assert all(b"netconf-config-change" in sent for sent in lab.caller(2).sent)


async def test_a_filter_that_cannot_be_used_is_refused(lab: Lab) -> None:
    (error,) = await lab.refused(subscribe('<filter type="xpath" select="1 +"/>'))
    assert error.tag == "invalid-value"
    (error,) = await lab.refused(subscribe('<filter type="xpath"/>'))
    assert error.tag == "missing-attribute"


async def test_replay_sends_what_was_recorded_then_says_so_then_goes_on(lab: Lab) -> None:
    await lab.commit(entry("<number>2</number>"))
    await lab.until(lambda: lab.context.stream.last_number == 1)
    await lab.do(subscribe("<startTime>2020-01-01T00:00:00Z</startTime>"), 2)
    await lab.caller(2).got("replayComplete")
    await lab.commit(entry("<number>3</number>"))
    await lab.caller(2).got("netconf-config-change", 2)
    kinds = [re.findall(rb"<(netconf-[\w-]+|replayComplete)", message)[0] for message in lab.caller(2).sent]
    assert kinds == [b"netconf-config-change", b"replayComplete", b"netconf-config-change"]


async def test_replay_begins_at_its_start_time(lab: Lab) -> None:
    await lab.commit(entry("<number>2</number>"))
    await lab.until(lambda: lab.context.stream.last_number == 1)
    later = time_text(lab.context.stream._record[0].time + timedelta(milliseconds=1))
    await lab.until(lambda: at(0) > later)
    await lab.commit(entry("<number>3</number>"))
    await lab.until(lambda: lab.context.stream.last_number == 2)
    await lab.do(subscribe(f"<startTime>{later}</startTime>"), 2)
    await lab.caller(2).got("replayComplete")
    assert len(lab.caller(2).sent) == 2


async def test_a_stop_time_in_the_past_ends_after_the_replay(lab: Lab) -> None:
    await lab.commit(entry("<number>2</number>"))
    await lab.until(lambda: lab.context.stream.last_number == 1)
    window = f"<startTime>2020-01-01T00:00:00Z</startTime><stopTime>{at(0)}</stopTime>"
    await lab.do(subscribe(window), 2)
    await lab.caller(2).got("notificationComplete")
    await lab.until(lambda: not lab.caller(2).subscribed())
    kinds = [re.findall(rb"<(netconf-[\w-]+|\w+Complete)", message)[0] for message in lab.caller(2).sent]
    assert kinds == [b"netconf-config-change", b"replayComplete", b"notificationComplete"]
    await lab.do(subscribe(), 2)  # it may subscribe again


async def test_a_stop_time_to_come_ends_it_then(lab: Lab) -> None:
    window = f"<startTime>2020-01-01T00:00:00Z</startTime><stopTime>{at(0.2)}</stopTime>"
    await lab.do(subscribe(window), 2)
    await lab.caller(2).got("replayComplete")
    await lab.caller(2).got("notificationComplete")


# -- the stream by itself ------------------------------------------------------------------------


def event(number: int) -> Notification:
    content = {"username": f"user{number}", "session-id": number}
    return Notification({"ietf-netconf-notifications:netconf-session-start": content})


class Slow:
    """A subscriber that takes one event at a time, when it is told to."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.turns = asyncio.Semaphore(0)

    async def send(self, message: bytes) -> None:
        await self.turns.acquire()
        self.got.append(message)


async def published(stream: Stream, numbers: range) -> None:
    for number in numbers:
        stream.publish(event(number))
    await until(lambda: stream.last_number >= numbers[-1])


async def until(condition: object) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(30):
        while not condition():  # type: ignore[operator]
            turn = loop.create_future()
            loop.call_later(0.01, turn.set_result, None)
            await turn


async def test_a_slow_subscriber_delays_nobody_and_is_told_what_it_missed(schema: Schema) -> None:
    stream = Stream(schema, direct, lambda: datetime.now(UTC), max_events=10)
    stream.start()
    slow, quick = Slow(), Remembering(2)
    tasks = [
        asyncio.create_task(Subscription(stream, slow.send, None, lambda _: True).run()),
        asyncio.create_task(Subscription(stream, quick.send, None, lambda _: True).run()),
    ]
    for first in range(1, 101, 5):
        await published(stream, range(first, first + 5))
        await until(lambda expected=first + 4: len(quick.sent) == expected)
    assert len(stream._record) == 10
    for _ in range(20):
        slow.turns.release()
    await until(lambda: len(slow.got) >= 12)
    assert b"user1<" in slow.got[0]
    assert b"notifications-missed" in slow.got[1]
    assert b"<count>89</count>" in slow.got[1]
    assert [f"user{n}<".encode() in message for n, message in zip(range(91, 101), slow.got[2:], strict=True)]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await stream.stop()


async def test_a_replay_that_is_overtaken_by_the_record_counts_what_it_missed_once(schema: Schema) -> None:
    stream = Stream(schema, direct, lambda: datetime.now(UTC), max_events=5)
    stream.start()
    await published(stream, range(1, 6))
    slow = Slow()
    start = datetime(2020, 1, 1, tzinfo=UTC)
    task = asyncio.create_task(Subscription(stream, slow.send, None, lambda _: True, start).run())
    slow.turns.release()
    await until(lambda: len(slow.got) == 1)
    await published(stream, range(6, 21))
    for _ in range(20):
        slow.turns.release()
    await until(lambda: b"user20<" in slow.got[-1])
    told = [re.findall(rb"user\d+|(?<=<count>)\d+|replayComplete", m)[0].decode() for m in slow.got]
    # The second was being sent already; the replay ends with the first event after the gap.
    assert told == [
        "user1",
        "user2",
        "13",
        "user16",
        "replayComplete",
        "user17",
        "user18",
        "user19",
        "user20",
    ]
    task.cancel()
    await asyncio.wait([task])
    await stream.stop()


async def test_an_event_that_nobody_waits_for_is_recorded_later_and_at_once_for_who_comes(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "LATER_S", 3600.0)
    stream = Stream(schema, direct, lambda: datetime.now(UTC))
    stream.start()
    stream.publish(event(1))
    for _ in range(10):
        await asyncio.sleep(0)
    assert stream.last_number == 0
    assert stream._due is not None
    await stream.settled()  # as who subscribes does
    assert stream.last_number == 1
    stream.publish(event(2))
    found = await asyncio.wait_for(stream.at(2), 30)  # a reader who comes for what is there
    assert isinstance(found, Event)
    assert b"user2<" in found.body
    reader = asyncio.create_task(stream.at(3))
    await until(lambda: stream._waited_for == 1)
    stream.publish(event(3))
    found = await asyncio.wait_for(reader, 30)  # one who was there before
    assert isinstance(found, Event)
    assert b"user3<" in found.body
    assert stream._waited_for == 0
    await stream.stop()


async def test_many_events_are_recorded_though_nobody_waits(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "LATER_S", 3600.0)
    stream = Stream(schema, direct, lambda: datetime.now(UTC))
    stream.start()
    await published(stream, range(1, MANY_WAITING + 1))
    numbers = [int(re.findall(rb"<session-id>(\d+)<", one.body)[0]) for one in stream._record]
    assert numbers == [*range(1, MANY_WAITING + 1)]
    await stream.stop()
    assert stream._due is None or stream._due.cancelled()


async def test_some_events_are_recorded_when_it_is_time(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "LATER_S", 0.0)
    stream = Stream(schema, direct, lambda: datetime.now(UTC))
    stream.start()
    await published(stream, range(1, 3))
    assert stream._due is None
    await stream.stop()


@pytest.mark.parametrize("replays", [False, True])
async def test_who_subscribes_right_after_a_commit_is_told_of_it_as_of_the_past(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, replays: bool
) -> None:
    monkeypatch.setattr(notifications, "LATER_S", 3600.0)
    await lab.commit(entry("<number>2</number>"))
    await lab.do(subscribe("<startTime>2020-01-01T00:00:00Z</startTime>" if replays else ""), 2)
    await lab.commit(entry("<number>3</number>"))
    await lab.caller(2).got("netconf-config-change", 1 + replays)
    kinds = [re.findall(rb"<(netconf-[\w-]+|replayComplete)", message)[0] for message in lab.caller(2).sent]
    assert kinds == ([b"netconf-config-change", b"replayComplete"] if replays else []) + [
        b"netconf-config-change"
    ]


async def test_the_record_is_bounded_in_octets_too(schema: Schema) -> None:
    stream = Stream(schema, direct, lambda: datetime.now(UTC), max_octets=1000)
    stream.start()
    await published(stream, range(1, 101))
    assert sum(len(recorded.body) for recorded in stream._record) <= 1000
    await stream.stop()


async def test_an_event_that_does_not_fit_its_module_stops_nothing(
    schema: Schema, caplog: pytest.LogCaptureFixture
) -> None:
    stream = Stream(schema, direct, lambda: datetime.now(UTC))
    stream.start()
    stream.publish(Notification({"ietf-netconf-notifications:netconf-session-start": {"wish": 1}}))
    await published(stream, range(1, 2))
    assert "cannot be recorded" in caplog.text
    await stream.stop()


async def test_who_waits_for_events_goes_on_when_their_thread_does_not_take_them(
    schema: Schema, caplog: pytest.LogCaptureFixture
) -> None:
    works = False

    async def worker(function: Any, *arguments: Any) -> Any:
        if not works:
            raise RuntimeError("not now")
        return function(*arguments)

    stream = Stream(schema, worker, lambda: datetime.now(UTC))
    stream.start()
    stream.publish(event(1))
    await asyncio.wait_for(stream.settled(), PATIENCE_S)
    assert "cannot be recorded" in caplog.text
    works = True
    stream.publish(event(2))
    await asyncio.wait_for(stream.settled(), PATIENCE_S)
    assert stream.last_number == 1
    await stream.stop()


async def test_what_was_published_is_let_go_once_it_is_recorded(schema: Schema) -> None:
    stream = Stream(schema, direct, lambda: datetime.now(UTC))
    stream.start()
    content = {"ietf-netconf-notifications:netconf-session-start": {"username": "u", "session-id": 1}}
    before = sys.getrefcount(content)
    stream.publish(Notification(content))
    assert sys.getrefcount(content) > before
    await until(lambda: stream.last_number == 1)
    await until(lambda: sys.getrefcount(content) == before)
    await stream.stop()


async def test_who_may_not_read_an_event_does_not_get_it(schema: Schema) -> None:
    stream = Stream(schema, direct, lambda: datetime.now(UTC))
    stream.start()
    barred, free = Remembering(1), Remembering(2)
    tasks = [
        asyncio.create_task(Subscription(stream, barred.send, None, lambda _: False).run()),
        asyncio.create_task(Subscription(stream, free.send, None, lambda _: True).run()),
    ]
    await asyncio.wait(tasks, timeout=0.01)
    await published(stream, range(1, 3))
    await free.got("user2")
    assert barred.sent == []
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await stream.stop()


async def test_an_event_repeats_nothing_of_its_body_in_a_log(schema: Schema) -> None:
    assert "user1" not in repr(Event(1, datetime.now(UTC), ("", "x"), b"<x>user1</x>"))
