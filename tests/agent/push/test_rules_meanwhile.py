"""Rules of access control that come while a subscriber's selection is read, with what they hide."""

from __future__ import annotations

from typing import Any

import pytest

from agent.operations import on_change as changes
from agent.operations import periodic as periods
from agent.operations.publisher import Bounds
from tests.agent.operations.guarded import path, rule, rule_list
from tests.agent.push.linked import periodic
from tests.agent.push.links import ALL, PushLab, datastore, on_change
from tests.agent.push.states import CH

NO_B = rule("no-b", "deny", path("/ch:links/ch:link[ch:name='b']", "read")).replace(
    "<path ", f'<path xmlns:ch="{CH}" '
)
HIDES = (
    '<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><groups><group><name>few</name>'
    f"<user-name>guest</user-name></group></groups>{rule_list('few', ['few'], NO_B)}</nacm>"
)
B = f'<links xmlns="{CH}"><link><name>b</name><note>hidden</note></link></links>'


@pytest.mark.parametrize("name", ["running", "operational"])
@pytest.mark.parametrize("at", [1, 2], ids=["the first look", "a later one"])
@pytest.mark.parametrize(
    ("module", "policy"),
    [
        (changes, on_change()),
        (changes, on_change("<yp:sync-on-start>false</yp:sync-on-start>")),
        (periods, periodic(1)),
    ],
    ids=["on change", "patches only", "periodic"],
)
async def test_what_comes_with_a_rule_that_hides_it_is_sent_to_nobody(
    lab: PushLab, module: Any, policy: str, at: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, looks = module.whole, list[str]()

    async def meanwhile(context: Any, caller: Any, *more: Any) -> Any:
        looks.append(caller.user)
        if len(looks) == at:
            await lab.lab.commit(HIDES + B)
        return await whole(context, caller, *more)

    monkeypatch.setattr(module, "whole", meanwhile)
    lab.context.publisher.bounds = Bounds(period_cs=1)
    guest = lab.lab.caller(2)
    guest.user = "guest"
    await lab.establish(datastore(name) + ALL + policy, session_id=2)
    if at == 2 and module is changes:
        for watch in lab.context.publisher.watches._by_key.values():
            watch.touch(None)
    await lab.lab.until(lambda: len(looks) > at)
    await lab.configure("<link><name>c</name></link>")
    reader = lab.follow(2)
    await lab.lab.until(lambda: any(b"<name>c</name>" in message for message in reader.updates))
    sent = b"".join(guest.sent)
    assert b"hidden" not in sent
    assert b"link=b" not in sent
    assert "hidden" in await lab.lab.do("<get-config><source><running/></source></get-config>")
