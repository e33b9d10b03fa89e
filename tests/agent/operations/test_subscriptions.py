"""establish-subscription to event streams: filters, what is refused, and bounds (RFC 8639, RFC 8640)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.push.refusal import SN_NS
from tests.agent.handlers import Lab, Remembering
from tests.agent.lab import entry
from tests.agent.operations.subscribing import (
    ALL,
    BASE_EVENTS,
    CHANGES,
    STARTS,
    delete,
    establish,
    id_of,
    identity_and_hint,
    modify,
    subscriptions_of,
    xpath,
)

CREATE = '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>'


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
