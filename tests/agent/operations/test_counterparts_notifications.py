"""Counterparts of netopeer2's programs subscribe_filter and subscribe_param, by the names of their cases."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from agent.notifications import time_text
from agent.translator import Notification
from tests.agent.handlers import Lab
from tests.agent.lab import EC
from tests.agent.operations.guarded import ACME
from tests.agent.operations.test_notifications import at, subscribe

HAPPENED = Notification({"every-construct:happened": {"what": "rain"}})
CHANGED = Notification({"acme:sys-config-change": {"what": "snow"}})


def subtree(body: str) -> str:
    return f"<filter>{body}</filter>"


def xpath(select: str) -> str:
    return f'<filter type="xpath" xmlns:ec="{EC}" xmlns:acme="{ACME}" select="{select}"/>'


# The filter, and whether the event HAPPENED passes it. CHANGED comes after it, without a filter of its own.
FILTERS = {
    "test_subtree_filter_no_matching_node": (subtree('<nothing xmlns="urn:other"/>'), False),
    "test_subtree_filter_notif_selection_node_no_pass": (
        subtree(f'<sys-config-change xmlns="{ACME}"/>'), False,
    ),
    "test_subtree_filter_notif_selection_node_pass": (subtree(f'<happened xmlns="{EC}"/>'), True),
    "test_subtree_filter_notif_content_match_node_no_pass": (
        subtree(f'<happened xmlns="{EC}"><what>sun</what></happened>'), False,
    ),
    "test_subtree_filter_notif_content_match_node_pass": (
        subtree(f'<happened xmlns="{EC}"><what>rain</what></happened>'), True,
    ),
    "test_xpath_filter_notif_selection_node_no_pass": (xpath("/acme:sys-config-change"), False),
    "test_xpath_filter_notif_selection_node_pass": (xpath("/ec:happened"), True),
    "test_xpath_filter_notif_content_match_node_no_pass": (xpath("/ec:happened[ec:what='sun']"), False),
    "test_xpath_filter_notif_content_match_node_pass": (xpath("/ec:happened[ec:what='rain']"), True),
    "test_xpath_filter_no_matching_node": (xpath("/ec:top"), False),
    "test_xpath_boolean_no_pass": (xpath("/ec:happened[ec:what='sun' or ec:what='fog']"), False),
    "test_xpath_boolean_pass": (xpath("/ec:happened[ec:what='sun' or ec:what='rain']"), True),
}  # fmt: skip


def tell(lab: Lab, *notifications: Notification) -> None:
    for notification in notifications:
        lab.context.stream.publish(notification)


@pytest.mark.parametrize("name", FILTERS)
async def test_filter(lab: Lab, name: str) -> None:
    filter_, passes = FILTERS[name]
    await lab.do(subscribe(filter_), 2)
    await lab.do(subscribe(), 3)
    tell(lab, HAPPENED, CHANGED)
    await lab.caller(3).got("snow")  # whoever has no filter has both by now
    if passes:
        await lab.caller(2).got("rain")
    else:
        tell(lab, HAPPENED)
        await lab.caller(3).got("rain", 2)
        assert not any(b"rain" in message for message in lab.caller(2).sent)


async def test_basic_notif(lab: Lab) -> None:
    await lab.do(subscribe(), 2)
    tell(lab, HAPPENED)
    message = await lab.caller(2).got("happened")
    assert re.search(rb"<eventTime>[^<]+</eventTime>", message)
    assert f'<happened xmlns="{EC}"><what>rain</what></happened>'.encode() in message


def kinds(lab: Lab) -> list[str]:
    """Return what came to session 2, by one word each."""
    words = rb"rain|snow|replayComplete|notificationComplete"
    return [found[0].decode() for message in lab.caller(2).sent if (found := re.findall(words, message))]


async def recorded(lab: Lab, count: int) -> None:
    await lab.until(lambda: lab.context.stream.last_number == count)


LONG_AGO = "<startTime>2020-01-01T00:00:00Z</startTime>"


@pytest.mark.parametrize(
    ("body", "tag"),
    [
        (LONG_AGO + "<stopTime>2019-01-01T00:00:00Z</stopTime>", "bad-element"),
        (f"<startTime>{at(3600)}</startTime>", "bad-element"),
        (f"<stopTime>{at(3600)}</stopTime>", "missing-element"),
    ],
    ids=["test_stop_time_invalid", "test_start_time_invalid", "test_stop_time_no_start_time"],
)
async def test_times(lab: Lab, body: str, tag: str) -> None:
    assert [error.tag for error in await lab.refused(subscribe(body))] == [tag]


async def test_replay(lab: Lab) -> None:
    """test_basic_replay and test_replay_real_time."""
    tell(lab, HAPPENED)
    await recorded(lab, 1)
    await lab.do(subscribe(LONG_AGO), 2)
    await lab.caller(2).got("replayComplete")
    assert kinds(lab) == ["rain", "replayComplete"]
    tell(lab, CHANGED)
    await lab.caller(2).got("snow")
    assert kinds(lab) == ["rain", "replayComplete", "snow"]


async def test_stop_time(lab: Lab) -> None:
    """test_stop_time and test_history_only: what comes after the stop time is not told."""
    tell(lab, HAPPENED)
    await recorded(lab, 1)
    last = time_text(lab.context.stream._record[0].time + timedelta(milliseconds=1))
    await lab.until(lambda: at(0) > last)
    tell(lab, CHANGED)
    await recorded(lab, 2)
    await lab.do(subscribe(f"{LONG_AGO}<stopTime>{last}</stopTime>"), 2)
    await lab.caller(2).got("notificationComplete")
    assert kinds(lab) == ["rain", "replayComplete", "notificationComplete"]


async def test_stop_time_sub_end(lab: Lab) -> None:
    await lab.do(subscribe(f"{LONG_AGO}<stopTime>{at(0.3)}</stopTime>"), 2)
    await lab.caller(2).got("notificationComplete")
    await lab.until(lambda: not lab.caller(2).subscribed())
    await lab.do(subscribe(), 2)  # and the session may subscribe anew


async def test_stream(lab: Lab) -> None:
    """test_stream_pass; there is one stream, so that one of another name is refused (test_stream_no_pass and
    test_stream_no_pass_start_time)."""
    await lab.do(subscribe("<stream>NETCONF</stream>"), 2)
    tell(lab, HAPPENED)
    await lab.caller(2).got("rain")
    for start in ("", LONG_AGO):
        (error,) = await lab.refused(subscribe(f"<stream>other</stream>{start}"), 3)
        assert (error.tag, error.info["bad-element"]) == ("invalid-value", "stream")
