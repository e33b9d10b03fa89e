"""establish-subscription to a datastore, and what is sent (RFC 8641 section 4.4)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from agent.operations.publisher import Bounds
from tests.agent.push.linked import edits, modify, periodic, subtree, xpath
from tests.agent.push.links import ALL, SN, YP, PushLab, datastore, establish, link_path, on_change
from tests.agent.push.states import CH


async def test_the_update_of_an_on_change_subscription_to_the_letter(lab: PushLab) -> None:
    number = await lab.establish(
        datastore() + xpath("/ch:links/ch:link[ch:name='a']/ch:state/ch:status") + on_change()
    )
    first = await lab.lab.caller(1).got("push-update")
    assert (
        first.partition(b"</eventTime>")[2]
        == (
            f'<push-update xmlns="{YP}"><id>{number}</id><datastore-contents><links xmlns="{CH}">'
            f'<link xmlns="{CH}"><name>a</name><state><status>up</status></state></link></links>'
            "</datastore-contents></push-update></notification>"
        ).encode()
    )
    lab.set_state("a", {"status": "down", "octets": "2"})
    second = await lab.lab.caller(1).got("push-change-update")
    assert (
        second.partition(b"</eventTime>")[2]
        == (
            f'<push-change-update xmlns="{YP}"><id>{number}</id><datastore-changes><yang-patch>'
            "<patch-id>0</patch-id><edit><edit-id>1</edit-id><operation>replace</operation>"
            "<target>/changing:links/link=a/state/status</target>"
            f'<value><status xmlns="{CH}">down</status></value></edit></yang-patch></datastore-changes>'
            "</push-change-update></notification>"
        ).encode()
    )


async def test_what_always_changes_is_in_periodic_updates_only(lab: PushLab) -> None:
    await lab.establish(datastore() + ALL + on_change())
    await lab.establish(datastore() + ALL + periodic(6000), session_id=2)
    changes = await lab.lab.caller(1).got("push-update")
    assert b"octets" not in changes
    assert b"uptime" not in changes
    assert b"status" in changes
    whole = await lab.lab.caller(2).got("push-update")
    assert b"<octets>1</octets>" in whole
    assert b"<uptime>1</uptime>" in whole
    lab.set_state("a", {"status": "up", "octets": "99"})
    lab.set_state("a", {"status": "down", "octets": "100"})
    assert edits(await lab.lab.caller(1).got("push-change-update")) == [
        "replace /changing:links/link=a/state/status"
    ]


@pytest.mark.parametrize("name", ["running", "candidate"])
async def test_configuration_of_running_and_of_the_candidate(lab: PushLab, name: str) -> None:
    links = f'<subtree-filter><links xmlns="{CH}"/></subtree-filter>'
    await lab.establish(datastore(name) + subtree(f'<links xmlns="{CH}"/>') + on_change())
    reader = lab.follow()
    await reader.until(await lab.shown(datastore=name, filter_=links))
    await lab.lab.edit(
        f'<links xmlns="{CH}"><link><name>a</name><mtu>9000</mtu></link><link><name>b</name></link></links>'
    )
    await reader.until(await lab.shown(datastore=name, filter_=links))
    assert bool(reader.subscriber.patches) is (name == "candidate")
    await lab.lab.do("<discard-changes/>")
    await reader.until(await lab.shown(datastore=name, filter_=links))
    await lab.configure("<link><name>c</name></link>")
    await reader.until(await lab.shown(datastore=name, filter_=links))
    lab.set_state("c", {"status": "up"})
    assert reader.subscriber.syncs == 1


async def test_a_filter_that_compares_beside_what_it_selects(lab: PushLab) -> None:
    """It cannot be looked at in part."""
    filter_ = "/ch:links/ch:link[../ch:link/ch:name='b']/ch:note"
    await lab.establish(datastore("running") + xpath(filter_) + on_change())
    reader = lab.follow()
    await lab.configure("<link><name>a</name><note>x</note></link>")
    await lab.configure("<link><name>b</name></link>")
    shown = f'<xpath-filter xmlns:ch="{CH}">{filter_}</xpath-filter>'
    await reader.until(await lab.shown(datastore="running", filter_=shown))
    assert b"<note" in b"".join(reader.updates)


async def test_sync_on_start_false_sends_changes_only(lab: PushLab) -> None:
    await lab.establish(datastore() + ALL + on_change("<yp:sync-on-start>false</yp:sync-on-start>"))
    lab.set_state("a", {"status": "down"})
    await lab.lab.caller(1).got("push-change-update")
    assert not any(b"push-update" in message for message in lab.lab.caller(1).sent)


async def test_excluded_change(lab: PushLab) -> None:
    await lab.establish(datastore() + ALL + on_change("<yp:excluded-change>replace</yp:excluded-change>"))
    await lab.lab.caller(1).got("push-update")
    lab.set_state("a", {"status": "down"})
    lab.set_state("a", {"status": "down", "peer": ["x"]})
    assert edits(await lab.lab.caller(1).got("push-change-update")) == [
        "create /changing:links/link=a/state/peer=x"
    ]


async def test_nobody_is_sent_what_he_may_not_read(lab: PushLab) -> None:
    await lab.lab.commit(
        '<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><groups><group><name>few</name>'
        "<user-name>guest</user-name></group></groups><rule-list><name>few</name><group>few</group>"
        f"<rule><name>no-b</name><path xmlns:ch=\"{CH}\">/ch:links/ch:link[ch:name='b']</path>"
        "<access-operations>read</access-operations><action>deny</action></rule></rule-list></nacm>"
    )
    lab.lab.caller(2).user = "guest"
    await lab.establish(datastore() + ALL + on_change(), session_id=2)
    reader = lab.follow(2)
    await lab.configure("<link><name>b</name><note>hidden</note></link>")
    lab.set_state("b", {"status": "hidden"})
    await lab.configure("<link><name>c</name></link>")
    await reader.until(await lab.shown(2))
    assert b"hidden" not in b"".join(reader.updates)
    # What becomes readable comes, and what becomes unreadable goes.
    await lab.lab.commit(
        '<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><rule-list><name>few</name>'
        "<rule><name>no-b</name><action>permit</action></rule></rule-list></nacm>"
    )
    await reader.until(await lab.shown(2))
    assert b"hidden" in b"".join(reader.updates)
    await lab.lab.commit(
        '<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><rule-list><name>few</name>'
        "<rule><name>no-b</name><action>deny</action></rule></rule-list></nacm>"
    )
    await reader.until(await lab.shown(2))
    assert edits(reader.updates[-1]) == ["delete /changing:links/link=b"]
    assert reader.subscriber.syncs == 1


async def test_periods_and_a_stop_time(lab: PushLab) -> None:
    lab.context.publisher.bounds = Bounds(period_cs=1)
    stop = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    await lab.establish(f"<stop-time>{stop}</stop-time>" + datastore() + ALL + periodic(5))
    await lab.lab.caller(1).got("push-update", 2)
    await asyncio.wait(lab.lab.caller(1).followers)
    assert "<subscription>" not in await lab.lab.do(
        f'<get><filter><subscriptions xmlns="{SN}"/></filter></get>'
    )


async def test_an_anchor(lab: PushLab) -> None:
    """The first update comes with the next whole period from it, not at once."""
    lab.context.publisher.bounds = Bounds(period_cs=1)
    later = datetime.now(UTC) + timedelta(seconds=0.3)
    await lab.establish(datastore() + ALL + periodic(360000, later.isoformat()))
    message = await lab.lab.caller(1).got("push-update")
    told = datetime.fromisoformat(etree.fromstring(message).findtext("{*}eventTime"))
    assert told >= later.replace(microsecond=later.microsecond // 1000 * 1000)


@pytest.mark.parametrize("policy", [periodic(), on_change()])
async def test_a_stop_time_in_the_past_is_refused(lab: PushLab, policy: str) -> None:
    past = "<stop-time>2020-01-01T00:00:00Z</stop-time>"
    number = await lab.establish(datastore() + ALL + policy)
    for request in (establish(past + datastore() + ALL + policy), modify(number, past + datastore())):
        (error,) = await lab.lab.refused(request)
        assert (error.tag, error.info) == ("bad-element", {"bad-element": "stop-time"})
    assert len(lab.context.subscriptions.of_session(1)) == 1


@pytest.mark.parametrize("anchor", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"])
async def test_anchors_and_stop_times_that_utc_has_no_year_for_are_refused(lab: PushLab, anchor: str) -> None:
    (error,) = await lab.lab.refused(establish(datastore() + ALL + periodic(100, anchor)))
    assert (error.tag, error.info) == ("invalid-value", {"bad-element": "anchor-time"})
    late = "<stop-time>9999-12-31T23:59:59-14:00</stop-time>"
    (error,) = await lab.lab.refused(establish(late + datastore() + ALL + on_change()))
    assert (error.tag, error.info) == ("invalid-value", {"bad-element": "stop-time"})
    number = await lab.establish(datastore() + ALL + on_change())
    (error,) = await lab.lab.refused(modify(number, late + datastore()))
    assert (error.tag, error.info) == ("invalid-value", {"bad-element": "stop-time"})


@pytest.mark.parametrize("anchor", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
async def test_the_first_and_the_last_anchor_that_there_are(lab: PushLab, anchor: str) -> None:
    lab.context.publisher.bounds = Bounds(period_cs=1)
    await lab.establish(datastore() + ALL + periodic(1, anchor))
    await lab.lab.caller(1).got("push-update", 2)


async def test_subscribers_to_the_same_share_what_is_read(lab: PushLab) -> None:
    for session in (1, 2):
        for _ in range(10):
            await lab.establish(datastore() + ALL + on_change(), session)
        await lab.lab.caller(session).got("push-update", 10)
    assert len(lab.context.publisher.watches) == 1
    lab.links.asked_for.clear()
    lab.set_state("a", {"status": "down"})
    for session in (1, 2):
        await lab.lab.caller(session).got("push-change-update", 10)
    assert lab.links.asked_for == [("a",)]


async def test_nobody_is_asked_about_what_has_not_changed(lab: PushLab) -> None:
    await lab.configure(*(f"<link><name>n{number}</name></link>" for number in range(20)))
    await lab.establish(datastore() + ALL + on_change())
    reader = lab.follow()
    await reader.until(await lab.shown())
    lab.links.asked_for.clear()
    lab.links.roots_asked = 0
    lab.set_state("n7", {"status": "down"})
    await lab.lab.caller(1).got("push-change-update")
    assert lab.links.asked_for == [("n7",)]
    assert not lab.links.roots_asked


async def test_who_is_gone_leaves_nothing_behind(lab: PushLab) -> None:
    number = await lab.establish(datastore() + ALL + on_change())
    await lab.lab.caller(1).got("push-update")
    await lab.lab.do(f'<delete-subscription xmlns="{SN}"><id>{number}</id></delete-subscription>')
    assert len(lab.context.publisher.watches) == 0
    assert not lab.context.publisher.when_rules_changed
    assert lab.context.publisher.watches.octets == 0


async def test_what_a_subscription_is_to_is_state(lab: PushLab) -> None:
    only_a = subtree(f'<links xmlns="{CH}"><link><name>a</name></link></links>')
    await lab.establish(datastore() + only_a + on_change("<yp:dampening-period>7</yp:dampening-period>"))
    reply = await lab.lab.do(f'<get><filter><subscriptions xmlns="{SN}"/></filter></get>')
    data = etree.fromstring(reply.encode())
    assert data.findtext(".//{*}on-change/{*}dampening-period") == "7"
    assert data.findtext(f".//{{{YP}}}datastore-subtree-filter/{{{CH}}}links//{{{CH}}}name") == "a"
    assert data.findtext(f".//{{{YP}}}datastore").rpartition(":")[2] == "operational"


async def test_what_grows_too_large_is_suspended_until_it_fits_again(lab: PushLab) -> None:
    await lab.establish(datastore() + ALL + on_change())
    caller = lab.lab.caller(1)
    await caller.got("push-update")
    lab.context.publisher.bounds = Bounds(update_octets=3000)
    lab.set_state("a", {"status": "x" * 10_000})
    told = await caller.got("subscription-suspended")
    assert b"update-too-big" in told


def test_paths_of_state_with_both_kinds_of_quotes() -> None:
    assert link_path("it's") == '/changing:links/link[name="it\'s"]'
