"""Who may change nothing needs nothing that is of use to changes alone."""

from __future__ import annotations

import pytest

from agent.datastore.records import CommitInfo
from agent.errors import RpcErrors
from agent.nacm.factory import factory_rules
from tests.agent.handlers import Lab, Remembering
from tests.agent.operations.guarded import (
    AGENT,
    GUEST,
    JOE,
    NACM,
    NOBODY,
    SAM,
    TERRY,
    USERS,
    interface,
    path,
    rule,
    rule_list,
    ruled,
    seen,
)
from tests.requests import edit_candidate

DENY_WRITES = rule("n", "deny", path("/", "create update delete"))
WRITERS_ONLY = f'<writers-only xmlns="{AGENT}">true</writers-only>'
EDITING = {
    "lock": "<lock><target><candidate/></target></lock>",
    "lock of running": "<lock><target><running/></target></lock>",
    "discard-changes": "<discard-changes/>",
    "dry-run": f'<dry-run xmlns="{AGENT}"/>',
    "commit": "<commit/>",
    "cancel-commit": "<cancel-commit/>",
    "validate": "<validate><source><candidate/></source></validate>",
}


async def operation_answers(lab: Lab, session_id: int) -> set[str]:
    """Return the tags of the answers to all operations of EDITING; "" is ok."""
    found = set()
    for request in EDITING.values():
        try:
            found.add(await lab.do(request, session_id))
        except RpcErrors as problem:
            found |= {error.tag for error in problem.errors}
    return found


@pytest.mark.parametrize(
    ("rules", "session_id", "denied"),
    [
        ((), NOBODY, True),
        ((rule_list("l", ["*"], rule("w", "permit")),), NOBODY, True),
        ((rule_list("l", ["limited"], rule("r", "permit", path("/", "read"))),), JOE, True),
        ((rule_list("l", ["limited"], DENY_WRITES, rule("w", "permit", path("/"))),), JOE, True),
        ((rule_list("l", ["limited"], rule("w", "permit", path("/acme:interfaces", "update"))),), JOE, False),
        ((rule_list("l", ["limited"], rule("o", "permit", "<rpc-name>*</rpc-name>")),), JOE, False),
    ],
    ids=[
        "no group",
        "no group, whatever others may",
        "who reads",
        "all denied",
        "who changes a bit",
        "a rule",
    ],
)
async def test_who_may_change_nothing_is_in_nobodys_way(
    lab: Lab, rules: tuple[str, ...], session_id: int, denied: bool
) -> None:
    await ruled(lab, *rules, settings=WRITERS_ONLY)
    assert (await operation_answers(lab, session_id) == {"access-denied"}) is denied
    await lab.do("<get-config><source><running/></source></get-config>", session_id)
    await lab.do("<close-session/>", session_id)


async def test_who_loses_his_right_to_write_gives_his_lock_back(lab: Lab) -> None:
    may = rule_list("l", ["limited"], rule("w", "permit", path("/acme:interfaces", "update")))
    await ruled(lab, may, settings=WRITERS_ONLY)
    await lab.do(EDITING["lock"], JOE)
    configuration = lab.context.configuration
    denied = {"name": "l", "rule": [{"name": "w", "action": "deny"}]}
    without = configuration.with_content({"ietf-netconf-acm:nacm": {"rule-list": [denied]}})
    async with configuration.writing:
        await configuration.commit(CommitInfo("server", 0, ""), candidate=without)
    assert await operation_answers(lab, JOE) == {"access-denied"}
    assert await lab.do("<unlock><target><candidate/></target></unlock>", JOE) == ""


async def test_write_default_permits_it(lab: Lab) -> None:
    await ruled(lab, settings=f"<write-default>permit</write-default>{WRITERS_ONLY}")
    assert "access-denied" not in await operation_answers(lab, NOBODY)


async def test_without_writers_only_it_is_as_exec_default_says(lab: Lab) -> None:
    await ruled(lab)
    assert "access-denied" not in await operation_answers(lab, NOBODY)


async def test_the_first_rules(lab: Lab) -> None:
    """An operator does not touch them, a reader looks, and who is in no group looks, too."""
    for session_id, user in USERS.items():
        lab.callers[session_id] = Remembering(session_id, user)
    configuration = lab.context.configuration
    candidate = configuration.with_content(factory_rules(["sam"]))
    async with configuration.writing:
        await configuration.commit(CommitInfo("server", 0, ""), candidate=candidate)
    groups = "<group><name>operator</name><user-name>joe</user-name></group>"
    groups += "<group><name>reader</name><user-name>guesty</user-name></group>"
    await lab.do(edit_candidate(f'<nacm xmlns="{NACM}"><groups>{groups}</groups></nacm>'), SAM)
    await lab.do("<commit/>", SAM)
    for session_id in (GUEST, TERRY):
        assert await operation_answers(lab, session_id) == {"access-denied"}
        assert (await lab.refused(edit_candidate(interface("eth0")), session_id))[0].tag == "access-denied"
        assert "hush" not in await seen(lab, session_id)
    assert "access-denied" not in await operation_answers(lab, JOE)
    await lab.do(edit_candidate(interface("eth0")), JOE)
    await lab.do("<commit/>", JOE)
    assert "eth0" in await seen(lab, TERRY)
    assert "nacm" not in await seen(lab, JOE)
    for body in (WRITERS_ONLY.replace("true", "false"), "<enable-nacm>false</enable-nacm>"):
        edit_rules = edit_candidate(f'<nacm xmlns="{NACM}">{body}</nacm>')
        assert {error.tag for error in await lab.refused(edit_rules, JOE)} == {"access-denied"}
