"""Access control at every door: RFC 8341, with the examples of its appendix A as it writes them."""

from __future__ import annotations

from agent.translator import Notification
from tests.agent.handlers import Lab
from tests.agent.operations.guarded import (
    ACME,
    GUEST,
    JOE,
    MODULE_RULES,
    MONITORING,
    SAM,
    data_rules,
    edit_refused,
    filled,
    interface,
    rule,
    rule_list,
    ruled,
    seen,
)

# -- appendix A.2: module rules ------------------------------------------------------------------


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
