"""compare-commits: who is told what."""

from __future__ import annotations

import re

from agent.datastore.records import CommitInfo, UnitChange
from tests.agent.handlers import Lab
from tests.agent.lab import EC, top
from tests.agent.operations.comparisons import compare, lines, xpath
from tests.agent.operations.guarded import (
    JOE,
    NOBODY,
    SAM,
    filled,
    interface,
    path,
    rule,
    rule_list,
    ruled,
)


async def test_what_may_not_be_read_is_in_no_answer(lab: Lab) -> None:
    """Whether by a rule or by default-deny-all, and whatever it was when it was written."""
    await ruled(lab, rule_list("a", ["limited"], rule("no", "deny", path("/ec:top/ec:entry[ec:id='2']"))))
    await lab.commit(top("<entry><id>1</id></entry><entry><id>2</id><hidden>hush</hidden></entry>"))
    await lab.commit(top("<entry><id>2</id><hidden>hush2</hidden></entry>"))
    await lab.edit(top("<entry><id>2</id><hidden>hush3</hidden></entry>"))
    for start, end, there in (
        (1, 2, ["+ /every-construct:top/entry[id='1']"]),
        (2, 3, []),
        (2, "running", []),
        ("running", "candidate", []),
        ("candidate", 2, []),
    ):
        assert await lines(lab, start, end, session_id=JOE) == there
        patch = await lab.do(compare(start, end), JOE)
        assert "hush" not in patch
        assert patch.count("<edit>") == len(there)
    assert await lines(lab, 2, 3) == [
        "- /every-construct:top/entry[id='2']/hidden = hush",
        "+ /every-construct:top/entry[id='2']/hidden = hush2",
    ]
    for filter_ in (xpath("//ec:hidden"), xpath("//ec:entry[ec:hidden='hush2']")):
        assert await lines(lab, 2, 3, filter_, JOE) == []


async def test_a_secret_is_shown_to_whom_a_rule_lets_read_it(lab: Lab) -> None:
    await filled(lab)
    await ruled(lab, rule_list("a", ["limited"], rule("yes", "permit", path("/acme:interfaces"))))
    before = lab.context.configuration.store.latest()
    await lab.commit(interface("eth0", "<password>hush-new</password>"))
    shown = [
        "- /acme:interfaces/interface[name='eth0']/password = hush-eth",
        "+ /acme:interfaces/interface[name='eth0']/password = hush-new",
    ]
    assert await lines(lab, before, "running", session_id=JOE) == shown
    assert await lines(lab, before, "running", session_id=SAM) == []
    for start, end in (
        (before, "running"),
        ("beginning", "running"),
        (before, "candidate"),
        (before, before + 1),
    ):
        for written in ("text", "patch"):
            operation = compare(start, end, f"<as>{written}</as>")
            assert "hush" not in await lab.do(operation, SAM)
            assert "hush-new" in await lab.do(operation, JOE)


async def test_rules_are_read_by_who_may(lab: Lab) -> None:
    await ruled(lab, rule_list("a", ["limited"], rule("x", "deny", path("/ec:top"))))
    assert len(await lines(lab, "beginning", 1)) > 5
    assert await lines(lab, "beginning", 1, session_id=NOBODY) == []


async def test_what_does_not_fit_the_modules_is_named_to_who_may_read_it(lab: Lab) -> None:
    await ruled(lab, rule_list("a", ["limited"], rule("no", "deny", path("/ec:top"))))
    store = lab.context.configuration.store
    broken = f'<top xmlns="{EC}"><flag>9</flag></top>'.encode()
    changes = [
        UnitChange("/every-construct:top/flag", before=broken, after=b""),
        UnitChange("/gone:box[id='1']", before=b'<box xmlns="urn:gone"/>', after=b""),
    ]
    store.finish(store.begin(CommitInfo("x", 0, ""), changes, "2026-11-27T00:00:00Z"))
    told = await lab.do(compare(1, 2))
    assert re.findall("<left-out[^>]*>([^<]*)", told) == [
        "/every-construct:top/flag: /every-construct:top/flag does not fit the YANG modules of this server",
        "/gone:box[id='1']: 'box' is left out: no module of this server has the namespace urn:gone",
    ]
    assert "<edit>" not in told
    assert "left-out" not in await lab.do(compare(1, 2), JOE)
    told = await lab.do(compare(1, 2), SAM)
    assert re.findall("<left-out[^>]*>([^<]*)", told) == [
        "/every-construct:top/flag: not all of it fits the YANG modules of this server"
    ]
