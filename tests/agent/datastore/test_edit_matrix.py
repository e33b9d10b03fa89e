"""Every operation on every kind of node, there and not there (RFC 6241 section 7.2, RFC 7950 section 7)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.datastore.edit import edit
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.datastore.lab import commit, started
from tests.agent.lab import EC, candidate_with, config, entry, errors_of, top
from tests.agent.recording_translator import RecordingTranslator


@dataclass(frozen=True)
class Node:
    """One kind of node. ``body`` is a template for it with {} where attributes go; ``old`` is what stands
    there before, if anything does; ``new`` is how it reads afterwards."""

    body: str
    old: str
    new: str
    top: bool = False


KINDS = {
    "leaf": Node("<number {}>2</number>", "<number>1</number>", "<number>2</number>"),
    "leaf of type empty": Node("<marker {}/>", "<marker/>", "<marker/>"),
    "leaf with a default": Node(
        "<plain><speed {}>7</speed></plain>", "<plain><speed>8</speed></plain>", "<speed>7</speed>"
    ),
    "leaf-list ordered by the system": Node("<tag {}>a</tag>", "<tag>a</tag>", "<tag>a</tag>"),
    "leaf-list ordered by the user": Node("<step {}>a</step>", "<step>a</step>", "<step>a</step>"),
    "list ordered by the system": Node(
        "<address {}><ip>192.0.2.1</ip><port>1</port><alias>b</alias></address>",
        "<address><ip>192.0.2.1</ip><port>1</port><alias>a</alias></address>",
        "<alias>b</alias>",
    ),
    "list ordered by the user": Node(
        "<stage {}><name>n</name><effort>2</effort></stage>",
        "<stage><name>n</name><effort>1</effort></stage>",
        "<effort>2</effort>",
    ),
    "container": Node(
        "<plain {}><note>new</note></plain>", "<plain><note>old</note></plain>", "<note>new</note>"
    ),
    "container with presence": Node(
        "<present {}><needed>b</needed></present>",
        "<present><needed>a</needed></present>",
        "<needed>b</needed>",
    ),
    "node of a case": Node("<side {}>2</side>", "<side>1</side>", "<side>2</side>"),
    "node of a case that another excludes": Node(
        "<side {}>2</side>", "<radius>1.0</radius>", "<side>2</side>"
    ),
    "anydata": Node(
        '<anything {}><new xmlns="urn:new"/></anything>',
        '<anything><old xmlns="urn:old"/></anything>',
        '<new xmlns="urn:new"/>',
    ),
    "leaf-list at the top": Node(
        f'<order xmlns="{EC}" {{}}>a</order>',
        f'<order xmlns="{EC}">a</order>',
        f'<order xmlns="{EC}">a</order>',
        top=True,
    ),
}
# What becomes of it: "new", "old", "gone", or the error-tag; (if it is there before, if it is not).
OPERATIONS = {
    "merge": ("new", "new"),
    "replace": ("new", "new"),
    "create": ("data-exists", "new"),
    "delete": ("gone", "data-missing"),
    "remove": ("gone", "gone"),
    "none": ("old", "data-missing"),
}


def expected(kind: str, operation: str, there: bool) -> str:
    if kind == "node of a case that another excludes":
        there = False  # what stands there is another node; only a new one drives it out
    if kind == "container" and operation == "none":
        # Without presence it is neither there nor not; what it holds is what counts.
        return "old" if there else "data-missing"
    return OPERATIONS[operation][0 if there else 1]


@pytest.mark.parametrize("there", [True, False], ids=["there", "not there"])
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_operation_on_every_kind(schema: Schema, kind: str, operation: str, there: bool) -> None:
    node = KINDS[kind]

    def placed(body: str) -> str:
        return body if node.top else entry(body)

    candidate = candidate_with(schema, placed(node.old if there else "") or entry(""))
    before = candidate.tree.to_xml()
    attribute = "" if operation == "none" else f'nc:operation="{operation}"'
    document = config(placed(node.body.format(attribute)))
    outcome = expected(kind, operation, there)
    if outcome in ("new", "gone", "old"):
        edit(candidate, document, "none" if operation == "none" else "merge")
        after = candidate.tree.to_xml().decode()
        assert (node.new in after) is (outcome == "new" or (outcome == "old" and node.new in before.decode()))
        if outcome == "old":
            assert candidate.tree.to_xml() == before
        if kind.endswith("excludes") and outcome == "gone":
            assert "<radius>1.0</radius>" in after or not there
        elif outcome == "new" and node.old != node.new:
            assert node.old not in after
    else:
        (error,) = errors_of(edit, candidate, document, "none" if operation == "none" else "merge")
        assert error.tag == outcome
        assert error.path
        assert candidate.tree.to_xml() == before


@pytest.mark.parametrize(("default_operation", "kept"), [("merge", True), ("replace", False), ("none", True)])
def test_every_default_operation(schema: Schema, default_operation: str, kept: bool) -> None:
    """What the edit does not name stays, unless the default is to replace."""
    candidate = candidate_with(schema, entry("<number>1</number>"), f'<order xmlns="{EC}">a</order>')
    change = entry('<word nc:operation="create">a</word>')
    edit(candidate, config(change), default_operation)
    after = candidate.tree.to_xml().decode()
    assert "<word>a</word>" in after
    assert ("<number>1</number>" in after) is kept
    assert (">a</order>" in after) is kept


@pytest.mark.parametrize(
    ("attributes", "order"),
    [
        ("", "abc"),
        ('yang:insert="first"', "cab"),
        ('yang:insert="last"', "abc"),
        ('yang:insert="before" yang:value="b"', "acb"),
        ('yang:insert="after" yang:value="a"', "acb"),
    ],
)
@pytest.mark.parametrize("operation", ["merge", "create", "replace"])
def test_every_place_in_a_leaf_list_ordered_by_the_user(
    schema: Schema, attributes: str, order: str, operation: str
) -> None:
    candidate = candidate_with(schema, entry("<step>a</step><step>b</step>"))
    edit(candidate, config(entry(f'<step nc:operation="{operation}" {attributes}>c</step>')))
    expected_xml = "".join(f"<step>{letter}</step>" for letter in order)
    assert expected_xml in candidate.tree.to_xml().decode()


@pytest.mark.parametrize(
    ("attributes", "order"),
    [
        ("", "abc"),
        ('yang:insert="first"', "cab"),
        ('yang:insert="last"', "abc"),
        ('yang:insert="before" yang:key="[ec:name=\'b\']"', "acb"),
        ('yang:insert="after" yang:key="[ec:name=\'a\']"', "acb"),
    ],
)
@pytest.mark.parametrize("operation", ["merge", "create", "replace"])
def test_every_place_in_a_list_ordered_by_the_user(
    schema: Schema, attributes: str, order: str, operation: str
) -> None:
    candidate = candidate_with(schema, entry("<stage><name>a</name></stage><stage><name>b</name></stage>"))
    change = f'<stage nc:operation="{operation}" {attributes}><name>c</name></stage>'
    edit(candidate, config(entry(change)))
    expected_xml = "".join(f"<stage><name>{letter}</name></stage>" for letter in order)
    assert expected_xml in candidate.tree.to_xml().decode()


KEY = '<stage {}><name nc:operation="{}">n</name><effort>2</effort></stage>'
THERE = entry("<stage><name>n</name><effort>1</effort></stage>")
PATH = "/every-construct:top/entry[id='1']/stage[name='n']/name"


@pytest.mark.parametrize("default", ["merge", "none", "replace"])
def test_a_key_is_created_with_its_entry_only(schema: Schema, default: str) -> None:
    """RFC 7950 section 7.8.6: a key is there if and only if its entry is."""
    candidate = candidate_with(schema, THERE)
    body = config(entry(KEY.format("", "create"), 'nc:operation="merge"'))
    if default == "replace":
        edit(candidate, body, default)
    else:
        (error,) = errors_of(edit, candidate, body, default)
        assert (error.tag, error.path) == ("data-exists", PATH)
    candidate = candidate_with(schema, entry(""))
    edit(candidate, config(entry(KEY.format("", "create"), 'nc:operation="merge"')), default)
    assert "<effort>2</effort>" in candidate.tree.to_xml().decode()


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("operation", ["merge", "replace"])
def test_other_operations_of_a_key_say_what_is_so(schema: Schema, operation: str, there: bool) -> None:
    candidate = candidate_with(schema, THERE if there else entry(""))
    edit(candidate, config(entry(KEY.format("", operation))))
    assert "<name>n</name><effort>2</effort>" in candidate.tree.to_xml().decode()


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("entry_operation", ["merge", "create", "replace", "delete", "remove"])
@pytest.mark.parametrize("operation", ["delete", "remove"])
def test_a_key_is_not_deleted_alone(
    schema: Schema, operation: str, entry_operation: str, there: bool
) -> None:
    candidate = candidate_with(schema, THERE if there else entry(""))
    body = KEY.format(f'nc:operation="{entry_operation}"', operation)
    (error,) = errors_of(edit, candidate, config(entry(body)))
    assert (error.tag, error.path) == ("bad-attribute", PATH)


IN_ORDER = "".join(f"<address><ip>{ip}</ip><port>1</port><alias>{ip}</alias></address>" for ip in "abc")
ENTRIES = top("".join(f"<entry><id>{id_}</id><tag>1</tag><tag>2</tag>{IN_ORDER}</entry>" for id_ in "xyz"))


def of_x(body: str, attributes: str = "") -> str:
    return top(f"<entry {attributes}><id>x</id>{body}</entry>")


CHANGES = {
    "a leaf": of_x("<number>1</number>"),
    "a leaf with an operation": of_x('<number nc:operation="create">1</number>'),
    "an entry": of_x(f"<tag>1</tag><tag>2</tag>{IN_ORDER}", 'nc:operation="replace"'),
    "an entry with something inside": of_x(
        f'<number nc:operation="create">1</number><tag>1</tag><tag>2</tag>{IN_ORDER}',
        'nc:operation="replace"',
    ),
    "an entry in an entry": of_x('<address nc:operation="replace"><ip>a</ip><port>1</port></address>'),
    "a leaf in an entry in an entry": of_x("<address><ip>a</ip><port>1</port><alias>n</alias></address>"),
    "a value": of_x('<tag nc:operation="replace">1</tag>'),
    "a container": of_x("<plain><note>n</note></plain>"),
}


def places(tree: Tree) -> list[str]:
    return re.findall(r"<(?:id|ip|tag)>(\w)</", tree.to_xml().decode())


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_leaves_entries_where_they_are(schema: Schema, tmp_path: Path, name: str) -> None:
    """Their order means nothing; but who compares two outputs is to see what has changed."""
    configuration = await started(schema, tmp_path, RecordingTranslator())
    await commit(configuration, ENTRIES)
    before = places(configuration.running)
    assert before == list("x12abcy12abcz12abc")
    edit(configuration.candidate, config(CHANGES[name]))
    assert places(configuration.candidate.tree) == before
    await configuration.discard()
    assert places(configuration.candidate.tree) == before
    edit(configuration.candidate, config(CHANGES[name])).take_back()
    assert places(configuration.candidate.tree) == before
    await commit(configuration, CHANGES[name])
    assert places(configuration.running) == before
    assert places(configuration.candidate.tree) == before
