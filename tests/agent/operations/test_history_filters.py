"""Commits are found by subtree and XPath filters, without reading all of the history."""

from __future__ import annotations

from contextlib import suppress

import pytest

from agent.datastore.history import Comparison
from agent.datastore.records import UnitChange
from agent.errors import RpcErrors
from agent.operations.asked import MAX_SEARCHES, MAX_TARGETS, MAX_TESTS, Asked, stays_below
from agent.operations.asked import asked as selected
from agent.operations.parameters import canonical_value
from agent.xml import Element, parse
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode
from tests.agent.handlers import Lab
from tests.agent.lab import EC
from tests.agent.operations.guarded import nacm, rule, rule_list
from tests.agent.operations.recorded import (
    AGENT,
    EVE,
    TIME,
    TWO,
    ids,
    leaf,
    one,
    subtree,
    target_element,
    xpath,
)

HISTORY = "/a:agent/a:history/a:commit"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (subtree("<commit><user>bob</user></commit>"), [2]),
        (subtree("<commit><user> bob </user><session-id>9</session-id></commit>"), []),
        (subtree("<commit><id>1</id></commit><commit><id>3</id></commit>"), [1, 3]),
        (subtree("<commit><id>1</id><user>bob</user></commit>"), []),
        (subtree("<commit><id>7</id></commit>"), []),
        (subtree("<commit><id>x</id></commit>"), []),
        (subtree("<commit><id/><comment>second</comment></commit>"), [2]),
        (subtree("<commit><id>1</id></commit><commit><outcome>undone</outcome></commit>"), [1]),
        (subtree("<commit><cause>client</cause><source-address>127.0.0.1</source-address></commit>"), [3, 1]),
        (one(2).replace(f'xmlns="{AGENT}"', 'xmlns=""'), [2]),
        (xpath("/a:agent/a:history/a:commit[a:id='2']"), [2]),
        (xpath("/a:agent/a:history/a:commit[a:id=2]"), [2]),
        (xpath("a:agent/a:history/a:commit[a:user='bob']"), [2]),
        (xpath("/a:agent/a:history/a:commit[a:id > 1]"), [3, 2]),
        (xpath("/a:agent/a:history/a:commit[a:id <= 2 and a:id>1]"), [2]),
        (xpath("/a:agent/a:history/a:commit[a:id>=2][a:user='tester']"), [3]),
        (xpath("/a:agent/a:history/a:commit[1]"), [3]),
        (xpath("/a:agent/a:history/a:commit[position() < 3]"), [3, 2]),
        (xpath("/a:agent/a:history/a:commit[last()]"), [1]),
        (xpath("/a:agent/a:history/a:commit[2][a:user='bob']"), [2]),
        (xpath("/a:agent/a:history/a:commit[a:user='tester'][2]"), [1]),
        (xpath("/a:agent/a:history/a:commit[a:id=1]/../a:commit[a:id=3]"), [3]),
        (xpath("/a:agent/a:history/a:commit[a:id=1] | /a:agent/a:history/a:commit[a:id=3]"), [3, 1]),
        (xpath("/a:agent/a:history/a:commit[a:id=1 or a:user='bob']"), [2, 1]),
        (xpath("/a:agent/a:history/a:commit[not(a:user='bob')]"), [3, 1]),
        (xpath("/a:agent/a:history/a:commit[starts-with(a:comment, 'first')]"), [1]),
        (xpath("/a:agent/a:history/a:commit[/a:agent/a:history/a:commit[a:id=3]][a:id=1]"), [1]),
        (xpath("/a:agent/a:history/a:commit[a:change/a:operation='delete']"), [3]),
        (xpath("/a:agent/a:history/a:commit/a:change[a:operation='delete']"), [3]),
        (xpath("//a:commit[a:id=2]"), [2]),
        (xpath("/agent/history/commit"), [3, 2, 1]),
        (xpath("/agent/history"), [3, 2, 1]),
        (xpath("/agent/history/commit[id='3']"), [3]),
        (xpath("/agent/a:history/a:commit[a:id='3']"), [3]),
        (xpath("/a:agent/history/a:commit[a:id='3']"), [3]),
        (xpath("/x:agent/history/a:commit[a:id='3']".replace("x:", "ec:")), []),
        (xpath("/a:agent/a:history/a:commit[a:id='03']"), []),
        (xpath("/a:agent/a:history/a:commit[a:id=' 3']"), []),
        (xpath("/a:agent/a:history/a:commit[a:id < '03']"), [2, 1]),
        (xpath("/a:agent/a:history/a:commit[a:id < '2.5']"), [2, 1]),
        (xpath("/a:agent/a:history/a:commit[2 = a:id]"), [2]),
        (xpath("/a:agent/a:history/a:commit[2 < a:id]"), [3]),
        (xpath("/a:agent/a:history/a:commit[a:id=(2)]"), [2]),
        (xpath("/a:agent/a:history/a:commit[(a:id=2 or a:id=3) and a:user='bob']"), [2]),
        (xpath("/a:agent/a:history/a:commit[a:user='tester' and position() < 3]"), [3]),
        (xpath("/a:agent/a:history/a:commit[a:user='tester' and last()]"), [3, 1]),
        (xpath("/a:agent/a:history/a:commit[not(a:user='bob') and a:outcome='committed']"), [3, 1]),
        (xpath("/a:agent/*/a:commit[a:id=2]"), [2]),
        (xpath("/a:agent"), [3, 2, 1]),
        (xpath("/*"), [3, 2, 1]),
        (xpath("/a:agent/a:history/a:commit-count"), []),
        (xpath("/a:agent/a:limits"), []),
    ],
)  # fmt: skip
async def test_commits_are_found_by_subtree_and_xpath(three: Lab, asked: str, found: list[int]) -> None:
    assert ids(await three.do(asked)) == found


async def test_a_commit_is_found_by_its_transaction_id(three: Lab) -> None:
    (known,) = leaf(await three.do(one(2)), "transaction-id")
    path_ = "/a:agent/a:history/a:commit"
    assert ids(await three.do(xpath(f"{path_}[a:transaction-id='{known}']"))) == [2]
    assert ids(await three.do(subtree(f"<commit><transaction-id>{known}</transaction-id></commit>"))) == [2]
    assert ids(await three.do(xpath(f"{path_}[a:transaction-id='x-2-1']"))) == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (xpath("/a:agent/a:history/a:commit[a:change/a:target=\"/ec:top/ec:entry[ec:id='2']\"]"), [3, 2]),
        (xpath(f'/a:agent/a:history/a:commit[a:change/a:target="{TWO}"][1]'), [3]),
        (xpath(f"/a:agent/a:history/a:commit[a:change/a:target=\"{TWO}\" and a:user='bob']"), [2]),
        (xpath("/a:agent/a:history/a:commit[a:change/a:target='/ec:top']"), []),
        (xpath("/a:agent/a:history/a:commit[a:change/a:target='nonsense']"), []),
        (xpath("/a:agent/a:history/a:commit[a:change/a:target='/n:nacm']"), [4]),
        (subtree(f"<commit><change>{target_element(2)}</change></commit>"), [3, 2]),
        (subtree(f"<commit><user>bob</user><change>{target_element(2)}</change></commit>"), [2]),
        # What else is asked for is shown of other commits, too.
        (subtree(f"<commit><id/><change>{target_element(2)}</change></commit>"), [203, *range(202, 103, -1)]),
        (subtree(f"<commit><change>{target_element(9)}</change></commit>"), []),
    ],
)
async def test_who_changed_something_is_found_however_long_ago(
    three: Lab, asked: str, found: list[int]
) -> None:
    await three.commit(nacm(rule_list("l", ["admin"], rule("r", "permit"))))
    store = three.context.configuration.store
    for _ in range(199):
        store.finish(store.begin(EVE, [UnitChange("/every-construct:top/entry[id='1']", b"", b"<x/>")], TIME))
    assert ids(await three.do(asked)) == found


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("[a:id=2 or a:id=150]", [150, 2]),
        ("[" + " or ".join(f"a:id={n}" for n in range(1, 142)) + "]", [*range(141, 0, -1)]),
        ("[a:id=(2)]", [2]),
        ("[a:id='2'] | /a:agent/a:history/a:commit[a:id='150']", [150, 2]),
        ("[a:id=2] | /agent/history/commit[id=3] | /ec:top", [3, 2]),
        ("[(a:id=2 or a:user='tester') and (a:cause='client' or a:outcome='undone')]", [3, 2, 1]),
        ("[a:user='bob' or a:user='tester']", [3, 2, 1]),
        ("[a:user='bob'][starts-with(a:comment, 'second')]", [2]),
        (f'[a:change/a:target="{TWO}" or a:id=1]', [3, 2, 1]),
        (f'[a:change[a:target="{TWO}"]]', [3, 2]),
        (f"[a:change[a:target=\"{TWO}\" and a:operation='delete']]", [3]),
        (f"[a:change[a:target=\"{TWO}\"]/a:operation='delete']", [3]),
        (f"[a:change[a:target=\"{TWO}\" or a:target='/ec:top']]", [3, 2]),
    ],
)
async def test_old_commits_are_found_by_what_is_joined(three: Lab, expression: str, found: list[int]) -> None:
    store = three.context.configuration.store
    for _ in range(199):
        store.finish(store.begin(EVE, [UnitChange("/every-construct:top/entry[id='1']", b"", b"<x/>")], TIME))
    assert ids(await three.do(xpath(f"{HISTORY}{expression}"))) == found


@pytest.mark.parametrize(
    "test",
    [
        '[a:change/a:target="{}"]',
        "[a:change/a:target=\"{}\" and a:cause='client']",
        '[a:change[a:target="{}"]]',
        '/a:change[a:target="{}"]',
        '[a:comment="" or a:change/a:target="{}"]',
        '[a:id=1][a:change/a:target="{}"]',
        '[not(not(a:change/a:target="{}"))]',
    ],
)
@pytest.mark.parametrize("number", [1, 20, 21, 1200])
async def test_a_target_is_found_in_a_commit_of_many(lab: Lab, test: str, number: int) -> None:
    units = [UnitChange(f"/every-construct:top/entry[id='{n}']", b"", b"<x/>") for n in range(1201)]
    store = lab.context.configuration.store
    store.finish(store.begin(EVE, units, TIME))
    path = f"/ec:top/ec:entry[ec:id='{number}']"
    reply = await lab.do(xpath(f"{HISTORY}{test.format(path)}"))
    assert ids(reply) == [1]
    assert f"[ec:id='{number}']" in reply
    assert ids(await lab.do(xpath(f"{HISTORY}{test.format(path.replace(str(number), '1300'))}"))) == []


async def test_an_answer_says_when_it_did_not_look_at_all(three: Lab) -> None:
    store = three.context.configuration.store
    for _ in range(199):
        store.finish(store.begin(EVE, [UnitChange("/every-construct:top/entry[id='1']", b"", b"<x/>")], TIME))
    told = "/a:agent/a:history/a:looked-at-from"
    for asked, oldest in (
        (xpath(f"{HISTORY}[starts-with(a:comment, 'second')] | {told}"), ["103"]),
        (xpath(f"{HISTORY}[a:user='bob'] | {told}"), []),
        (xpath(f"{HISTORY}[a:user='eve' or a:user='bob'] | {told}"), ["103"]),
        (xpath(f"{HISTORY}[a:id < 101] | {told}"), []),
        (xpath(f"{HISTORY}[a:id < 102] | {told}"), ["2"]),
        (subtree("<commit><user>eve</user></commit><looked-at-from/>"), ["103"]),
        (subtree("<commit><user>bob</user></commit><looked-at-from/>"), []),
        ("<get/>", ["103"]),
    ):
        assert leaf(await three.do(asked), "looked-at-from") == oldest, asked


async def test_what_is_asked_for_decides_what_is_read(three: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """One commit by its id costs one row, however many there are; the rest of the state is not asked for."""
    db = three.context.configuration.store._db
    statements: list[str] = []
    for asked in (one(2), xpath("/a:agent/a:history/a:commit[a:id='2']")):
        statements.clear()
        db.set_trace_callback(statements.append)
        assert ids(await three.do(asked)) == [2]
        db.set_trace_callback(None)
        read = [text for text in statements if " FROM commits" in text]
        assert len(read) == 1
        assert "(id = 2) ORDER BY id DESC LIMIT 1" in read[0]
        assert three.translator.asked_for == []
    statements.clear()
    db.set_trace_callback(statements.append)
    await three.do(xpath("/a:agent/a:limits"))
    await three.do(f'<get><filter><top xmlns="{EC}"/></filter></get>')
    assert not any(" FROM commits" in text for text in statements)


BOBS = "a:user='bob'"


@pytest.mark.parametrize(
    "asked",
    [
        subtree(f"<commit>{'<user>bob</user>' * 1100}</commit>"),
        subtree("<commit>" + "".join(f"<cause>{n}</cause>" for n in range(1100)) + "</commit>"),
        subtree("<commit>" + "".join(f"<session-id>{n}</session-id>" for n in range(1100)) + "</commit>"),
        subtree("".join(f"<commit><user>{n}</user></commit>" for n in range(1100))),
        subtree("".join(f"<commit>{'<user>bob</user>' * n}</commit>" for n in range(1, 99))),
        subtree("".join(f"<commit><id>{n}</id></commit>" for n in range(5000))),
        subtree(f"<commit><change>{target_element(2) * 1100}</change></commit>"),
        xpath(f"{HISTORY}[{' and '.join([BOBS] * 1100)}]"),
        xpath(HISTORY + "[a:user='bob']" * 300),
        xpath(f"{HISTORY}[{' and '.join(f'a:id<{n}' for n in range(10, 1100))}]"),
    ],
    ids=["same", "other", "numbers", "searches", "growing", "ids", "targets", "and", "predicates", "below"],
)
async def test_no_filter_is_too_long_to_look_into_the_history(
    three: Lab, caplog: pytest.LogCaptureFixture, asked: str
) -> None:
    with suppress(RpcErrors):  # libyang may not take an expression of that length
        assert set(ids(await three.do(asked))) <= {1, 2, 3}
    assert "the history cannot be read" not in caplog.text


def test_a_search_is_bounded_and_what_is_left_out_finds_no_less(schema: Schema) -> None:
    def found(body: str) -> Asked | None:
        (filter_,) = parse(subtree(body).encode())
        return selected(schema, filter_, None)

    same = found(f"<commit>{'<user>bob</user>' * 1100}</commit>")
    assert same == Asked(searches=((Comparison("user", "=", "bob"),),))
    different = found("<commit>" + "".join(f"<user>{n}</user>" for n in range(1100)) + "</commit>")
    assert different is not None
    assert [len(tests) for tests in different.searches] == [MAX_TESTS]
    users = "".join(f"<user>{n}</user>" for n in range(MAX_TESTS))
    searches = "".join(f"<commit>{users}<cause>{n}</cause></commit>" for n in range(MAX_SEARCHES))
    assert found(searches) == Asked(searches=((*(Comparison("user", "=", str(n)) for n in range(100)),),))


def test_once_there_are_too_many_searches_only_those_for_a_number_are_looked_at(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[Element] = []

    def counted(schema: Schema, node: SchemaNode, element: Element) -> str:
        looked_at.append(element)
        return canonical_value(schema, node, element)

    monkeypatch.setattr("agent.operations.asked.canonical_value", counted)
    wanted = "".join(f"<commit><change>{target_element(n)}</change></commit>" for n in range(3000))
    wanted += "<commit><transaction-id>x-4-y</transaction-id></commit><commit><id>5</id></commit>"
    (filter_,) = parse(subtree(wanted).encode())
    found = selected(schema, filter_, None)
    assert found is not None
    assert (found.ids, found.searches, len(found.targets)) == ({4, 5}, ((),), MAX_TARGETS)
    assert len(looked_at) == MAX_TARGETS + MAX_SEARCHES + 1 + 2


@pytest.mark.parametrize(
    ("test", "found"),
    [
        ("a:id = 1.0", [1]),
        ("a:id = 01", [1]),
        ("a:id = 1.5", []),
        ("a:id > 1.5", [3, 2]),
        ("a:id >= 1.0000", [3, 2, 1]),
        ("a:id < 2.5", [2, 1]),
        ("a:id = 1.00000000000000000000000000001", None),
        ("a:id < 99999999999999", [3, 2, 1]),
        ("a:id = 0000000000000002", [2]),
        ("a:id = '1.0'", []),
        ("a:id <= '2.0'", [2, 1]),
        ("a:session-id = 2.0", [2]),
        ("a:id = 0", []),
        ("a:id = ''", []),
    ],
)
async def test_numbers_are_compared_as_numbers(three: Lab, test: str, found: list[int] | None) -> None:
    """As the rest of the expression is: where the history cannot tell, it leaves it to that."""
    reply = ids(await three.do(xpath(f"{HISTORY}[{test}]")))
    assert reply == ids(await three.do(xpath(f"{HISTORY}[boolean({test})]")))
    assert found is None or reply == found


@pytest.mark.parametrize(
    ("expression", "stays"),
    [
        ("/a:agent", True),
        (" /a:agent/a:history ", True),
        ("/a:agent[a:x and /b]", False),
        ("/a:agent / a:history", False),  # it might be an operator that stands before it
        ("a:agent/a:history/a:commit[a:change/a:target='/x/y[z=\"..|\"]']", True),
        ("/a:agent//a:target", True),
        ("/a:agent[a:x > 3 and not(a:y)]", True),
        ("/a:agent/*", True),
        ("/a:agent/..", False),
        ("/a:agent | /b", False),
        ("/a:agent[/b]", False),
        ("/a:agent[a:x = /b]", False),
        ("/a:agent[ /b]", False),
        ("/a:agent[//b]", False),
        ("/a:agent[3 * /b]", False),
        ("/a:agent[3 */b]", False),
        ("/a:agent[count(/b) > 1]", False),
        ("/a:agent[current()/b]", False),
        ("/a:agent[deref(a:x)/b]", False),
        ("/a:agent/following-sibling::b", False),
        ("(/a:agent)", False),
        ("/a:agent[" + " " * 2000 + "a:x]", True),
    ],
)
def test_an_expression_that_leads_out_of_where_it_begins_is_known(expression: str, stays: bool) -> None:
    assert stays_below(expression) == stays
