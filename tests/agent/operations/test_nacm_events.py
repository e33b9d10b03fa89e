"""No event names what its receiver may not read."""

from __future__ import annotations

from agent.translator import Notification
from tests.agent.handlers import Lab
from tests.agent.operations.guarded import (
    JOE,
    interface,
    interfaces,
    path,
    rule,
    rule_list,
    ruled,
)


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
