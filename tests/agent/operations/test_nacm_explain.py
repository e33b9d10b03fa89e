"""explain-access tells which rule decides."""

from __future__ import annotations

import pytest

from agent.errors import RpcError
from tests.agent.handlers import Lab, Remembering
from tests.agent.operations.guarded import (
    JOE,
    data_rules,
    explain,
    explained,
)


async def test_explain_says_which_rule_decides(lab: Lab) -> None:
    await data_rules(lab)
    asked = "<user>joe</user><path>/acme:interfaces/interface[name='dummy']</path>"
    assert await explained(lab, f"{asked}<access>update</access>") == {
        "action": "permit",
        "reason": "rule 'permit-dummy-interface' of rule-list 'guest-limited-acl' permits it",
        "rule-list": "guest-limited-acl",
        "rule": "permit-dummy-interface",
        "group": "limited",
    }
    answer = await explained(lab, f"{asked}<access>delete</access>")
    assert (answer["action"], answer["reason"]) == (
        "deny",
        "no rule is about it, and write-default is deny",
    )
    answer = await explained(lab, "<user>joe</user><path>/acme:interfaces/interface/password</path>")
    assert answer["reason"] == "it is protected (default-deny-all) and no rule permits it"
    answer = await explained(lab, "<user>guesty</user><path>/ietf-netconf-acm:nacm/groups/group</path>")
    assert (answer["action"], answer["rule"]) == ("deny", "deny-nacm")
    answer = await explained(lab, "<user>joe</user><operation>kill-session</operation>")
    assert answer["action"] == "deny"
    answer = await explained(lab, "<user>joe</user><notification>acme:alarm</notification>")
    assert answer["action"] == "deny"
    answer = await explained(lab, "<operation>acme:reboot</operation>")
    assert "recovery session" in answer["reason"]


async def test_explain_about_who_administers_the_agent_says_so_while_he_is_there(lab: Lab) -> None:
    await data_rules(lab)
    asked = "<user>root</user><operation>kill-session</operation>"
    assert (await explained(lab, asked))["action"] == "deny"
    lab.callers[2] = Remembering(2, "root", administers=True)
    assert "recovery session" in (await explained(lab, asked))["reason"]


async def test_explain_about_others_is_for_who_may_read_the_rules(lab: Lab) -> None:
    await data_rules(lab)
    own = await explained(lab, "<path>/acme:acme-netconf/other</path><access>create</access>", JOE)
    assert own["action"] == "deny"
    (error,) = await lab.refused(explain("<user>sam</user><operation>commit</operation>"), JOE)
    assert error.tag == "access-denied"


@pytest.mark.parametrize(
    ("body", "bad"),
    [
        ("<operation>fly</operation>", "operation"),
        ("<notification>fly</notification>", "notification"),
        ("<path>/acme:nowhere</path>", "path"),
        ("<path>/</path>", "path"),
        ("<path>nonsense</path>", "path"),
    ],
)
async def test_explain_of_what_does_not_exist(lab: Lab, body: str, bad: str) -> None:
    errors: list[RpcError] = await lab.refused(explain(body))
    assert [(e.tag, e.info["bad-element"]) for e in errors] == [("invalid-value", bad)]
