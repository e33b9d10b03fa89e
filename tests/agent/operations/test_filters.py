"""What a filter selects, and what of state is asked for it."""

from __future__ import annotations

import pytest

from tests.agent.handlers import Lab
from tests.agent.lab import EC, entry, top

GET_1 = f'<get><filter><top xmlns="{EC}"><entry><id>1</id></entry></top></filter></get>'


async def test_get_joins_state_for_the_wanted_entries_only(lab: Lab) -> None:
    await lab.commit(top("<entry><id>1</id><number>2</number></entry><entry><id>2</id></entry>"))
    reply = await lab.do(GET_1)
    assert "<number>2</number>" in reply
    assert "<seen>1</seen>" in reply
    assert lab.translator.asked_for == [("1",)]


async def test_an_entry_is_looked_up_by_its_key_though_that_is_wanted_too(lab: Lab) -> None:
    await lab.commit(top("<entry><id>1</id><number>2</number></entry><entry><id>2</id></entry>"))
    for wanted in ("<id/><state/>", "<state/><id/>", "<id/><number/><state/>"):
        lab.translator.asked_for.clear()
        reply = await lab.do(GET_1.replace("<id>1</id>", f"<id>1</id>{wanted}"))
        assert "<id>1</id>" in reply
        assert "<seen>1</seen>" in reply
        assert ("<number>" in reply) is ("<number/>" in wanted)
        assert lab.translator.asked_for == [("1",)]


async def test_get_of_configuration_leafs_asks_no_translator(lab: Lab) -> None:
    await lab.commit(entry("<number>2</number>"))
    body = f'<get><filter><top xmlns="{EC}"><entry><id>1</id><number/></entry></top></filter></get>'
    assert "<number>2</number>" in await lab.do(body)
    assert lab.translator.asked_for == []


@pytest.mark.parametrize(
    "select",
    ["/ec:top/ec:entry[ec:id='1']/ec:state", "/ec:top/ec:entry[ec:id='1']/ec:state/ec:seen"],
)
async def test_get_by_xpath_of_one_entry_asks_for_that_entry(lab: Lab, select: str) -> None:
    await lab.commit(top("<entry><id>1</id></entry><entry><id>2</id></entry>"))
    reply = await lab.do(f'<get><filter type="xpath" select="{select}"/></get>')
    assert "<seen>1</seen>" in reply
    assert "<id>2</id>" not in reply
    assert lab.translator.asked_for == [("1",)]


async def test_get_by_xpath_that_compares_entries_sees_all(lab: Lab) -> None:
    await lab.commit(top("<entry><id>1</id></entry><entry><id>22</id></entry>"))
    reply = await lab.do('<get><filter type="xpath" select="//ec:entry[ec:state/ec:seen=\'2\']"/></get>')
    assert "<id>22</id>" in reply
    assert "<id>1</id>" not in reply


async def test_get_without_filter_shows_everything(lab: Lab) -> None:
    await lab.commit(entry("<number>2</number>"))
    reply = await lab.do("<get/>")
    assert "<number>2</number>" in reply
    assert "<seen>1</seen>" in reply
    assert "<yang-library" in reply


SUBTREE = {
    "selection of a container": (f'<top xmlns="{EC}"/>', {"1", "2"}),
    "content match on a leaf that is no key": (
        f'<top xmlns="{EC}"><entry><word>b</word></entry></top>',
        {"2"},
    ),
    "content match that fails": (f'<top xmlns="{EC}"><entry><word>z</word></entry></top>', set()),
    "two filters of one container": (
        f'<top xmlns="{EC}"><entry><id>1</id></entry></top><top xmlns="{EC}"><entry><id>2</id></entry></top>',
        {"1", "2"},
    ),
    "selection of leafs": (f'<top xmlns="{EC}"><entry><id/></entry></top>', {"1", "2"}),
    "a key that is named and wanted": (f'<top xmlns="{EC}"><entry><id>1</id><id/></entry></top>', {"1"}),
    "two values of one key": (f'<top xmlns="{EC}"><entry><id>1</id><id>2</id></entry></top>', set()),
    "a key with an attribute": (f'<top xmlns="{EC}"><entry><id>1</id><id x="1">1</id></entry></top>', set()),
    "no namespace matches any": ('<top xmlns=""><entry><id>1</id></entry></top>', {"1"}),
    "another namespace matches nothing": ('<top xmlns="urn:other"/>', set()),
    "an attribute matches nothing": (f'<top xmlns="{EC}" x="1"/>', set()),
    "an unknown element selects nothing": (f'<top xmlns="{EC}"><entry><nonsense/></entry></top>', set()),
    "an empty filter selects nothing": ("", set()),
}


@pytest.mark.parametrize("name", SUBTREE)
async def test_rfc6241_6_subtree_filter(lab: Lab, name: str) -> None:
    body, expected = SUBTREE[name]
    await lab.commit(top("<entry><id>1</id><word>a</word></entry><entry><id>2</id><word>b</word></entry>"))
    reply = await lab.do(f"<get-config><source><running/></source><filter>{body}</filter></get-config>")
    assert {n for n in ("1", "2") if f"<id>{n}</id>" in reply} == expected


async def test_a_filter_returns_only_the_selected_leafs(lab: Lab) -> None:
    await lab.commit(entry("<number>2</number><word>a</word>"))
    body = f'<filter><top xmlns="{EC}"><entry><word/></entry></top></filter>'
    reply = await lab.do(f"<get-config><source><running/></source>{body}</get-config>")
    assert reply == f'<data><top xmlns="{EC}"><entry><id>1</id><word>a</word></entry></top></data>'


XPATH_REFUSALS = {
    "1 +": "invalid-value",
    "count(/ec:top)": "invalid-value",
    "/undeclared:top": "invalid-value",
    "/" + "ec:top/" * 2000: "invalid-value",
}


@pytest.mark.parametrize("select", XPATH_REFUSALS, ids=lambda s: s[:20])
async def test_an_xpath_that_cannot_be_used_is_refused(lab: Lab, select: str) -> None:
    await lab.commit(entry("<number>2</number>"))
    operation = (
        f'<get-config><source><running/></source><filter type="xpath" select="{select}"/></get-config>'
    )
    assert [e.tag for e in await lab.refused(operation)] == [XPATH_REFUSALS[select]]


HOSTILE = [
    "deref(/ec:top/ec:entry/ec:id)",
    "/ec:top/ec:entry[ deref (ec:id)]",
    "enum-value(/)",
    "bit-is-set(/, 'a')",
    "/ec:top/ec:entry[ec:id='1']" + "[" * 9000,
    "/ec:top/ec:entry[" + "(" * 2000 + "ec:id" + ")" * 2000 + "]",
    "/ec:top" + "[ec:entry" * 33 + "]" * 33,
]


@pytest.mark.parametrize("select", HOSTILE, ids=lambda s: s[:30])
@pytest.mark.parametrize("operation", ["get", "get-config"])
async def test_an_xpath_that_would_harm_the_server_is_refused(lab: Lab, operation: str, select: str) -> None:
    await lab.commit(entry("<number>2</number>"))
    source = "<source><running/></source>" if operation == "get-config" else ""
    ask = f'<{operation}>{source}<filter type="xpath" select="{select}"/></{operation}>'
    assert [e.tag for e in await lab.refused(ask)] == ["invalid-value"]


async def test_brackets_may_be_as_deep_as_is_said(lab: Lab) -> None:
    select = "/ec:top[" + "(" * 31 + "ec:entry or ec:flag" + ")" * 31 + "]"
    assert "<top" not in await lab.do(f'<get><filter type="xpath" select="{select}"/></get>')


async def test_a_literal_may_hold_what_an_expression_may_not(lab: Lab) -> None:
    await lab.commit(entry("<number>2</number>"))
    select = "//ec:entry[ec:id != 'deref(//x)']"
    ask = f'<get-config><source><running/></source><filter type="xpath" select="{select}"/></get-config>'
    assert "<number>2</number>" in await lab.do(ask)


async def test_a_filter_on_an_identityref_understands_the_prefix(lab: Lab) -> None:
    await lab.commit(entry("<pet>ec:cat</pet>"))
    for value in ("ec:cat", "cat"):
        body = f'<filter><top xmlns="{EC}"><entry><pet>{value}</pet></entry></top></filter>'
        assert "<id>1</id>" in await lab.do(f"<get-config><source><running/></source>{body}</get-config>")


@pytest.mark.parametrize("operation", ["get", "get-config"])
async def test_a_filter_has_a_budget(lab: Lab, operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.operations.budget.MAX_COMPARISONS", 1000)
    await lab.commit(top("".join(f"<entry><id>{n}</id></entry>" for n in range(50))))
    source = "<source><running/></source>" if operation == "get-config" else ""
    scan = "<entry><word>zz</word></entry>"
    ask = f'<{operation}>{source}<filter><top xmlns="{EC}">{{}}</top></filter></{operation}>'
    await lab.do(ask.format(scan))
    assert [e.tag for e in await lab.refused(ask.format(scan * 100))] == ["too-big"]


async def test_many_filter_elements_for_one_list_copy_it_once(lab: Lab) -> None:
    await lab.commit(top("<entry><id>1</id><word>a</word></entry><entry><id>2</id></entry>"))
    elements = "<entry><word>a</word></entry>" * 3 + "<entry><number/></entry>"
    reply = await lab.do(f'<get><filter><top xmlns="{EC}">{elements}</top></filter></get>')
    assert reply.count("<id>1</id>") == 1
    assert lab.translator.asked_for.count(("1",)) == 1
