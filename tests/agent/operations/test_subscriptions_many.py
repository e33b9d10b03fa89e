"""Many subscriptions, and subscribers that do not read: what they cost the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.operations import streams
from agent.operations.context import Caller, Context
from agent.operations.subscribe import look_at
from agent.push.refusal import SN_NS
from agent.translator import Notification
from agent.yang.schema import Schema
from tests.agent.handlers import Lab, Remembering, running_lab
from tests.agent.lab import entry
from tests.agent.operations.guarded import JOE, TERRY, path, rule, rule_list, ruled
from tests.agent.operations.subscribing import ALL, CHANGES, establish, id_of, kinds, subscriptions_of, xpath


async def test_one_event_reaches_five_hundred_subscriptions(lab: Lab) -> None:
    bounds = lab.context.subscriptions.bounds
    lab.context.subscriptions.take_over(replace(bounds, all=1000, per_user=1000, per_session=1000))
    for _ in range(250):
        await lab.do(establish(), 1)
        await lab.do(establish(), 2)
    await lab.commit(entry("<number>2</number>"))
    for session_id in (1, 2):
        await lab.until(lambda session_id=session_id: len(lab.caller(session_id).sent) == 250)
        assert len(set(lab.caller(session_id).sent)) == 1


async def test_what_many_may_be_told_of_an_event_is_looked_at_once(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    async def counted(context: Context, caller: Caller, *rest: object) -> bytes:
        looked.append(caller.user)
        return await look_at(context, caller, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(streams, "look_at", counted)
    async with running_lab(schema, tmp_path) as lab:
        await ruled(lab, rule_list("l", ["limited"], rule("no", "deny", path("/acme:interfaces"))))
        await lab.until(lambda: lab.context.stream.last_number == 1)
        for _ in range(20):
            await lab.do(establish(ALL + CHANGES), JOE)
            await lab.do(establish(ALL), JOE)
            await lab.do(establish(ALL + CHANGES), TERRY)
        await lab.commit(entry("<number>2</number>"))
        await lab.until(lambda: len(lab.caller(JOE).sent) == 40)
        await lab.until(lambda: len(lab.caller(TERRY).sent) == 20)
        assert sorted(looked) == ["joe", "joe", "terry"]  # by filter, and by who may see what


ENDED = "ietf-subscribed-notifications:subscription-terminated"
"""An event of this lab alone: it holds an identity."""


async def test_filters_that_differ_in_their_default_namespace_are_two(lab: Lab) -> None:
    def by_default(namespace: str) -> str:
        return (
            f'<s:establish-subscription xmlns:s="{SN_NS}"><s:stream>NETCONF</s:stream>'
            f'<s:stream-xpath-filter xmlns="{namespace}">'
            "/s:subscription-terminated[derived-from-or-self(s:reason, 'filter-unavailable')]"
            "</s:stream-xpath-filter></s:establish-subscription>"
        )

    other = "urn:ietf:params:xml:ns:yang:ietf-yang-push"
    await lab.do(by_default(other), 1)  # which has no such identity
    await lab.do(by_default(SN_NS), 2)
    reason = "ietf-subscribed-notifications:filter-unavailable"
    lab.context.stream.publish(Notification({ENDED: {"id": 7, "reason": reason}}))
    await lab.caller(2).got("<id>7</id>")
    await lab.until(lambda: not lab.context.subscriptions.of_session(1))
    assert len(lab.context.subscriptions.of_session(2)) == 1


async def test_the_looks_of_one_user_are_done_one_at_a_time(lab: Lab) -> None:
    for number in range(10):
        await lab.do(establish(xpath(f"count(/n:netconf-config-change) &lt; {number + 2}")))
    direct, at_once = lab.context.worker, [0, 0]

    async def counted(work: Callable[..., Any], *arguments: Any) -> Any:
        looks = "_selected" in work.__qualname__ or "told" in work.__qualname__
        at_once[0] += looks
        at_once[1] = max(at_once)
        try:
            return await direct(work, *arguments)
        finally:
            at_once[0] -= looks

    lab.context.worker = counted
    await lab.commit(entry("<number>2</number>"))
    await lab.until(lambda: len(lab.caller(1).sent) == 10)
    assert at_once == [0, 1]


async def test_a_subscriber_that_does_not_read_delays_no_commit_and_no_other(lab: Lab) -> None:
    stuck = Remembering(9)
    never = asyncio.Event()

    async def send(_message: bytes) -> None:
        await never.wait()

    stuck._send = send  # type: ignore[method-assign]
    lab.callers[9] = stuck
    id = id_of(await lab.do(establish(), 9))
    await lab.do(establish(), 2)
    bounds = lab.context.subscriptions.bounds
    lab.context.subscriptions.take_over(replace(bounds, events=3))
    for number in range(2, 8):
        await lab.commit(entry(f"<number>{number}</number>"))
    await lab.caller(2).got("netconf-config-change", 6)
    loop = asyncio.get_running_loop()
    lab.context.subscriptions.look(loop.time() + 10)
    assert lab.context.subscriptions.of(id).state.value == "suspended"
    (shown,) = [s for s in await subscriptions_of(lab, 1) if s.findtext("{*}id") == str(id)]
    assert shown.findtext(".//{*}state") == "suspended"
    never.set()


async def test_it_is_told_what_it_missed_and_goes_on_with_the_newest(lab: Lab) -> None:
    slow = Remembering(9)
    turns = asyncio.Semaphore(0)
    remember = slow._send

    async def send(message: bytes) -> None:
        await turns.acquire()
        await remember(message)

    slow._send = send  # type: ignore[method-assign]
    lab.callers[9] = slow
    id = id_of(await lab.do(establish(), 9))
    bounds = lab.context.subscriptions.bounds
    lab.context.subscriptions.take_over(replace(bounds, events=4))
    for number in range(1, 11):
        content = {"username": f"user{number}", "session-id": number}
        lab.context.stream.publish(
            Notification({"ietf-netconf-notifications:netconf-session-start": content})
        )
    await lab.until(lambda: lab.context.stream.last_number == 10)
    lab.context.subscriptions.look(asyncio.get_running_loop().time() + 10)
    for _ in range(6):
        turns.release()
    await slow.got("user10<")
    assert kinds(slow) == [
        "netconf-session-start",
        "subscription-suspended",
        "subscription-resumed",
        "notifications-missed",
        "netconf-session-start",
        "netconf-session-start",
    ]
    assert b"<count>7</count>" in slow.sent[3]  # of ten, one was on its way and two were kept
    assert lab.context.subscriptions.of(id).counters.missed == 7
