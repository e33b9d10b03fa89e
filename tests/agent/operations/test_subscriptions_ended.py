"""Subscriptions that are deleted or killed, and who may see them and what they tell (RFC 8639, RFC 8341)."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import pytest

from agent.push.refusal import SN_NS
from tests.agent.handlers import Lab
from tests.agent.lab import entry
from tests.agent.operations.guarded import JOE, interfaces, path, rule, rule_list, ruled
from tests.agent.operations.subscribing import (
    ALL,
    BASE_EVENTS,
    CHANGES,
    delete,
    establish,
    id_of,
    identity_and_hint,
    kill,
    modify,
    subscriptions_of,
    xpath,
)

# -- ended ---------------------------------------------------------------------------------------


async def test_deleted_it_sends_nothing_any_more(lab: Lab) -> None:
    id = id_of(await lab.do(establish()))
    await lab.do(delete(id))
    await lab.commit(entry("<number>2</number>"))
    await lab.until(lambda: lab.context.stream.last_number == 1)
    assert lab.caller(1).sent == []
    (error,) = await lab.refused(delete(id))
    assert identity_and_hint(error, lab.context.schema)[:2] == (
        "ietf-subscribed-notifications:no-such-subscription",
        "delete-subscription-error-info",
    )


async def test_only_who_established_it_may_modify_or_delete_it(lab: Lab) -> None:
    id = id_of(await lab.do(establish(), 1))
    for attempt in (modify(id, CHANGES), delete(id)):
        (error,) = await lab.refused(attempt, 2)
        assert error.app_tag == "ietf-subscribed-notifications:no-such-subscription"
    assert lab.context.subscriptions.of(id)


async def test_killed_its_subscriber_is_told(two: Lab) -> None:
    id = id_of(await two.do(establish(), 2))
    await two.do(kill(f"+{id}"), 1)
    told = await two.caller(2).got("subscription-terminated")
    assert b">sn:no-such-subscription</reason>" in told
    (error,) = await two.refused(kill(id), 1)
    assert error.app_tag == "ietf-subscribed-notifications:no-such-subscription"


async def test_kill_is_denied_to_who_is_not_permitted_by_name(two: Lab) -> None:
    id = id_of(await two.do(establish(), 1))
    (error,) = await two.refused(kill(id), 2)
    assert error.tag == "access-denied"
    assert two.context.subscriptions.of(id)


# -- access control, state -----------------------------------------------------------------------


async def test_an_event_that_may_not_be_read_is_excluded(lab: Lab) -> None:
    what = "<module-name>ietf-netconf-notifications</module-name>"
    what += "<notification-name>netconf-config-change</notification-name>"
    await ruled(lab, rule_list("l", ["limited"], rule("no", "deny", what)))
    await lab.until(lambda: lab.context.stream.last_number == 1)
    id = id_of(await lab.do(establish(), JOE))
    await lab.commit(entry("<number>2</number>"))
    await lab.until(lambda: lab.context.subscriptions.of(id).counters.excluded == 1)
    assert lab.caller(JOE).sent == []


async def test_of_an_event_nothing_is_told_that_may_not_be_read(lab: Lab) -> None:
    hidden = path("/acme:interfaces/acme:interface[acme:name='eth0']")
    await ruled(lab, rule_list("l", ["limited"], rule("no", "deny", hidden)))
    await lab.do(establish(), JOE)
    selected = "/n:netconf-config-change/n:edit[contains(n:target, 'eth0')]"
    spying = id_of(await lab.do(establish(xpath(selected)), JOE))
    await lab.commit(interfaces(eth0="<mtu>1</mtu>", eth1="<mtu>1</mtu>"))
    told = await lab.caller(JOE).got("eth1")
    assert b"eth0" not in told
    await lab.until(lambda: lab.context.subscriptions.of(spying).counters.excluded == 1)


async def test_state_shows_each_with_its_receiver(two: Lab) -> None:
    await two.do(establish(ALL + CHANGES), 1)
    await two.do(establish(xpath("count(/n:netconf-session-start) = 1")), 2)
    one, other = await subscriptions_of(two, 1)
    assert one.findtext("{*}stream") == "NETCONF"
    assert one.find("{*}stream-subtree-filter/{*}netconf-config-change") is not None
    receiver = one.find("{*}receivers/{*}receiver")
    assert receiver.findtext("{*}name") == "session 1 of tester"
    assert receiver.findtext("{*}state") == "active"
    assert receiver.findtext("{*}missed-event-records") == "0"
    assert other.findtext(".//{*}name") == "session 2 of reader"
    filter_ = other.find("{*}stream-xpath-filter")
    prefix = (filter_.text or "").partition("/")[2].partition(":")[0]
    assert filter_.nsmap[prefix] == BASE_EVENTS


@pytest.mark.parametrize("stop", ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999+14:00"])
async def test_the_last_times_that_there_are_can_be_shown(lab: Lab, stop: str) -> None:
    window = f"<replay-start-time>0001-01-01T00:00:00Z</replay-start-time><stop-time>{stop}</stop-time>"
    id = id_of(await lab.do(establish(ALL + window)))
    await lab.do(modify(id, f"{CHANGES}<stop-time>{stop}</stop-time>"))
    await lab.caller(1).got("subscription-modified")
    (shown,) = await subscriptions_of(lab, 1)
    assert shown.findtext("{*}stop-time").startswith("9999-12-31T")


async def test_one_that_cannot_be_shown_hides_no_other_and_is_logged_once(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = [id_of(await lab.do(establish())) for _ in range(2)]
    lab.context.subscriptions.of(one).stop = datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=14)))
    for _ in range(2):
        (shown,) = await subscriptions_of(lab, 1)
        assert shown.findtext("{*}id") == str(other)
    assert caplog.text.count(f"subscription {one} is left out") == 1


async def test_others_have_their_turn_while_many_are_told_of(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.subscriptions.TURN", 2)
    ids = [id_of(await lab.do(establish())) for _ in range(6)]
    shown = asyncio.ensure_future(lab.context.subscriptions.state())
    await asyncio.sleep(0)
    lab.context.subscriptions.of(ids[-1]).delete()
    assert not shown.done()
    assert (await shown).count(b"<subscription>") == 5


async def test_state_is_read_under_access_control(lab: Lab) -> None:
    what = f'<path xmlns:sn="{SN_NS}">/sn:subscriptions</path>'
    await ruled(lab, rule_list("l", ["limited"], rule("no", "deny", what)))
    await lab.do(establish(), 1)
    assert len(await subscriptions_of(lab, 1)) == 1
    assert await subscriptions_of(lab, JOE) == []


@pytest.mark.parametrize("name", ["subscriptions", "filters"])
async def test_neither_subscriptions_nor_filters_can_be_configured(lab: Lab, name: str) -> None:
    (error,) = await lab.refused(
        f'<edit-config><target><candidate/></target><config><{name} xmlns="{SN_NS}"/></config></edit-config>'
    )
    assert (error.tag, error.info["bad-element"]) == ("unknown-element", name)
    assert "state data" in error.message
    reply = await lab.do("<get-config><source><running/></source></get-config>")
    assert SN_NS not in reply
