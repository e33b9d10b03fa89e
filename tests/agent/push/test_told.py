"""What is written of subscriptions: errors with their identities, notifications, state."""

from __future__ import annotations

import pytest
from lxml import etree

from agent.netconf.messages import rpc_error
from agent.push.bodies import Described, changed, identity_leaf, leaf, row, subscriptions
from agent.push.refusal import (
    DELETE,
    ESTABLISH_STREAM,
    FILTER_UNSUPPORTED,
    NO_SUCH_SUBSCRIPTION,
    SN_NS,
    Declined,
)
from agent.push.source import Counters
from agent.push.subscription import State
from agent.yang.invocation import notification_tree
from agent.yang.nodes import XML
from agent.yang.schema import Schema
from agent.yang.tree import Tree

OTHER = "urn:ietf:params:xml:ns:yang:ietf-yang-push"
NAMESPACES = {
    "ietf-subscribed-notifications": ("sn", SN_NS),
    "ietf-yang-push": ("yp", OTHER),
}


def identity_of(leaf: etree._Element) -> tuple[str, str]:
    """Return (namespace, name) of the identity in a leaf, as whoever reads it must."""
    prefix, _, name = (leaf.text or "").strip().rpartition(":")
    return leaf.nsmap[prefix or None], name


def test_rfc8640_7_an_error_is_an_identity_and_a_structure() -> None:
    error = Declined(FILTER_UNSUPPORTED, "it is no XPath", hints={"filter-failure-hint": "a < b"})
    told = etree.fromstring(rpc_error(error.told_in(ESTABLISH_STREAM), NAMESPACES, {}))
    assert told.findtext("error-type") == "application"
    assert told.findtext("error-tag") == "operation-failed"
    assert told.findtext("error-app-tag") == FILTER_UNSUPPORTED
    structure = told.find(f"error-info/{{{SN_NS}}}establish-subscription-stream-error-info")
    assert [etree.QName(child).localname for child in structure] == ["reason", "filter-failure-hint"]
    assert identity_of(structure[0]) == (SN_NS, "filter-unsupported")
    assert structure[1].text == "a < b"


def test_an_identity_of_another_module_is_written_with_its_namespace() -> None:
    error = Declined("ietf-yang-push:period-unsupported", "too short", hints={"period-hint": "100"})
    told = etree.fromstring(rpc_error(error.told_in(ESTABLISH_STREAM), NAMESPACES, {}))
    assert identity_of(told.find(".//{*}reason")) == (OTHER, "period-unsupported")
    assert told.findtext(".//{*}period-hint") == "100"


def test_the_client_s_prefix_is_used_if_it_has_one() -> None:
    error = Declined(NO_SUCH_SUBSCRIPTION, "there is none").told_in(DELETE)
    told = rpc_error(error, NAMESPACES, {SN_NS: "mine"})
    assert b">mine:no-such-subscription<" in told
    assert identity_of(etree.fromstring(told).find(".//{*}reason")) == (SN_NS, "no-such-subscription")


def test_a_reason_of_any_module_can_be_told() -> None:
    for identity, uri in ((NO_SUCH_SUBSCRIPTION, SN_NS), ("ietf-yang-push:unchanging-selection", OTHER)):
        written = identity_leaf("reason", identity, {"ietf-yang-push": OTHER})
        assert identity_of(etree.fromstring(written)) == (uri, identity.partition(":")[2])


def described(number: int, members: bytes, state: State = State.ACTIVE) -> Described:
    counters = Counters(sent=3, excluded=2, missed=1)
    return Described(number, members, stop_time=None, receiver="<7>", state=state, counters=counters)


def test_state_fits_the_module(schema: Schema) -> None:
    written = subscriptions(
        [
            row(described(1, leaf("stream", "NETCONF"))),
            row(described(2, leaf("stream", "a & b"), State.SUSPENDED)),
        ]
    )
    tree = Tree.parse(schema, written, format=XML)
    back = etree.fromstring(tree.to_xml())
    assert [each.findtext("{*}stream") for each in back] == ["NETCONF", "a & b"]
    receiver = back[1].find("{*}receivers/{*}receiver")
    assert {etree.QName(child).localname: child.text for child in receiver} == {
        "name": "<7>",
        "sent-event-records": "3",
        "excluded-event-records": "2",
        "state": "suspended",
        "missed-event-records": "1",
    }


def test_no_subscription_is_no_state() -> None:
    assert subscriptions([]) == b""


@pytest.mark.parametrize("name", ["subscription-resumed", "replay-completed"])
def test_rfc8639_2_7_a_state_change_fits_the_module(schema: Schema, name: str) -> None:
    _, node = notification_tree(schema, changed(name, 7), xml=True)
    assert node.name == name
