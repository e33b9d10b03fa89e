"""What is done for many units at once comes to what one unit after the other comes to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from agent.datastore.candidate import Candidate
from agent.datastore.datastores import Datastores
from agent.datastore.edit import edit
from agent.datastore.preparation import Preparation
from agent.datastore.records import UnitChange
from agent.datastore.transaction import Recorded, replace_units
from agent.served import standard_modules
from agent.translator import EntryChange
from agent.yang import many
from agent.yang.annotations import add_annotation
from agent.yang.locality import moving_defaults
from agent.yang.many import are_many, copy_all, json_all, locate_all, print_all, printed, rebuilt
from agent.yang.nodes import Defaults, keys_of, path_of, to_json
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.units import Unit, all_units, entries_of, unit_path, units_by_path
from agent.yang.validate import validate
from tests.agent.lab import EC, config, empty_running, errors_of, top
from tests.agent.recording_translator import RecordingTranslator

ALWAYS, NEVER = 0, 10**9
KEYS = ("1", "2", "<a>", "'", '"', "'\"", "]", "é")
BODIES = (
    "",
    "<number>2</number><twice>4</twice>",
    "<word>a</word><only-with-word> &lt;entry&gt;&#13;</only-with-word>",
    "<tag>b</tag><tag>a</tag><step>2</step><step>1</step>",
    "<tag>a</tag><tag>b</tag><step>1</step><step>2</step>",
    "<stage><name>z</name></stage><stage><name>y</name><effort>1</effort></stage>",
    "<plain><speed>100</speed></plain>",
    "<plain/><present><needed/></present>",
    "<pet>cat</pet><address><ip>::1</ip><port>2</port></address><marker/>",
    '<anything><entry xmlns="urn:x"><entry/></entry></anything>',
)
FLAGS = ("", "<flag>true</flag>", "<flag>false</flag>")
OTHERS = (
    f'<order xmlns="{EC}">b</order><order xmlns="{EC}">a</order>',
    f'<references xmlns="{EC}"><pair><name>n</name><value>v</value></pair></references>',
    '<outer xmlns="urn:yangswan:test:every-augment"/>',
)
INTERFACES = '<interfaces xmlns="http://example.com/ns/acme">{}</interfaces>'

entries = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(BODIES), max_size=6)
interfaces = st.dictionaries(st.sampled_from(("a", "b", "c")), st.sampled_from(("5", "6")))


def document(rows: dict[str, str], flag: str, mtus: dict[str, str], others: Iterable[str]) -> str:
    body = "".join(f"<entry><id>{escape(key)}</id>{body}</entry>" for key, body in rows.items())
    ports = "".join(f"<interface><name>{n}</name><mtu>{mtu}</mtu></interface>" for n, mtu in mtus.items())
    return top(flag + body) * bool(flag + body) + INTERFACES.format(ports) * bool(mtus) + "".join(others)


def three(names: str) -> str:
    return document({}, "", {name: "5" for name in names}, ())


documents = st.builds(
    document, entries, st.sampled_from(FLAGS), interfaces, st.sets(st.sampled_from(OTHERS)).map(sorted)
)
changes = st.tuples(documents, documents, st.sampled_from(("merge", "replace")))
"""What is there, what an edit brings, and how."""


def errors_of_validation(tree: Tree) -> Sequence[object]:
    try:
        validate(tree.duplicate(), everything=True)
    except Exception as problem:
        return [problem]
    return []


def changed(schema: Schema, change: tuple[str, str, str]) -> tuple[Tree, Candidate]:
    """Return running and a candidate that differs from it."""
    there, brought, default = change
    first = Candidate(empty_running(schema))
    edit(first, config(there))
    running = first.tree
    validate(running, everything=True)
    candidate = Candidate(running)
    if default == "replace":
        fresh = Candidate(empty_running(schema))
        edit(fresh, config(brought))
        candidate.replace_all(fresh.tree, running)
    else:
        edit(candidate, config(brought))
    return running, candidate


def whole(tree: Tree) -> bytes:
    return tree.to_xml(Defaults.REPORT_ALL_TAGGED, keep_empty=True)


def in_one_order(tree: Tree) -> bytes:
    """Return the whole of ``tree``, with its lists that the system orders by their entries."""
    document = etree.fromstring(b"<all>%s</all>" % whole(tree))
    for parent in document:
        parent[:] = sorted(parent, key=etree.tostring)
    return etree.tostring(document)


def one_by_one(preparation: Preparation, candidate: Candidate, running: Tree) -> tuple[object, ...]:
    """Return the records and the changes of a commit, each made alone."""
    prepared = preparation.prepare(candidate, running)
    units, scratch = prepared.units, prepared.scratch
    records = [UnitChange(u.path, before=alone(u, running), after=alone(u, scratch)) for u in units]
    told = [
        EntryChange(
            keys_of((unit.locate(running) or unit.locate(scratch))[0], unit.schema_node),
            path=path_of((unit.locate(running) or unit.locate(scratch))[0]),
            before=to_json(unit.locate(running)[0]) if unit.locate(running) else None,
            after=to_json(unit.locate(scratch)[0]) if unit.locate(scratch) else None,
            list_path=unit.schema_node.path,
        )
        for unit in units
        if unit.schema_node.path == "/every-construct:top/entry"
    ]
    return records, told


def alone(unit: Unit, source: Tree) -> bytes:
    if not unit.is_explicit(source):
        return b""
    copy = Tree(source.schema)
    unit.replace_in(copy, unit.locate(source))
    return copy.to_xml(keep_empty=True)


@settings(max_examples=200)
@given(changes)
def test_units_are_found_copied_and_printed_as_one_by_one(
    schema: Schema, change: tuple[str, str, str]
) -> None:
    running, candidate = changed(schema, change)
    units = list(units_by_path(running, candidate.tree).values())
    for tree in (running, candidate.tree):
        found = locate_all(units, tree)
        assert found == [unit.locate(tree) for unit in units]
        assert print_all(units, found) == [alone(unit, tree) for unit in units]
        nodes = [own[0] for unit, own in zip(units, found, strict=True) if own and unit.is_entry]
        assert list(json_all(nodes)) == [to_json(node) for node in nodes]
        together, apart = Tree(schema), Tree(schema)
        copy_all(units, found, together)
        for unit in units:
            unit.replace_in(apart, unit.locate(tree))
        assert whole(together) == whole(apart)


MODULE = """module m {{
  yang-version 1.1; namespace "urn:{0}"; prefix m;
  container {0} {{
    list entry {{ key id; leaf id {{ type string; }} leaf other {{ type string; {1} }} }}
  }}
  leaf elsewhere {{ type string; }}
}}"""
MOVES = 'default "x"; when "/m:elsewhere";'


def test_what_is_learnt_of_a_schema_is_of_no_other(tmp_path: Path) -> None:
    for name, condition in (("one", ""), ("another", MOVES), ("third", ""), ("one", "")):
        file = tmp_path / "m.yang"
        file.write_text(MODULE.format(name, condition))
        schema = Schema(standard_modules(), files=[file])
        assert moving_defaults(schema) == ({"m"} if condition else set())
        rows = "".join(f"<entry><id>{number}</id></entry>" for number in range(20))
        tree = Tree.parse(schema, f'<{name} xmlns="urn:{name}">{rows}</{name}>'.encode())
        units = list(units_by_path(tree).values())
        assert print_all(units, locate_all(units, tree)) == [alone(unit, tree) for unit in units]
        del tree, units
        schema.close()


@settings(max_examples=200)
@given(changes)
def test_a_tree_made_anew_is_the_one_in_which_units_are_replaced(
    schema: Schema, change: tuple[str, str, str]
) -> None:
    running, candidate = changed(schema, change)
    units = list(candidate.changed.values())
    for restore in (True, False):
        in_place = running.duplicate()
        for unit in units:
            unit.replace_in(in_place, unit.locate(candidate.tree), restore_default=restore)
        source = candidate.tree.duplicate()
        found = locate_all(units, source)
        made = rebuilt(running, units, source, found, restore_default=restore)
        assert whole(made) == whole(in_place)
        assert [unit.path for unit in all_units(made)] == [unit.path for unit in all_units(in_place)]


@settings(max_examples=200)
@given(changes)
@example((three("abc"), three("acb"), "replace"))
def test_a_large_commit_is_what_a_small_one_is(schema: Schema, change: tuple[str, str, str]) -> None:
    preparation = Preparation(schema, [RecordingTranslator()])
    results = []
    for few in (ALWAYS, NEVER):
        running, candidate = changed(schema, change)
        if errors_of_validation(candidate.tree):
            return
        expected = one_by_one(preparation, candidate, running)
        datastores = Datastores(schema)
        datastores.start_with(running)
        datastores.candidate = candidate
        prepared = preparation.prepare(candidate, running)
        assert [prepared.records, [*prepared.changes.get("recording", ())]] == list(expected)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(many, "FEW", few)
            patch.setattr(many, "MOST_IN_PLACE", few)
            replace_units(datastores, prepared, Recorded(7, "2026-11-27T10:00:00.000+00:00"))
            candidate.discard(datastores.running)
        # An order that the system gives is no difference: the candidate keeps the one of its edits.
        assert in_one_order(candidate.tree) == in_one_order(datastores.running) or few is NEVER
        assert candidate.differing(datastores.running) == []
        results.append((whole(datastores.running), datastores.txids.units, datastores.txids.shells))
    assert results[0] == results[1]


def test_how_many_are_many_depends_on_how_many_there_are(schema: Schema) -> None:
    rows = "".join(f"<entry><id>{number}</id></entry>" for number in range(400))
    tree = Candidate(empty_running(schema))
    edit(tree, config(top(rows)))
    assert not are_many(many.FEW, tree.tree), "however few there are"
    assert are_many(120, tree.tree)
    assert not are_many(90, tree.tree), "they are a small part"
    assert are_many(many.MOST_IN_PLACE + 1, tree.tree), "others would wait for too long"


def test_a_container_that_is_annotated_is_printed_with_it(schema: Schema) -> None:
    candidate = Candidate(empty_running(schema))
    edit(candidate, config(top("".join(f"<entry><id>{number}</id></entry>" for number in range(3)))))
    units = [unit for unit in all_units(candidate.tree) if unit.is_entry]
    marked = units[1]
    add_annotation(schema, marked.probe.first, "ietf-origin", "origin", "ietf-origin:intended")
    texts = print_all(units, locate_all(units, candidate.tree))
    assert texts == [printed(unit, unit.locate(candidate.tree)) for unit in units]
    assert [b"intended" in text for text in texts] == [False, True, False]


def test_what_is_wrong_is_found_in_what_was_to_be_validated(schema: Schema) -> None:
    running = empty_running(schema)
    candidate = Candidate(running)
    rows = "".join(f"<entry><id>{number}</id><number>2</number><twice>5</twice></entry>" for number in (1, 2))
    edit(candidate, config(top(rows)))
    errors = errors_of(Preparation(schema, []).prepare, candidate, running)
    assert [error.app_tag for error in errors] == ["twice-wrong"] * 2


@settings(max_examples=60, deadline=None)
@given(document=documents)
def test_entries_of_a_list_are_its_units(schema: Schema, document: str) -> None:
    candidate = Candidate(empty_running(schema))
    edit(candidate, config(document))
    tree = candidate.tree
    for path in ("/every-construct:top/entry", "/acme:interfaces/interface"):
        list_node = schema.find(path)
        units = [unit for unit in all_units(tree) if unit.schema_node is list_node]
        assert [unit_path(schema, node) for node in entries_of(tree, path)] == [unit.path for unit in units]
        datastores = Datastores(schema)
        datastores.start_with(tree.duplicate(), {})
        of_each = [unit.locate(tree)[0] for unit in units]
        assert datastores.entries(path) == {keys_of(node, list_node): to_json(node) for node in of_each}


@pytest.mark.parametrize("names", [(), ("b",), ("b", "a", "c")])
def test_entries_that_form_one_unit_are_all_there(schema: Schema, names: Sequence[str]) -> None:
    """In their order, which is the user's."""
    rows = "".join(f"<uo><k>{name}</k><v>{number}</v></uo>" for number, name in enumerate(names))
    tree = Tree.parse(schema, f'<box xmlns="urn:hostile">{rows}</box>'.encode())
    datastores = Datastores(schema)
    datastores.start_with(tree)
    found = datastores.entries("/hostile:box/uo")
    expected = {(name,): {"k": name, "v": str(number)} for number, name in enumerate(names)}
    assert list(found.items()) == list(expected.items())
    paths = {unit_path(schema, node) for node in entries_of(tree, "/hostile:box/uo")}
    assert paths == {unit.path for unit in all_units(tree) if unit.group}


def test_what_is_no_list_has_no_entries(schema: Schema) -> None:
    with pytest.raises(KeyError):
        list(entries_of(empty_running(schema), "/every-construct:nothing"))
