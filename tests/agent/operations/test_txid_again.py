"""A read that is done again because rules have changed is asked for what it was."""

from __future__ import annotations

from typing import Any

import pytest

from agent.errors import ResourceDenied
from agent.operations.dispatch import AGAIN_ELEMENTS, HANDLERS, Again, dispatch
from agent.xml import NETCONF_NS, parse
from tests.agent.handlers import Lab
from tests.agent.lab import PREFIXES
from tests.agent.operations.guarded import SAM
from tests.agent.operations.test_rules_meanwhile import OPEN, entries, lab  # noqa: F401

TXID = "urn:ietf:params:xml:ns:netconf:txid:1.0"


@pytest.mark.parametrize("again", [False, True])
async def test_ids_are_told_again(lab: Lab, again: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    await lab.commit(OPEN + entries(range(1, 3), 2))
    name, done = (NETCONF_NS, "get-config"), list[int]()
    read = HANDLERS[name]

    async def then_rules_change(*arguments: Any) -> bytes:
        found = await read(*arguments)
        done.append(1)
        if again and len(done) == 1:
            lab.context.nacm.load(lab.context.configuration.running)
        return found

    monkeypatch.setitem(HANDLERS, name, then_rules_change)
    asked = f'<get-config xmlns:t="{TXID}" t:etag="?"><source><running/></source></get-config>'
    rpc = parse(f'<rpc xmlns="{NETCONF_NS}" {PREFIXES}>{asked}</rpc>'.encode())
    answer = await dispatch(lab.context, lab.caller(SAM), rpc[0])
    assert len(done) == 1 + again
    assert b"etag=" in answer, answer[:200]


def test_a_large_one_is_not_done_again_but_refused() -> None:
    for more, may in ((0, True), (AGAIN_ELEMENTS + 1, False)):
        again = Again(parse(f"<rpc xmlns:p='urn:p'><get>{'<x/>' * more}</get></rpc>".encode())[0])
        assert len(again.take()) == more
        if may:
            assert again.take().nsmap == {"p": "urn:p"}
            assert again.take().tag == "get"
        else:
            with pytest.raises(ResourceDenied):
                again.take()
