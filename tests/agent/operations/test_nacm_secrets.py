"""Where no secrets are read whatever rules permit, as on a web page."""

from __future__ import annotations

import pytest

from agent.nacm.access import Access
from agent.nacm.prune import prune
from agent.operations.selection import rights
from agent.operations.subscribe import door_for
from agent.yang.tree import Tree
from tests.agent.handlers import Lab
from tests.agent.operations.guarded import (
    EVERYTHING,
    SAM,
    filled,
    interface,
    path,
    rule,
    rule_list,
    ruled,
    seen,
)

ALL = rule_list("admin", ["admin"], rule("all", "permit", EVERYTHING))
PASSWORD = path("/acme:interfaces/acme:interface/acme:password")
ONE = rule_list("admin", ["admin"], rule("password", "permit", PASSWORD), rule("all", "permit", EVERYTHING))


def on_page(lab: Lab, session_id: int) -> Access:
    caller = lab.caller(session_id)
    caller.sees_secrets = False
    return lab.context.access(caller)


@pytest.mark.parametrize("rules", [(ALL,), (ONE,)], ids=["everything", "the leaf itself"])
async def test_none_is_read_whatever_rules_permit(lab: Lab, rules: tuple[str, ...]) -> None:
    await ruled(lab, *rules)
    await filled(lab)
    assert "hush-eth" in await seen(lab, SAM)
    on_page(lab, SAM)
    told = await seen(lab, SAM)
    assert "hush" not in told
    assert "<password" not in told
    assert "<mtu>9000</mtu>" in told
    compared = await lab.do(
        '<compare-commits xmlns="urn:yangswan:params:xml:ns:yang:agent"><from>beginning</from><as>text</as>'
        "</compare-commits>",
        SAM,
    )
    assert "9000" in compared
    assert "hush" not in compared


async def test_not_in_a_recovery_session_either(lab: Lab) -> None:
    await ruled(lab)
    await filled(lab)
    assert "hush-eth" in await seen(lab, 1)  # to which no rule applies
    assert on_page(lab, 1).free
    assert "hush" not in await seen(lab, 1)


async def test_other_rules_hold_as_well(lab: Lab) -> None:
    hidden = rule_list(
        "admin", ["admin"], rule("mtu", "deny", path("/acme:interfaces/acme:interface/acme:mtu"))
    )
    await ruled(lab, hidden)
    await filled(lab)
    on_page(lab, SAM)
    told = await seen(lab, SAM)
    assert "dummy" in told
    assert "mtu" not in told
    assert "hush" not in told


async def test_access_control_itself_is_no_secret(lab: Lab) -> None:
    await ruled(lab, ALL)
    on_page(lab, SAM)
    assert "<rule-list>" in await seen(lab, SAM)


async def test_one_can_be_written_all_the_same(lab: Lab) -> None:
    await ruled(lab, ALL)
    await filled(lab)
    on_page(lab, SAM)
    await lab.commit(interface("eth0", "<password>other</password>"), SAM)
    assert "<password>other</password>" in lab.running


async def test_what_may_be_read_is_told_apart(lab: Lab) -> None:
    """So that nothing that was read for one is sent to the other."""
    await ruled(lab, ALL)
    caller = lab.caller(SAM)
    all_of = lab.context.access(caller)
    page = on_page(lab, SAM)
    assert rights(all_of) != rights(page)
    assert (all_of.everything(["read"]), page.everything(["read"])) == (True, False)
    assert page.everything(["read"], but_secrets=True)
    assert page.everything(["create", "update", "delete"])
    assert lab.context.access(caller) is page
    assert door_for(lab.context, caller) is None  # events tell no secrets


async def test_a_tree_without_secrets_stays_as_it_is(lab: Lab) -> None:
    await ruled(lab, ALL)
    tree = Tree.parse(lab.context.schema, interface("eth0", "<mtu>1500</mtu>").encode())
    before = tree.to_xml()
    prune(on_page(lab, SAM), tree)
    assert tree.to_xml() == before


async def test_the_reason_is_said(lab: Lab) -> None:
    await ruled(lab, ALL)
    nodes = lab.context.schema.find("/acme:interfaces/interface/password")
    decision = on_page(lab, SAM).data((), nodes, "read")
    assert (decision.permit, "not sent to a web page" in decision.reason) == (False, True)
