"""Replay, stop time and modify-subscription: by which terms a subscription goes on (RFC 8639)."""

from __future__ import annotations

from lxml import etree

from agent.notifications import time_text
from agent.yang.invocation import notification_tree
from tests.agent.handlers import Lab
from tests.agent.lab import entry
from tests.agent.operations.subscribing import (
    ALL,
    CHANGES,
    STARTS,
    at,
    establish,
    id_of,
    kinds,
    modify,
    xpath,
)

# -- replay and stop time ------------------------------------------------------------------------


async def test_replay_sends_what_was_recorded_then_says_so_then_goes_on(lab: Lab) -> None:
    await lab.commit(entry("<number>2</number>"))
    await lab.until(lambda: lab.context.stream.last_number == 1)
    start = time_text(lab.context.stream.created)
    await lab.until(lambda: at(0) > start)
    reply = await lab.do(establish(f"{ALL}<replay-start-time>{start}</replay-start-time>"), 2)
    assert "revision" not in reply or lab.context.stream.created.microsecond % 1000
    await lab.caller(2).got("replay-completed")
    await lab.commit(entry("<number>3</number>"))
    await lab.caller(2).got("netconf-config-change", 2)
    assert kinds(lab.caller(2)) == ["netconf-config-change", "replay-completed", "netconf-config-change"]
    (each,) = lab.context.subscriptions.of_session(2)
    await lab.until(lambda: each.counters.sent == 2)  # what says that something has happened is no record


async def test_a_replay_from_before_the_record_is_revised_to_where_that_begins(lab: Lab) -> None:
    body = f"{ALL}<replay-start-time>2020-01-01T00:00:00Z</replay-start-time>"
    stream = lab.context.stream
    created = f">{time_text(stream.created)}</replay-start-time-revision>"
    assert created in await lab.do(establish(body))
    stream.bound(1, 1_000_000)
    for number in (2, 3):
        await lab.commit(entry(f"<number>{number}</number>"))
    await lab.until(lambda: stream.last_number == 2)
    assert stream.aged is not None
    assert f">{time_text(stream.aged)}</replay-start-time-revision>" in await lab.do(establish(body))
    assert "replay-log-aged-time" in stream.listed()["stream"][0]


async def test_an_empty_replay_is_completed_at_once(lab: Lab) -> None:
    start = at(0)
    await lab.until(lambda: at(0) > start)
    await lab.do(establish(f"{ALL}<replay-start-time>{start}</replay-start-time>"))
    await lab.caller(1).got("replay-completed")
    assert kinds(lab.caller(1)) == ["replay-completed"]


async def test_a_stop_time_in_the_past_ends_it_after_the_replay(lab: Lab) -> None:
    await lab.commit(entry("<number>2</number>"))
    await lab.until(lambda: lab.context.stream.last_number == 1)
    window = f"<replay-start-time>2020-01-01T00:00:00Z</replay-start-time><stop-time>{at(0)}</stop-time>"
    await lab.do(establish(ALL + window))
    await lab.caller(1).got("replay-completed")
    await lab.until(lambda: not lab.context.subscriptions.of_session(1))
    assert kinds(lab.caller(1)) == ["netconf-config-change", "replay-completed"]


async def test_a_stop_time_to_come_ends_it_then(lab: Lab) -> None:
    await lab.do(establish(f"{ALL}<stop-time>{at(0.2)}</stop-time>"))
    await lab.until(lambda: not lab.context.subscriptions.of_session(1))
    await lab.commit(entry("<number>2</number>"))
    await lab.until(lambda: lab.context.stream.last_number == 1)
    assert lab.caller(1).sent == []


# -- modified ------------------------------------------------------------------------------------


async def test_modified_it_says_so_with_all_of_its_terms_and_goes_on_where_it_was(lab: Lab) -> None:
    stop = at(1000)
    id = id_of(await lab.do(establish(f"{ALL}{STARTS}<stop-time>{stop}</stop-time>")))
    await lab.commit(entry("<number>2</number>"))
    await lab.until(lambda: lab.context.subscriptions.of(id).counters.excluded == 1)
    await lab.do(modify(id, CHANGES))
    told = await lab.caller(1).got("subscription-modified")
    await lab.commit(entry("<number>3</number>"))
    await lab.caller(1).got("<changed-by>")
    assert kinds(lab.caller(1)) == ["subscription-modified", "netconf-config-change"]
    terms = etree.fromstring(told)[1]
    assert [etree.QName(child).localname for child in terms] == [
        "id", "stream", "stream-subtree-filter", "stop-time", "encoding",
    ]  # fmt: skip
    assert terms.findtext("{*}stop-time") == stop
    assert terms.find("{*}stream-subtree-filter/{*}netconf-config-change") is not None
    notification_tree(lab.context.schema, etree.tostring(terms), xml=True)
    assert lab.context.subscriptions.of(id).counters.sent == 1


async def test_twice_modified_before_anything_has_happened_it_loses_nothing(lab: Lab) -> None:
    id = id_of(await lab.do(establish(ALL + STARTS)))
    await lab.do(modify(id, STARTS))
    await lab.do(modify(id, CHANGES))
    await lab.commit(entry("<number>2</number>"))
    await lab.caller(1).got("<changed-by>")
    assert kinds(lab.caller(1))[-1] == "netconf-config-change"


async def test_a_modification_that_is_refused_leaves_it_as_it_was(lab: Lab) -> None:
    id = id_of(await lab.do(establish(ALL + CHANGES)))
    for body, tag in (
        (xpath("1 +").removeprefix(ALL), "operation-failed"),
        (CHANGES + "<stop-time>2020-01-01T00:00:00Z</stop-time>", "bad-element"),
        ("<stop-time>2999-01-01T00:00:00Z</stop-time>", "missing-element"),
        (ALL + CHANGES, "unknown-element"),
        (CHANGES + "<encoding>encode-xml</encoding>", "unknown-element"),
    ):
        error = (await lab.refused(modify(id, body)))[0]
        assert error.tag == tag
    await lab.commit(entry("<number>2</number>"))
    await lab.caller(1).got("netconf-config-change")
    assert kinds(lab.caller(1)) == ["netconf-config-change"]
