"""A read that is done again because rules have changed is asked for what it was."""

from __future__ import annotations

from typing import Any

import pytest

from agent.errors import ResourceDenied
from agent.operations.dispatch import AGAIN_ELEMENTS, COMPARE_NS, HANDLERS, READS, Again, dispatch
from agent.operations.parameters import NMDA_NS
from agent.xml import MONITORING_NS, NETCONF_NS, Element, namespace, parse, serialize
from tests.agent.handlers import Lab
from tests.agent.lab import PREFIXES
from tests.agent.operations.guarded import AGENT, SAM
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


FILTER = '<ec:top t:etag="?"><ec:entry t:etag="!"><ec:id>1</ec:id></ec:entry></ec:top>'
DATASTORES = 'xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores"'
OPERATIONAL = f"<datastore {DATASTORES}>ds:operational</datastore>"
BOTH = f"<source {DATASTORES}>ds:operational</source><target {DATASTORES}>ds:running</target>"
RUNNING = "<source><running/></source>"
ASKED = {
    "get": f'<get t:etag="?"><filter t:etag="0">{FILTER}</filter></get>',
    "get-config": f'<get-config>{RUNNING}<filter type="subtree">{FILTER}</filter></get-config>',
    "get-data": f'<get-data xmlns="{NMDA_NS}">{OPERATIONAL}'
    f"<subtree-filter>{FILTER}</subtree-filter></get-data>",
    "get-schema": f'<get-schema xmlns="{MONITORING_NS}"><identifier>acme</identifier></get-schema>',
    "explain-access": f'<explain-access xmlns="{AGENT}"><path>/every-construct:top</path></explain-access>',
    "compare": f'<compare xmlns="{COMPARE_NS}">{BOTH}</compare>',
    "compare-commits": f'<compare-commits xmlns="{AGENT}"><from>1</from></compare-commits>',
    "dry-run": f'<dry-run xmlns="{AGENT}"/>',
}


@pytest.mark.parametrize("name", ASKED)
async def test_who_reads_changes_nothing_of_what_is_asked(
    lab: Lab,  # noqa: F811
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So it can be done again with the same."""
    assert {read for _, read in READS} == ASKED.keys()
    await lab.commit(OPEN + entries(range(1, 3), 2))
    asked = ASKED[name].replace(f"<{name}", f'<{name} xmlns:t="{TXID}"', 1)
    (operation,) = parse(f'<rpc xmlns="{NETCONF_NS}" {PREFIXES}>{asked}</rpc>'.encode())
    qname, before, taken = (namespace(operation), name), serialize(operation), list[Element]()
    read = HANDLERS[qname]

    async def noted(context: Any, caller: Any, operation: Element) -> bytes:
        taken.append(operation)
        return await read(context, caller, operation)

    monkeypatch.setitem(HANDLERS, qname, noted)
    answers = [await dispatch(lab.context, lab.caller(SAM), operation) for _ in range(2)]
    assert serialize(operation) == before
    assert taken[0] is operation, "and no copy was made for that"
    if name not in ("dry-run", "compare-commits"):  # which tell the time
        assert answers[0] == answers[1]


async def test_a_large_read_is_done_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    await lab.commit(OPEN + entries(range(1, 3), 2))
    name, done = (NETCONF_NS, "get-config"), list[int]()
    read = HANDLERS[name]

    async def then_rules_change(*arguments: Any) -> bytes:
        found = await read(*arguments)
        done.append(1)
        if len(done) == 1:
            lab.context.nacm.load(lab.context.configuration.running)
        return found

    monkeypatch.setitem(HANDLERS, name, then_rules_change)
    large = "".join(f"<ec:entry><ec:id>{n}</ec:id></ec:entry>" for n in range(AGAIN_ELEMENTS))
    filter_ = f'<filter><ec:top xmlns:t="{TXID}" t:etag="?">{large}</ec:top></filter>'
    asked = f"<get-config><source><running/></source>{filter_}</get-config>"
    answer = await lab.do(asked, SAM)
    assert len(done) == 2
    assert answer.count("<entry") == 2
    assert "etag=" in answer


def test_a_large_one_that_is_spent_is_not_done_again_but_refused() -> None:
    for more, may in ((0, True), (AGAIN_ELEMENTS + 1, False)):
        again = Again(parse(f"<rpc xmlns:p='urn:p'><get>{'<x/>' * more}</get></rpc>".encode())[0])
        assert len(again.take()) == more
        if may:
            assert again.take().nsmap == {"p": "urn:p"}
            assert again.take().tag == "get"
        else:
            with pytest.raises(ResourceDenied):
                again.take()
