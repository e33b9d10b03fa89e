"""Rules that cannot be read close access; they never open it."""

from __future__ import annotations

import pytest

from agent.nacm import control
from agent.nacm.access import Access
from agent.nacm.control import AccessControl
from agent.yang.schema import Schema
from agent.yang.tree import Tree

NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
OPEN = f"""
<nacm xmlns="{NACM}"><write-default>permit</write-default>
  <groups><group><name>all</name><user-name>ann</user-name></group></groups>
  <rule-list><name>l</name><group>*</group>
    <rule><name>r</name><path>/</path><action>permit</action></rule></rule-list></nacm>
"""


def permitted(access: Access) -> list[bool]:
    return [access.everything((one,)) for one in ("read", "create", "exec")]


@pytest.mark.parametrize("problem", [ValueError("no path"), KeyError("name"), TypeError("no list")])
def test_who_is_no_recovery_user_may_do_nothing(
    schema: Schema, problem: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    nacm = AccessControl(schema, ["rescue"])
    running = Tree.parse(schema, OPEN.encode())
    nacm.load(running)
    before = nacm.access("ann", ())
    assert (before.rules, before.settings.write_default) != ((), False)

    def unreadable(_content: object) -> None:
        raise problem

    with monkeypatch.context() as patched:
        patched.setattr(control, "read_rules", unreadable)
        nacm.load(running)
    closed = nacm.access("ann", ("admins",))
    assert (closed.rules, closed.free, closed.groups) == ((), "", frozenset())
    assert not any(permitted(closed))
    settings = closed.settings
    assert not any((settings.read_default, settings.write_default, settings.exec_default))
    assert all(permitted(nacm.access("rescue", ())))
    assert f"the rules cannot be read: {problem}" in caplog.text
    nacm.load(running)
    assert nacm.access("ann", ()).rules == before.rules
