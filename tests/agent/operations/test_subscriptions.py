"""establish-, modify-, delete- and kill-subscription to event streams (RFC 8639, RFC 8640)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from agent.errors import RpcError
from agent.netconf.messages import rpc_error
from agent.notifications import time_text
from agent.operations import streams
from agent.operations.context import Caller, Context
from agent.operations.subscribe import look_at
from agent.push.refusal import SN_NS
from agent.translator import Notification
from agent.yang.invocation import notification_tree
from agent.yang.schema import Schema
from tests.agent.handlers import Lab, Remembering, running_lab
from tests.agent.lab import entry
from tests.agent.operations.guarded import JOE, TERRY, interfaces, path, rule, rule_list, ruled

BASE_EVENTS = "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"
CREATE = '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>'
ALL = "<stream>NETCONF</stream>"
CHANGES = f'<stream-subtree-filter><netconf-config-change xmlns="{BASE_EVENTS}"/></stream-subtree-filter>'
STARTS = f'<stream-subtree-filter><netconf-session-start xmlns="{BASE_EVENTS}"/></stream-subtree-filter>'


def establish(body: str = ALL) -> str:
    return f'<establish-subscription xmlns="{SN_NS}">{body}</establish-subscription>'


def modify(id: int, body: str) -> str:
    return f'<modify-subscription xmlns="{SN_NS}"><id>{id}</id>{body}</modify-subscription>'


def delete(id: int | str) -> str:
    return f'<delete-subscription xmlns="{SN_NS}"><id>{id}</id></delete-subscription>'


def kill(id: int | str) -> str:
    return f'<kill-subscription xmlns="{SN_NS}"><id>{id}</id></kill-subscription>'


def xpath(expression: str, declared: str = f'xmlns:n="{BASE_EVENTS}"') -> str:
    return f"{ALL}<stream-xpath-filter {declared}>{expression}</stream-xpath-filter>"


def at(seconds: float) -> str:
    return time_text(datetime.now(UTC) + timedelta(seconds=seconds))


def id_of(reply: str) -> int:
    found = re.match(rf'<id xmlns="{SN_NS}">(\d+)</id>', reply)
    assert found is not None
    return int(found[1])


def kinds(caller: Remembering) -> list[str]:
    return [re.findall(rb"</eventTime><([\w-]+)", message)[0].decode() for message in caller.sent]


def identity_and_hint(error: RpcError, schema: Schema) -> tuple[str, str, str]:
    """Return the error-app-tag, and what the one structure of error-info says."""
    written = etree.fromstring(rpc_error(error, schema.namespaces(), {}))
    (structure,) = written.find("error-info")
    reason = structure.findtext("{*}reason")
    assert reason == f"sn:{(error.app_tag or '').partition(':')[2]}"
    return error.app_tag or "", etree.QName(structure).localname, structure.findtext("{*}filter-failure-hint")


@pytest.fixture
async def two(schema: Schema, tmp_path: Path) -> AsyncIterator[Lab]:
    """A lab in which session 2 is of a user whom rules bind."""
    async with running_lab(schema, tmp_path) as made:
        made.callers[2] = Remembering(2, "reader")
        yield made


# -- established ---------------------------------------------------------------------------------


async def test_a_session_may_have_many_each_of_which_gets_its_events(lab: Lab) -> None:
    ids = [id_of(await lab.do(establish(body), 2)) for body in (ALL, ALL + CHANGES, ALL + STARTS)]
    assert len(set(ids)) == 3
    await lab.commit(entry("<number>2</number>"))
    await lab.caller(2).got("netconf-config-change", 2)
    counters = {each.id: each.counters for each in lab.context.subscriptions.of_session(2)}
    await lab.until(lambda: [counters[id].sent for id in ids] == [1, 1, 0])
    await lab.until(lambda: [counters[id].excluded for id in ids] == [0, 0, 1])
    assert lab.caller(1).sent == []


@pytest.mark.parametrize(
    "body",
    [
        ALL + CHANGES,
        xpath("/n:netconf-config-change"),
        xpath("n:netconf-config-change/n:edit"),
        xpath("/n:netconf-config-change[n:changed-by/n:username='tester']"),
        xpath("/n:netconf-config-change/n:changed-by/n:username = 'tester'"),
        xpath("count(n:netconf-config-change) > 0"),
        xpath("not(n:netconf-session-start)"),
        xpath("true()"),
        xpath("/ietf-netconf-notifications:netconf-config-change", declared=""),
        xpath("/nc:netconf-config-change", declared=f'xmlns:nc="{BASE_EVENTS}"'),
    ],
)
async def test_rfc8639_2_2_a_filter_that_is_true_lets_an_event_through(lab: Lab, body: str) -> None:
    await lab.do(establish(body), 2)
    await lab.commit(entry("<number>2</number>"))
    await lab.caller(2).got("netconf-config-change")


@pytest.mark.parametrize(
    "body",
    [
        ALL + STARTS,
        xpath("/n:netconf-session-start"),
        xpath("/n:netconf-config-change/n:changed-by/n:username = 'other'"),
        xpath("count(n:netconf-config-change) > 1"),
        xpath("not(n:netconf-config-change)"),
        xpath("false()"),
        xpath("0"),
        xpath("''"),
    ],
)
async def test_rfc8639_2_2_a_filter_that_is_not_leaves_it_out(lab: Lab, body: str) -> None:
    id = id_of(await lab.do(establish(body), 2))
    await lab.commit(entry("<number>2</number>"))
    counters = lab.context.subscriptions.of(id).counters
    await lab.until(lambda: counters.excluded == 1)
    assert (counters.sent, lab.caller(2).sent) == (0, [])


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (xpath("1 +"), "ends too early"),
        (xpath("1) or (1"), "left at the end"),
        (xpath("nn:a"), "nn"),
        (xpath("deref(.)"), "deref"),
        (xpath("/n:a[" + "1 + " * 30_000 + "1]"), ""),
        (ALL + "<stream-filter-name>mine</stream-filter-name>", "mine"),
        (
            ALL + "<stream-subtree-filter>"
            + f'<netconf-config-change xmlns="{BASE_EVENTS}"/>' * 1001 + "</stream-subtree-filter>",
            "1000",
        ),
        (
            ALL + f'<stream-subtree-filter><netconf-config-change xmlns="{BASE_EVENTS}">text'
            "<edit/></netconf-config-change></stream-subtree-filter>",
            "",
        ),
    ],
)  # fmt: skip
async def test_rfc8639_2_4_6_a_filter_that_cannot_be_used(lab: Lab, body: str, hint: str) -> None:
    for attempt, structure in (
        (establish(body), "establish-subscription-stream-error-info"),
        (
            modify(id_of(await lab.do(establish())), body.removeprefix(ALL)),
            "modify-subscription-stream-error-info",
        ),
    ):
        (error,) = await lab.refused(attempt)
        told = identity_and_hint(error, lab.context.schema)
        assert told[:2] == ("ietf-subscribed-notifications:filter-unsupported", structure)
        assert hint in told[2]
    assert len(lab.context.subscriptions.of_session(1)) == 1


@pytest.mark.parametrize(
    ("body", "tag", "bad"),
    [
        ("<stream>other</stream>", "invalid-value", "stream"),
        ("", "missing-element", "target"),
        (CHANGES, "missing-element", "stream"),
        (ALL + "<stop-time>2020-01-01T00:00:00Z</stop-time>", "bad-element", "stop-time"),
        (
            ALL + "<replay-start-time>2020-01-02T00:00:00Z</replay-start-time>"
            "<stop-time>2020-01-02T00:00:00Z</stop-time>",
            "bad-element",
            "stop-time",
        ),
        (
            ALL + "<replay-start-time>2999-01-01T00:00:00Z</replay-start-time>",
            "bad-element",
            "replay-start-time",
        ),
        (ALL + "<replay-start-time>now</replay-start-time>", "invalid-value", "replay-start-time"),
        (ALL + "<stop-time>2999-13-01T00:00:00Z</stop-time>", "invalid-value", "stop-time"),
        (ALL + "<stop-time>9999-12-31T23:59:59-14:00</stop-time>", "invalid-value", "stop-time"),
        (
            ALL + "<replay-start-time>0001-01-01T00:00:00+14:00</replay-start-time>",
            "invalid-value",
            "replay-start-time",
        ),
        (ALL + "<weighting>1</weighting>", "unknown-element", "weighting"),
        (ALL + "<dependency>1</dependency>", "unknown-element", "dependency"),
        (ALL + "<dscp>1</dscp>", "unknown-element", "dscp"),
        (ALL + "<encoding>encode-cbor</encoding>", "invalid-value", "encoding"),
        (ALL + ALL, "bad-element", "stream"),
        (ALL + CHANGES + xpath("true()").removeprefix(ALL), "bad-element", "stream-xpath-filter"),
    ],
)
async def test_parameters_that_are_refused(lab: Lab, body: str, tag: str, bad: str) -> None:
    (error,) = await lab.refused(establish(body))
    assert (error.tag, error.info["bad-element"]) == (tag, bad)
    assert lab.context.subscriptions.of_session(1) == []


@pytest.mark.parametrize("prefix", ["", "sn:"])
async def test_json_is_refused_by_its_identity(lab: Lab, prefix: str) -> None:
    encoding = f'<encoding xmlns:sn="{SN_NS}">{prefix}encode-json</encoding>'
    (error,) = await lab.refused(establish(ALL + encoding))
    assert error.app_tag == "ietf-subscribed-notifications:encoding-unsupported"
    await lab.do(establish(ALL + encoding.replace("json", "xml")))


async def test_there_are_no_more_than_the_limit_says(lab: Lab) -> None:
    subscriptions = lab.context.subscriptions
    subscriptions.take_over(replace(subscriptions.bounds, per_session=2))
    await lab.do(establish())
    id = id_of(await lab.do(establish()))
    (error,) = await lab.refused(establish())
    assert identity_and_hint(error, lab.context.schema)[0] == (
        "ietf-subscribed-notifications:insufficient-resources"
    )
    await lab.do(delete(id))
    await lab.do(establish())


async def test_what_the_subscriptions_of_a_user_are_to_is_bounded(
    two: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.subscriptions.OCTETS_PER_USER", 2000)
    two.callers[3] = Remembering(3, "reader")  # as session 2

    def padded(octets: int) -> str:
        return xpath(f"true() or '{'x' * octets}'")

    one, _ = [id_of(await two.do(establish(padded(700)), session_id)) for session_id in (2, 3)]
    longer = modify(one, padded(1200).removeprefix(ALL))
    for request in (establish(padded(700)), longer):
        (error,) = await two.refused(request, 2)
        assert error.app_tag == "ietf-subscribed-notifications:insufficient-resources"
    await two.do(establish(padded(700)), 1)  # of another user
    await two.do(delete(id_of(await two.do(establish(), 2))), 2)
    await two.do(modify(one, padded(750).removeprefix(ALL)), 2)
    assert len(await subscriptions_of(two, 1)) == 3


async def test_rfc8640_4_not_beside_create_subscription(lab: Lab) -> None:
    await lab.do(establish(), 1)
    (error,) = await lab.refused(CREATE, 1)
    assert error.tag == "operation-not-supported"
    await lab.do(CREATE, 2)
    (error,) = await lab.refused(establish(), 2)
    assert error.tag == "operation-not-supported"
    await lab.do(delete(1), 1)
    await lab.do(CREATE, 1)


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


async def subscriptions_of(lab: Lab, session_id: int) -> list[etree._Element]:
    reply = await lab.do(f'<get><filter><subscriptions xmlns="{SN_NS}"/></filter></get>', session_id)
    return list(etree.fromstring(reply).iter(f"{{{SN_NS}}}subscription"))


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


# -- many ----------------------------------------------------------------------------------------


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
