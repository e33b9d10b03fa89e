"""Counterparts of netopeer2's programs filter, with_defaults and rpc, by the names of their cases."""

from __future__ import annotations

import re

import pytest

from tests.agent.handlers import Lab
from tests.agent.lab import EC, entry, top
from tests.agent.operations.guarded import acme
from tests.agent.operations.test_with_defaults import TAGGED, WD

ORDER = f'<order xmlns="{EC}">leaf-at-the-top</order>'
TWO = top(
    "<entry><id>1</id><number>1</number><word>a</word></entry>"
    "<entry><id>2</id><number>2</number><word>b</word></entry>"
)
OTHER = acme("<interface><name>eth0</name><mtu>1500</mtu></interface>")
COLLECTED = ORDER + TWO + OTHER
PIECES = {"1": "<id>1</id>", "2": "<id>2</id>", "order": "leaf-at-the-top", "eth0": "<name>eth0</name>"}


def xpath(select: str) -> str:
    return f'<filter type="xpath" xmlns:acme="http://example.com/ns/acme" select="{select}"/>'


def subtree(body: str) -> str:
    return f"<filter>{body}</filter>"


# What of the pieces is there after each filter.
FILTERS = {
    "test_xpath_basic": (xpath("/ec:top"), {"1", "2"}),
    "test_xpath_boolean_operator": (xpath("/ec:top/ec:entry[ec:number='2' and ec:word='b']"), {"2"}),
    "test_xpath_union": (xpath("/ec:top/ec:entry[ec:id='1'] | /acme:interfaces"), {"1", "eth0"}),
    "test_xpath_namespaces": (xpath("/acme:interfaces/acme:interface"), {"eth0"}),
    "test_xpath_top_level_leaf_match": (xpath("/ec:order[.='leaf-at-the-top']"), {"order"}),
    "test_subtree_content_match": (subtree(top("<entry><word>b</word></entry>")), {"2"}),
    "test_subtree_content_match_top_level_leaf": (subtree(ORDER), {"order"}),
    "test_subtree_selection_node": (subtree(f'<order xmlns="{EC}"/>'), {"order"}),
    "test_subtree_nested_selection_node": (subtree(top("<entry><id/></entry>")), {"1", "2"}),
    "test_subtree_no_namespace": (subtree('<top xmlns=""><entry><id>1</id></entry></top>'), {"1"}),
    "test_get_selection_node": (subtree(acme("<interface/>")), {"eth0"}),
    "test_get_containment_node": (subtree(top("<entry/>")), {"1", "2"}),
    "test_get_content_match_node": (subtree(top("<entry><id>1</id></entry>")), {"1"}),
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("operation", ["get", "get-config"])
async def test_filter(lab: Lab, name: str, operation: str) -> None:
    await lab.commit(COLLECTED)
    filter_, pieces = FILTERS[name]
    source = "<source><running/></source>" if operation == "get-config" else ""
    reply = await lab.do(f"<{operation}>{source}{filter_}</{operation}>")
    assert {piece for piece, text in PIECES.items() if text in reply} == pieces


async def test_filter_get_oper_data(lab: Lab) -> None:
    """State with the configuration that it belongs to, by a filter on either, and alone by get-data."""
    await lab.commit(COLLECTED)
    for filter_ in (
        subtree(top("<entry><id>1</id><state/></entry>")),
        xpath("/ec:top/ec:entry[ec:id='1']/ec:state"),
    ):
        reply = await lab.do(f"<get>{filter_}</get>")
        assert "<seen>1</seen>" in reply
        assert "<number>" not in reply
    nmda = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
    reply = await lab.do(
        f'<get-data xmlns="{nmda}" xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">'
        f"<datastore>ds:operational</datastore><subtree-filter>{top('')}</subtree-filter></get-data>"
    )
    assert reply.count("<seen>1</seen>") == 2


SET = {"nothing": "", "non-default": "<speed>7</speed>", "default": "<speed>100</speed>"}
SEVEN, HUNDRED = "<speed>7</speed>", "<speed>100</speed>"
IMPLICIT = f"<speed {TAGGED}>100</speed>"
# What was set, how it is asked for, what is shown of the leaf with the default 100.
DEFAULTS = {
    "test_all_nothing_set": ("nothing", "report-all", HUNDRED),
    "test_all_non_default_set": ("non-default", "report-all", SEVEN),
    "test_all_tag_non_default_set": ("non-default", "report-all-tagged", SEVEN),
    "test_trim_non_default_set": ("non-default", "trim", SEVEN),
    "test_explicit_non_default_set": ("non-default", "explicit", SEVEN),
    "test_all_set_all": ("default", "report-all", HUNDRED),
    "test_all_tag_set_all": ("default", "report-all-tagged", IMPLICIT),
    "test_trim_set_all": ("default", "trim", ""),
    "test_explicit_all_set": ("non-default", "explicit", SEVEN),
    "test_explicit_all_set_default": ("default", "explicit", HUNDRED),
}


@pytest.mark.parametrize("name", DEFAULTS)
async def test_with_defaults(lab: Lab, name: str) -> None:
    was_set, mode, shown = DEFAULTS[name]
    await lab.commit(entry(f"<plain>{SET[was_set]}</plain>"))
    ask = f'<source><running/></source><with-defaults xmlns="{WD}">{mode}</with-defaults>'
    reply = await lab.do(f"<get-config>{ask}</get-config>")
    found = re.search("<speed.*</speed>", reply)
    assert (found[0] if found else "") == shown


CONFIG = "<get-config><source><running/></source></get-config>"


async def test_rpc_lock_changes(lab: Lab) -> None:
    """test_lock_basic, test_lock_fail, test_lock_changes, test_unlock and test_unlock_fail."""
    await lab.do("<lock><target><running/></target></lock>")
    (error,) = await lab.refused("<lock><target><running/></target></lock>", 2)
    assert (error.tag, error.info) == ("lock-denied", {"session-id": "1"})
    await lab.edit(entry("<number>2</number>"), 2)
    assert [error.tag for error in await lab.refused("<commit/>", 2)] == ["in-use"]
    (error,) = await lab.refused("<unlock><target><running/></target></unlock>", 2)
    assert error.tag == "operation-failed"
    await lab.do("<unlock><target><running/></target></unlock>")
    await lab.do("<commit/>", 2)
    assert "<number>2" in await lab.do(CONFIG)
    assert [e.tag for e in await lab.refused("<unlock><target><running/></target></unlock>")] == [
        "operation-failed"
    ]


async def test_rpc_answers(lab: Lab) -> None:
    """test_get, test_getconfig, test_commit, test_discard and test_validate."""
    assert "<yang-library" in await lab.do("<get/>")
    assert await lab.do(CONFIG) == "<data/>"
    for operation in ("<commit/>", "<discard-changes/>", "<validate><source><running/></source></validate>"):
        assert await lab.do(operation) == ""  # of which the session makes <ok/>
