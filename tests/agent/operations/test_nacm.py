"""Access control at every door: RFC 8341, with the examples of its appendix A as it writes them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from agent.datastore.records import CommitInfo
from agent.errors import RpcError, RpcErrors
from agent.nacm.factory import factory_rules
from agent.translator import Notification
from tests.agent.handlers import Lab, Remembering
from tests.agent.lab import EC, top
from tests.requests import edit_candidate

NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
ACME = "http://example.com/ns/acme"
AGENT = "urn:yangswan:params:xml:ns:yang:agent"
USERS = {2: "sam", 3: "joe", 4: "terry", 5: "guesty"}
SAM, JOE, TERRY, GUEST, NOBODY = 2, 3, 4, 5, 9

# RFC 8341 appendix A.1: who is in which group. (joe is limited, guesty a guest; sam an admin.)
GROUPS = (
    "<groups><group><name>admin</name><user-name>sam</user-name><user-name>andy</user-name></group>"
    "<group><name>limited</name><user-name>joe</user-name><user-name>terry</user-name></group>"
    "<group><name>guest</name><user-name>guesty</user-name></group></groups>"
)


def rule(name: str, action: str, body: str = "") -> str:
    return f"<rule><name>{name}</name>{body}<action>{action}</action></rule>"


def rule_list(name: str, groups: Sequence[str], *rules: str) -> str:
    named = "".join(f"<group>{group}</group>" for group in groups)
    return f"<rule-list><name>{name}</name>{named}{''.join(rules)}</rule-list>"


def path(text: str, access: str = "*") -> str:
    return (
        f'<path xmlns:acme="{ACME}" xmlns:ec="{EC}" xmlns:n="{NACM}">{text}</path>'
        f"<access-operations>{access}</access-operations>"
    )


def nacm(*rule_lists: str, settings: str = "") -> str:
    return f'<nacm xmlns="{NACM}">{settings}{GROUPS}{"".join(rule_lists)}</nacm>'


async def ruled(lab: Lab, *rule_lists: str, settings: str = "") -> None:
    for session_id, user in USERS.items():
        lab.callers[session_id] = Remembering(session_id, user)
    lab.callers[NOBODY] = Remembering(NOBODY, "nobody")
    await lab.commit(nacm(*rule_lists, settings=settings))


def acme(body: str) -> str:
    return f'<interfaces xmlns="{ACME}">{body}</interfaces>'


def interface(name: str, body: str = "", attributes: str = "") -> str:
    return acme(f"<interface {attributes}><name>{name}</name>{body}</interface>")


def interfaces(**bodies: str) -> str:
    """Return several interfaces, by name, in their one container."""
    return acme("".join(f"<interface><name>{name}</name>{body}</interface>" for name, body in bodies.items()))


async def filled(lab: Lab) -> None:
    await lab.commit(
        f'<acme-netconf xmlns="{ACME}"><config-parameters><speed>1</speed></config-parameters>'
        "<other>x</other></acme-netconf>"
        + interfaces(
            dummy="<mtu>1500</mtu><password>hush-dummy</password><domain>d</domain>",
            eth0="<mtu>9000</mtu><password>hush-eth</password>",
        )
    )


def xpath(expression: str) -> str:
    return f'<filter type="xpath" select="{expression}" xmlns:acme="{ACME}"/>'


async def seen(lab: Lab, session_id: int, filter_: str = "") -> str:
    return await lab.do(f"<get-config><source><running/></source>{filter_}</get-config>", session_id)


def parts(xml: str) -> list[str]:
    """Return the tags and texts: entries of a list ordered by the system may come in any order."""
    return sorted(xml.split("<"))


async def edit_refused(lab: Lab, body: str, session_id: int) -> list[tuple[str, str | None]]:
    before = lab.candidate
    errors = await lab.refused(edit_candidate(body), session_id)
    assert parts(lab.candidate) == parts(before)
    return [(e.tag, e.path) for e in errors]


# -- appendix A.2: module rules ------------------------------------------------------------------

INTERFACE = "/acme:interfaces/acme:interface"
EVERYTHING = "<access-operations>*</access-operations>"
NCM = "<module-name>ietf-netconf-monitoring</module-name>"
MODULE_RULES = (
    rule_list("guest-acl", ["guest"], rule("deny-ncm", "deny", NCM)),
    rule_list(
        "limited-acl",
        ["limited"],
        rule("permit-ncm", "permit", f"{NCM}<access-operations>read</access-operations>"),
        rule("permit-exec", "permit", "<access-operations>exec</access-operations>"),
    ),
    rule_list("admin-acl", ["admin"], rule("permit-all", "permit", EVERYTHING)),
)


async def test_rfc8341_a_2_module_rules(lab: Lab) -> None:
    await ruled(lab, *MODULE_RULES)
    get_schema = f'<get-schema xmlns="{MONITORING}"><identifier>acme</identifier></get-schema>'
    (error,) = await lab.refused(get_schema, GUEST)
    assert (error.tag, error.path) == ("access-denied", "/ietf-netconf-monitoring:get-schema")
    assert "rule 'deny-ncm' of rule-list 'guest-acl'" in error.message
    assert "module acme" in await lab.do(get_schema, JOE)
    # permit-exec lets the limited group do what is otherwise protected.
    await lab.do("<kill-session><session-id>1</session-id></kill-session>", JOE)
    (error,) = await lab.refused("<kill-session><session-id>1</session-id></kill-session>", GUEST)
    assert error.tag == "access-denied"
    await filled(lab)
    assert "hush-eth" in await seen(lab, SAM)
    await lab.edit(interface("eth1"), SAM)
    assert await edit_refused(lab, interface("eth2"), JOE) == [
        ("access-denied", "/acme:interfaces/interface[name='eth2']")
    ]


# -- appendix A.3: protocol operation rules ------------------------------------------------------


async def test_rfc8341_a_3_operation_rules(lab: Lab) -> None:
    def about(name: str) -> str:
        return (
            f"<module-name>ietf-netconf</module-name><rpc-name>{name}</rpc-name>"
            "<access-operations>exec</access-operations>"
        )

    await ruled(
        lab,
        rule_list(
            "guest-limited-acl",
            ["limited", "guest"],
            rule("deny-kill-session", "deny", about("kill-session")),
            rule("deny-delete-config", "deny", about("delete-config")),
        ),
        rule_list("limited-acl", ["limited"], rule("permit-edit-config", "permit", about("edit-config"))),
        settings="<exec-default>deny</exec-default>",
    )
    edit = "<edit-config><target><candidate/></target><config/></edit-config>"
    await lab.do(edit, JOE)
    (error,) = await lab.refused(edit, GUEST)
    assert (error.tag, error.path) == ("access-denied", "/ietf-netconf:edit-config")
    for session_id in (JOE, GUEST):
        (error,) = await lab.refused("<kill-session><session-id>1</session-id></kill-session>", session_id)
        assert "deny-kill-session" in error.message
    await lab.do("<close-session/>", GUEST)  # nobody can be kept from it
    assert lab.context.nacm.denied_operations == 3


# -- appendix A.4: data node rules ---------------------------------------------------------------


CONFIG_PARAMETERS = path("/acme:acme-netconf/acme:config-parameters", "read create update delete")
DUMMY = path(f"{INTERFACE}[acme:name='dummy']", "read update")


async def data_rules(lab: Lab) -> None:
    await ruled(
        lab,
        rule_list("guest-acl", ["guest"], rule("deny-nacm", "deny", path("/n:nacm"))),
        rule_list(
            "limited-acl",
            ["limited"],
            rule("permit-acme-config", "permit", CONFIG_PARAMETERS),
        ),
        rule_list(
            "guest-limited-acl",
            ["guest", "limited"],
            rule("permit-dummy-interface", "permit", DUMMY),
        ),
        rule_list(
            "admin-acl",
            ["admin"],
            rule("permit-interface", "permit", path(INTERFACE)),
        ),
    )
    await filled(lab)


async def test_rfc8341_a_4_deny_nacm(lab: Lab) -> None:
    await data_rules(lab)
    assert "<nacm" not in await seen(lab, GUEST)
    assert "<nacm" not in await seen(lab, JOE)  # default-deny-all, and no rule permits it
    assert "<nacm" in await seen(lab, 1)


async def test_rfc8341_a_4_permit_acme_config(lab: Lab) -> None:
    await data_rules(lab)
    speed = (
        f'<acme-netconf xmlns="{ACME}"><config-parameters><speed>2</speed></config-parameters></acme-netconf>'
    )
    await lab.commit(speed, JOE)
    assert "<speed>2</speed>" in lab.running
    assert await edit_refused(lab, speed.replace("2", "3"), GUEST) == [
        ("access-denied", "/acme:acme-netconf/config-parameters/speed")
    ]
    other = f'<acme-netconf xmlns="{ACME}"><other>y</other></acme-netconf>'
    assert await edit_refused(lab, other, JOE) == [("access-denied", "/acme:acme-netconf/other")]


async def test_rfc8341_a_4_permit_dummy_interface(lab: Lab) -> None:
    """It can be altered, but neither be made nor deleted, by guests and the limited."""
    await data_rules(lab)
    for session_id in (GUEST, JOE):
        await lab.commit(interface("dummy", f"<mtu>{1000 + session_id}</mtu>"), session_id)
        assert f"<mtu>{1000 + session_id}</mtu>" in lab.running
        refused = await edit_refused(lab, interface("dummy", "", 'nc:operation="delete"'), session_id)
        assert refused[0] == ("access-denied", "/acme:interfaces/interface[name='dummy']")
        refused = await edit_refused(lab, interface("eth0", "<mtu>1</mtu>"), session_id)
        assert refused == [("access-denied", "/acme:interfaces/interface[name='eth0']/mtu")]
        assert "hush-dummy" in await seen(lab, session_id)
        assert "hush-eth" not in await seen(lab, session_id)


async def test_rfc8341_a_4_permit_interface(lab: Lab) -> None:
    await data_rules(lab)
    await lab.commit(interface("eth7", "<password>new</password>"), SAM)
    await lab.commit(interface("dummy", "", 'nc:operation="delete"'), SAM)
    assert "<name>dummy</name>" not in lab.running
    other = f'<acme-netconf xmlns="{ACME}"><other>y</other></acme-netconf>'
    assert await edit_refused(lab, other, SAM) == [("access-denied", "/acme:acme-netconf/other")]


# -- appendix A.5: notification rules ------------------------------------------------------------


async def test_rfc8341_a_5_notification_rules(lab: Lab) -> None:
    await ruled(
        lab,
        rule_list(
            "sys-acl",
            ["limited"],
            rule(
                "deny-config-change",
                "deny",
                "<module-name>acme</module-name><notification-name>sys-config-change</notification-name>"
                "<access-operations>read</access-operations>",
            ),
        ),
    )
    subscribe = (
        '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0">'
        "<startTime>2020-01-01T00:00:00Z</startTime></create-subscription>"
    )
    for session_id in (1, JOE, GUEST):
        await lab.do(subscribe, session_id)
        await lab.caller(session_id).got("replayComplete")
    lab.context.stream.publish(Notification({"acme:sys-config-change": {"what": "x"}}))
    lab.context.stream.publish(Notification({"acme:alarm": {}}))
    end = {"username": "x", "session-id": 9, "termination-reason": "closed"}
    lab.context.stream.publish(Notification({"ietf-netconf-notifications:netconf-session-end": end}))
    for session_id in (1, JOE, GUEST):
        await lab.caller(session_id).got("netconf-session-end")
    got = {n: [m for m in lab.caller(n).sent if b"acme" in m] for n in (1, JOE, GUEST)}
    assert [b"sys-config-change" in m for m in got[1]] == [True, False]
    assert got[JOE] == []
    assert len(got[GUEST]) == 1  # the alarm is default-deny-all
    assert lab.context.nacm.denied_notifications == 3


# -- the rest of the RFC -------------------------------------------------------------------------


async def test_3_2_4_a_secret_is_seen_through_no_door(lab: Lab) -> None:
    await ruled(lab)
    await filled(lab)
    doors = [
        "<get/>",
        "<get-config><source><running/></source></get-config>",
        "<get-config><source><candidate/></source></get-config>",
        f"<get-config><source><running/></source>{xpath('//acme:password')}</get-config>",
        f"<get><filter>{acme('<interface><name>eth0</name><password/></interface>')}</filter></get>",
    ]
    for door in doors:
        reply = await lab.do(door, NOBODY)
        assert "hush" not in reply
        assert "hush" in await lab.do(door, 1)
    # Nor can it be guessed: a filter is applied to what may be read, not to what there is.
    guess = f"<filter>{acme('<interface><password>hush-eth</password><name/></interface>')}</filter>"
    assert await seen(lab, NOBODY, guess) == "<data/>"
    guess = xpath("//acme:interface[acme:password='hush-eth']/acme:name")
    assert await seen(lab, NOBODY, guess) == "<data/>"
    assert "eth0" in await seen(lab, 1, guess)


async def test_a_secret_is_in_no_refusal(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    await ruled(lab)
    await filled(lab)
    secret = "hush-new-secret"
    body = interface("eth0", f"<password>{secret}</password>")
    errors = await lab.refused(edit_candidate(body), NOBODY)
    assert [(e.tag, e.path) for e in errors] == [
        ("access-denied", "/acme:interfaces/interface[name='eth0']/password")
    ]
    assert secret not in errors[0].message + caplog.text
    assert "denied" in caplog.text


async def test_default_deny_write_is_readable_only(lab: Lab) -> None:
    await ruled(lab, settings="<write-default>permit</write-default>")
    await filled(lab)
    assert "<domain>d</domain>" in await seen(lab, NOBODY)
    assert await edit_refused(lab, interface("dummy", "<domain>e</domain>"), NOBODY) == [
        ("access-denied", "/acme:interfaces/interface[name='dummy']/domain")
    ]
    await lab.commit(interface("dummy", "<mtu>42</mtu>"), NOBODY)
    assert "<mtu>42</mtu>" in lab.running


async def test_read_default_deny_shows_nothing_without_a_rule(lab: Lab) -> None:
    await ruled(
        lab,
        rule_list("l", ["limited"], rule("p", "permit", path("/acme:interfaces", "read"))),
        settings="<read-default>deny</read-default>",
    )
    await filled(lab)
    assert await seen(lab, NOBODY) == "<data/>"
    reply = await seen(lab, JOE)
    assert "<acme-netconf" not in reply
    assert "hush-eth" in reply  # the rule covers all below its path, the protected too


async def test_a_denied_node_takes_all_below_it_along(lab: Lab) -> None:
    await ruled(
        lab,
        rule_list(
            "l",
            ["limited"],
            rule("no", "deny", path("/acme:interfaces", "read")),
            rule("yes", "permit", path("/acme:interfaces/acme:interface[acme:name='eth0']", "read")),
        ),
    )
    await filled(lab)
    assert "<interfaces" not in await seen(lab, JOE)


async def test_the_first_rule_that_matches_decides(lab: Lab) -> None:
    await ruled(
        lab,
        rule_list(
            "l",
            ["limited"],
            rule("yes", "permit", path("/acme:interfaces/acme:interface[acme:name='eth0']", "read")),
            rule("no", "deny", path("/acme:interfaces/acme:interface", "read")),
        ),
    )
    await filled(lab)
    reply = await seen(lab, JOE)
    assert "eth0" in reply
    assert "dummy" not in reply


async def test_a_denied_key_denies_the_entry(lab: Lab) -> None:
    await ruled(
        lab,
        rule_list("l", ["limited"], rule("no", "deny", path(f"{INTERFACE}/acme:name", "read"))),
    )
    await filled(lab)
    assert "<interface>" not in await seen(lab, JOE)


async def test_the_variable_user_stands_for_who_asks(lab: Lab) -> None:
    own = path(f"{INTERFACE}[acme:name=$USER]")
    await ruled(lab, rule_list("own", ["*"], rule("own", "permit", own)))
    await lab.commit(interface("joe", "<password>of-joe</password>"))
    await lab.commit(interface("terry", "<password>of-terry</password>"))
    reply = await seen(lab, JOE)
    assert "of-joe" in reply
    assert "of-terry" not in reply
    await lab.edit(interface("joe", "<mtu>1</mtu>"), JOE)
    assert await edit_refused(lab, interface("terry", "<mtu>1</mtu>"), JOE) != []
    assert "[acme:name='$USER']" in lab.running


async def test_state_is_pruned_like_configuration(lab: Lab) -> None:
    await ruled(
        lab, rule_list("l", ["limited"], rule("no", "deny", path("/ec:top/ec:entry/ec:state", "read")))
    )
    await lab.commit(top("<entry><id>1</id></entry>"))
    assert "<seen>" not in await lab.do("<get/>", JOE)
    assert "<seen>" in await lab.do("<get/>", GUEST)


async def test_a_rule_of_one_module_stops_where_another_module_begins(lab: Lab) -> None:
    """An augmenting module's nodes belong to it, wherever they stand."""
    await ruled(
        lab,
        rule_list("l", ["limited"], rule("no", "deny", "<module-name>every-augment</module-name>")),
    )
    await lab.commit(top("<entry><id>1</id><number>2</number></entry>"))
    await lab.commit('<outer xmlns="urn:yangswan:test:every-augment"/>')
    assert "<number>2</number>" in await seen(lab, JOE)
    assert "every-augment" not in await seen(lab, JOE)


async def test_3_2_8_a_commit_is_checked_against_running(lab: Lab) -> None:
    """Whoever commits the shared candidate commits what others wrote into it."""
    await ruled(lab)
    await filled(lab)
    await lab.edit(interface("eth0", "<mtu>1</mtu>"))
    errors = await lab.refused("<commit/>", NOBODY)
    assert [(e.tag, e.path) for e in errors] == [
        ("access-denied", "/acme:interfaces/interface[name='eth0']/mtu")
    ]
    assert "<mtu>9000</mtu>" in lab.running
    assert lab.context.nacm.denied_data_writes == 1
    await lab.do("<commit/>")
    await lab.do("<commit/>", NOBODY)  # nothing differs, nothing is denied


async def test_the_create_the_update_and_the_delete_are_told_apart(lab: Lab) -> None:
    await ruled(
        lab,
        rule_list("l", ["limited"], rule("c", "permit", path("/acme:interfaces", "create"))),
        rule_list("t", ["guest"], rule("d", "permit", path("/acme:interfaces", "delete update"))),
    )
    await filled(lab)
    await lab.edit(interface("new", "<mtu>1</mtu>"), JOE)
    assert await edit_refused(lab, interface("dummy", "<mtu>1</mtu>"), JOE) != []
    assert await edit_refused(lab, interface("dummy", "", 'nc:operation="delete"'), JOE) != []
    await lab.edit(interface("dummy", "<mtu>1</mtu>"), GUEST)
    await lab.edit(interface("eth0", "", 'nc:operation="delete"'), GUEST)
    assert await edit_refused(lab, interface("newer"), GUEST) != []


async def test_copy_config_needs_write_access_to_what_it_changes(lab: Lab) -> None:
    await ruled(lab)
    await filled(lab)
    copy = "<copy-config><target><candidate/></target><source><config/></source></copy-config>"
    before = lab.candidate
    assert {e.tag for e in await lab.refused(copy, NOBODY)} == {"access-denied"}
    assert lab.candidate == before
    await lab.do("<discard-changes/>", NOBODY)


async def test_discard_changes_needs_no_rights_on_what_is_discarded(lab: Lab) -> None:
    await ruled(lab, *MODULE_RULES)
    await lab.edit(interface("eth0"))
    await lab.do("<discard-changes/>", JOE)
    assert "eth0" not in lab.candidate


async def test_copying_running_over_an_edited_candidate_needs_write_access(lab: Lab) -> None:
    await ruled(lab)
    await filled(lab)
    await lab.edit(interface("eth0", "<mtu>1</mtu>"))
    copy = "<copy-config><target><candidate/></target><source><running/></source></copy-config>"
    assert {e.tag for e in await lab.refused(copy, NOBODY)} == {"access-denied"}
    assert "<mtu>1</mtu>" in lab.candidate


async def test_a_protected_rpc_needs_a_rule(lab: Lab) -> None:
    await ruled(lab, rule_list("l", ["limited"], rule("p", "permit", "<rpc-name>reboot</rpc-name>")))
    (error,) = await lab.refused(f'<reboot xmlns="{ACME}"/>', NOBODY)
    assert (error.tag, error.path) == ("access-denied", "/acme:reboot")
    (error,) = await lab.refused(f'<reboot xmlns="{ACME}"/>', JOE)
    assert error.tag == "operation-not-supported"  # access was granted; nothing carries it out here
    (error,) = await lab.refused(f'<ping xmlns="{ACME}"/>', NOBODY)
    assert error.tag == "operation-not-supported"


async def test_3_4_5_an_action_needs_exec_and_read_on_the_way(lab: Lab) -> None:
    reset = f'<action xmlns="urn:ietf:params:xml:ns:yang:1">{interface("eth0", "<reset/>")}</action>'
    await ruled(
        lab,
        rule_list("l", ["limited"], rule("x", "deny", path(f"{INTERFACE}/acme:reset", "exec"))),
        rule_list("g", ["guest"], rule("r", "deny", path("/acme:interfaces", "read"))),
    )
    await filled(lab)
    (error,) = await lab.refused(reset, JOE)
    assert (error.tag, error.path) == ("access-denied", "/acme:interfaces/interface[name='eth0']/reset")
    (error,) = await lab.refused(reset, GUEST)
    assert (error.tag, error.path) == ("access-denied", "/acme:interfaces")  # all that he may know of
    (error,) = await lab.refused(reset, NOBODY)
    assert error.tag == "operation-not-supported"


async def test_enable_nacm_false_opens_everything(lab: Lab) -> None:
    await ruled(lab, settings="<enable-nacm>false</enable-nacm>")
    await filled(lab)
    assert "hush-eth" in await seen(lab, NOBODY)
    await lab.commit(interface("eth0", "<mtu>1</mtu>"), NOBODY)


async def test_external_groups_count_only_when_enabled(lab: Lab) -> None:
    permit = rule_list("l", ["wheel"], rule("all", "permit"))
    await ruled(lab, permit)
    await filled(lab)
    lab.callers[NOBODY] = Remembering(NOBODY, "nobody", ("wheel",))
    assert "hush-eth" in await seen(lab, NOBODY)
    await lab.commit(f'<nacm xmlns="{NACM}"><enable-external-groups>false</enable-external-groups></nacm>')
    assert "hush-eth" not in await seen(lab, NOBODY)


async def test_a_rule_list_for_all_groups_is_not_for_who_is_in_none(lab: Lab) -> None:
    await ruled(lab, rule_list("l", ["*"], rule("all", "permit")))
    await filled(lab)
    assert "hush-eth" in await seen(lab, GUEST)
    assert "hush-eth" not in await seen(lab, NOBODY)


async def test_rules_take_effect_with_the_commit_that_brings_them(lab: Lab) -> None:
    await ruled(lab)
    await filled(lab)
    await lab.edit(nacm(rule_list("g", ["guest"], rule("all", "permit"))))
    assert "hush-eth" not in await seen(lab, GUEST)
    await lab.do("<commit/>")
    assert "hush-eth" in await seen(lab, GUEST)


async def test_the_counters_are_state(lab: Lab) -> None:
    await ruled(lab)
    await lab.refused(f'<reboot xmlns="{ACME}"/>', NOBODY)
    reply = await lab.do(f'<get><filter><nacm xmlns="{NACM}"><denied-operations/></nacm></filter></get>')
    assert "<denied-operations>1</denied-operations>" in reply


async def test_a_rule_about_a_path_that_does_not_exist_is_refused(lab: Lab) -> None:
    body = nacm(rule_list("g", ["guest"], rule("r", "deny", path("/acme:interfaces/acme:interfaec"))))
    (error,) = await lab.refused(edit_candidate(body))
    assert error.tag == "invalid-value"
    assert "interfaec" in error.message


# -- explain-access ------------------------------------------------------------------------------


def explain(body: str) -> str:
    return f'<explain-access xmlns="{AGENT}">{body}</explain-access>'


async def explained(lab: Lab, body: str, session_id: int = 1) -> dict[str, str]:
    reply = await lab.do(explain(body), session_id)
    return dict(re.findall(rf'<([\w-]+) xmlns="{AGENT}">([^<]*)<', reply))


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


# -- what an event names ---------------------------------------------------------------------------


def hidden(name: str) -> str:
    return rule_list(
        "l",
        ["limited", "guest"],
        rule("h", "deny", path(f"/acme:interfaces/acme:interface[acme:name='{name}']")),
    )


async def told(lab: Lab, session_id: int, body: str = "") -> list[str]:
    """Return the notifications that a subscription has brought when it brings that of a last commit."""
    notification = "urn:ietf:params:xml:ns:netconf:notification:1.0"
    await lab.do(f'<create-subscription xmlns="{notification}">{body}</create-subscription>', session_id)
    await lab.commit(interface("last"))
    await lab.caller(session_id).got("last")
    return [message.decode() for message in lab.caller(session_id).sent]


REPLAY = "<startTime>2026-01-01T00:00:00Z</startTime>"


async def test_no_event_names_an_entry_that_its_receiver_may_not_read(lab: Lab) -> None:
    await ruled(lab, hidden("eth0"))
    await lab.commit(interfaces(eth0="<mtu>1</mtu>", eth1="<mtu>1</mtu>"))
    await lab.commit(interface("eth0", "<mtu>2</mtu>"))
    await lab.commit(interface("eth0", "", 'nc:operation="delete"'))
    seen_by_joe = "".join(await told(lab, JOE, REPLAY))
    assert "eth1" in seen_by_joe
    assert "eth0" not in seen_by_joe
    assert seen_by_joe.count("<netconf-config-change") == 5  # that there was a change is no secret
    assert "eth0" in "".join(await told(lab, 1, REPLAY))


async def test_an_event_that_is_new_names_no_such_entry_either(lab: Lab) -> None:
    await ruled(lab, hidden("eth0"))
    await lab.do('<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>', JOE)
    await lab.commit(interfaces(eth0="", eth1=""))
    assert b"eth0" not in await lab.caller(JOE).got("eth1")


async def test_a_filter_does_not_look_at_what_an_event_may_not_name(lab: Lab) -> None:
    await ruled(lab, hidden("eth0"))
    await lab.commit(interface("eth0"))
    events = "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"
    expression = "/n:netconf-config-change[n:edit[contains(n:target, 'eth0') or contains(n:target, 'last')]]"
    filter_ = f'<filter type="xpath" xmlns:n="{events}" select="{expression}"/>'
    messages = await told(lab, JOE, filter_ + REPLAY)
    assert len([message for message in messages if "netconf-config-change" in message]) == 1


async def test_an_event_about_an_entry_by_its_key_is_for_who_may_read_the_entry(lab: Lab) -> None:
    await ruled(lab, hidden("eth0"))
    names = {"what": "/acme:interfaces/interface[name='{}']"}
    for name in ("eth0", "eth1"):
        content = {"every-construct:happened": {"what": name}}
        lab.context.stream.publish(Notification(content, names))
    seen_by_joe = "".join(await told(lab, JOE, REPLAY))
    assert ("<what>eth0" in seen_by_joe, "<what>eth1" in seen_by_joe) == (False, True)
    assert "<what>eth0" in "".join(await told(lab, 1, REPLAY))


# -- who may change nothing needs nothing that is of use to changes alone ---------------------------

DENY_WRITES = rule("n", "deny", path("/", "create update delete"))
WRITERS_ONLY = f'<writers-only xmlns="{AGENT}">true</writers-only>'
EDITING = {
    "lock": "<lock><target><candidate/></target></lock>",
    "lock of running": "<lock><target><running/></target></lock>",
    "discard-changes": "<discard-changes/>",
    "commit": "<commit/>",
    "cancel-commit": "<cancel-commit/>",
    "validate": "<validate><source><candidate/></source></validate>",
    "dry-run": f'<dry-run xmlns="{AGENT}"/>',
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
