"""What is read without a wait is what would be read otherwise, as it is now and by whom may read it."""

from __future__ import annotations

import pytest

from agent.datastore.published import Published
from agent.operations.one_entry import OneEntry, one_entry, read_one
from agent.operations.small import MAX_NODES, has_few_nodes
from agent.xml import parse
from agent.yang.nodes import first_child, holds_more
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.handlers import Lab
from tests.agent.lab import EC, PREFIXES, top
from tests.agent.operations.guarded import SAM, nacm, path, rule, rule_list, ruled

HOSTILE = "urn:hostile"
FIRST = '<rule yang:insert="first">'
FULL = top(
    "<entry><id>1</id><number>5</number><tag>x</tag><tag>y &amp; z</tag>"
    "<address><ip>192.0.2.1</ip><port>7</port></address></entry><entry><id>2</id></entry>"
)


def get_config(filter_: str, *, kind: str = ' type="subtree"', source: str = "<running/>") -> str:
    return f"<get-config><source>{source}</source><filter{kind}>{filter_}</filter></get-config>"


def asked(lab: Lab, operation: str) -> OneEntry | None:
    rpc = parse(f'<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" {PREFIXES}>{operation}</rpc>'.encode())
    return one_entry(lab.context.schema, rpc[0])


def read(lab: Lab, operation: str, session_id: int = 1) -> str | None:
    found = asked(lab, operation)
    assert found is not None
    body = read_one(lab.context, lab.context.access(lab.caller(session_id)), found)
    return None if body is None else body.decode()


ONE = get_config(top("<entry><id>1</id></entry>"))


@pytest.mark.parametrize(
    "operation",
    [
        ONE,
        get_config(top("<entry><id>1</id></entry>"), kind=""),
        get_config(top("<entry><id> 1 </id></entry>")),
        get_config(top("<entry><id>2</id></entry>")),
        get_config(top("<entry><id>3</id></entry>")),
        get_config(top("<entry><id>no number</id></entry>")),
        get_config(top(f"<entry><id>{'9' * 9000}</id></entry>")),
        get_config(f"<ec:top xmlns:ec='{EC}'>\n  <ec:entry>\n <ec:id>1</ec:id></ec:entry></ec:top>"),
    ],
)
async def test_an_entry_is_read_as_by_the_long_way(lab: Lab, operation: str) -> None:
    assert read(lab, operation) == await lab.do(operation)
    await lab.commit(FULL)
    assert read(lab, operation) == await lab.do(operation)


BOX = f"xmlns='{HOSTILE}'"
ODD_KEYS = [
    "a&amp;b",
    "&lt;item&gt;",
    "]]&gt;",
    "'",
    '"',
    "é\U0001f511",
    "a  b",
    "x&#9;y",
    "{$x}",
    "a/b[c='d']",
]


@pytest.mark.parametrize("key", ODD_KEYS)
@pytest.mark.parametrize(
    "written",
    [
        "<box {ns}><item><name>{key}</name></item></box>",
        "<b:box xmlns:b='{uri}'><b:item><b:name>{key}</b:name></b:item></b:box>",
        "<box {ns}><item {ns}><name {ns}>{key}</name></item></box>",
        "<box {ns}><!-- one --><item><name>{key}<!-- two --></name></item><?three?></box>",
    ],
    ids=["plain", "prefixed", "declared low", "comments"],
)
async def test_an_entry_with_any_key_is_read_as_by_the_long_way(lab: Lab, key: str, written: str) -> None:
    others = "".join(f"<item><name>{one}</name></item>" for one in ODD_KEYS)
    await lab.commit(f"<box {BOX}>{others}</box>")
    operation = get_config(written.format(ns=BOX, uri=HOSTILE, key=key))
    by_the_long_way = await lab.do(operation)
    assert by_the_long_way.count("<item>") == 1
    assert read(lab, operation) == by_the_long_way


NOT_SO = {
    "another operation": ONE.replace("get-config", "get").replace("<source><running/></source>", ""),
    "another source": get_config(top("<entry><id>1</id></entry>"), source="<candidate/>"),
    "no filter": "<get-config><source><running/></source></get-config>",
    "two of one": ONE.replace("<filter", "<filter/><filter"),
    "with-defaults": ONE.replace(
        "</filter>",
        "</filter><with-defaults xmlns='urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults'>trim"
        "</with-defaults>",
    ),
    "xpath": get_config("", kind=" type='xpath' select='/ec:top'"),
    "select beside a subtree": get_config(top("<entry><id>1</id></entry>"), kind=" select='/'"),
    "an id of a transaction": ONE.replace("<get-config>", "<get-config xmlns:t='urn:t' t:etag='?'>"),
    "an attribute in the filter": get_config(top("<entry nc:a='b'><id>1</id></entry>")),
    "an attribute of a key": get_config(top("<entry><id nc:a='b'>1</id></entry>")),
    "text beside elements": get_config(top("<entry>text<id>1</id></entry>")),
    "text at the top": get_config(f"text{top('<entry><id>1</id></entry>')}"),
    "text in the source": ONE.replace("<running/>", "text<running/>"),
    "text in running": ONE.replace("<running/>", "<running>text</running>"),
    "more than the key": get_config(top("<entry><id>1</id><number/></entry>")),
    "no key": get_config(top("<entry><number>5</number></entry>")),
    "a key without a value": get_config(top("<entry><id/></entry>")),
    "a key twice": get_config(top("<entry><id>1</id><id>1</id></entry>")),
    "two entries": get_config(top("<entry><id>1</id></entry><entry><id>2</id></entry>")),
    "two containers": get_config(top("<entry><id>1</id></entry>") * 2),
    "no namespace": get_config("<top xmlns=''><entry><id>1</id></entry></top>"),
    "an unknown node": get_config(top("<nothing><id>1</id></nothing>")),
    "a container": get_config(top("")),
    "no list": get_config(top("<title/>")),
    "names in a key": get_config(f"<idl xmlns='{HOSTILE}'><i>a</i></idl>"),
    "a secret key": get_config(f"<vault xmlns='{HOSTILE}'><key><name>a</name></key></vault>"),
    "both quotes in a key": get_config(f"<box xmlns='{HOSTILE}'><item><name>'\"</name></item></box>"),
}


@pytest.mark.parametrize("operation", NOT_SO.values(), ids=NOT_SO.keys())
async def test_all_else_goes_the_long_way(lab: Lab, operation: str) -> None:
    assert asked(lab, operation) is None


async def test_what_was_asked_before_is_read_as_it_is_now(lab: Lab) -> None:
    found = asked(lab, ONE)
    assert found is not None
    access = lab.context.access(lab.caller(1))
    for body in (FULL, top("<entry><id>1</id><number>6</number></entry>")):
        await lab.commit(body)
        assert read_one(lab.context, access, found) == (await lab.do(ONE)).encode()
    await lab.commit(top('<entry nc:operation="delete"><id>1</id></entry>'))
    assert read_one(lab.context, access, found) == b"<data/>"


ALL = rule("any", "permit", "<module-name>*</module-name>")
OPERATION = "<module-name>ietf-netconf</module-name><rpc-name>get-config</rpc-name>"


async def test_who_may_read_all_reads_without_a_wait(lab: Lab) -> None:
    await lab.commit(FULL)
    await ruled(lab)
    assert read(lab, ONE, SAM) is None  # the schema protects some data, so that each node is looked at
    await ruled(lab, rule_list("all", ["*"], ALL))
    assert read(lab, ONE, SAM) == await lab.do(ONE, SAM)


@pytest.mark.parametrize(
    "first", [rule("no", "deny", path("/ec:top", "read")), rule("no", "deny", OPERATION)]
)
async def test_rules_are_those_of_now(lab: Lab, first: str) -> None:
    await lab.commit(FULL)
    await ruled(lab, rule_list("all", ["*"], ALL))
    found = asked(lab, ONE)
    assert found is not None
    assert read_one(lab.context, lab.context.access(lab.caller(SAM)), found) is not None
    await lab.commit(nacm(rule_list("all", ["*"], first.replace("<rule>", FIRST, 1))))
    assert read_one(lab.context, lab.context.access(lab.caller(SAM)), found) is None


async def test_an_entry_that_has_become_large_goes_the_long_way(lab: Lab) -> None:
    await lab.commit(FULL)
    assert read(lab, ONE) is not None
    steps = "".join(f"<step>{n}</step>" for n in range(MAX_NODES))
    await lab.commit(top(f"<entry><id>1</id>{steps}</entry>"))
    assert read(lab, ONE) is None


def test_what_is_known_to_be_few_is_forgotten_when_the_tree_changes(schema: Schema) -> None:
    tree = Tree.parse(schema, FULL.encode())
    assert tree.few is None
    assert has_few_nodes(tree, tree.first)
    assert tree.few is None
    published = Published(tree)
    with published.held(briefly=True) as held:
        assert has_few_nodes(held, held.first)
        assert held.few == {held.first}
    with published.changing() as changed:
        assert changed.few == set()


def test_nodes_are_counted_up_to_a_number(schema: Schema) -> None:
    tree = Tree.parse(schema, FULL.encode())
    count = 1 + 5 + 3 + 2  # the container; the first entry, and its address; the second
    assert not holds_more(tree.first, count)
    assert holds_more(tree.first, count - 1)
    leaf = first_child(first_child(tree.first))
    assert not holds_more(leaf, 1)
    assert holds_more(leaf, 0)
