"""edit-config to the letter: every operation on every kind of node, and every error it can give."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from agent.datastore.edit import edit
from agent.yang.nodes import Defaults
from agent.yang.schema import Schema
from tests.agent.lab import candidate_with, config, empty_running, entry, top

NOTHING = ""


@dataclass(frozen=True)
class Case:
    name: str
    before: str
    change: str
    after: str
    default: str = "merge"


CHANGES = [
    Case("merge creates an entry", NOTHING, entry("<number>1</number>"), entry("<number>1</number>")),
    Case(
        "merge changes a leaf",
        entry("<number>1</number>"),
        entry("<number>2</number>"),
        entry("<number>2</number>"),
    ),
    Case(
        "merge keeps what it does not name",
        entry("<number>1</number>"),
        entry("<word>a</word>"),
        entry("<number>1</number><word>a</word>"),
    ),
    Case(
        "delete removes a leaf",
        entry("<number>1</number>"),
        entry('<number nc:operation="delete"/>'),
        entry(""),
    ),
    Case("remove of nothing is no error", entry(""), entry('<number nc:operation="remove"/>'), entry("")),
    Case("remove of an absent entry is no error", NOTHING, entry("", 'nc:operation="remove"'), NOTHING),
    Case("delete removes an entry", entry("<number>1</number>"), entry("", 'nc:operation="delete"'), NOTHING),
    Case(
        "create makes an entry",
        NOTHING,
        entry("<word>a</word>", 'nc:operation="create"'),
        entry("<word>a</word>"),
    ),
    Case(
        "create over a default is allowed",
        NOTHING,
        top('<flag nc:operation="create">true</flag>'),
        top("<flag>true</flag>"),
    ),
    Case(
        "replace drops what it does not name",
        entry("<number>1</number><word>a</word>"),
        entry("<word>b</word>", 'nc:operation="replace"'),
        entry("<word>b</word>"),
    ),
    Case(
        "replace of a container",
        entry("<plain><note>x</note><speed>7</speed></plain>"),
        entry('<plain nc:operation="replace"><speed>8</speed></plain>'),
        entry("<plain><speed>8</speed></plain>"),
    ),
    Case(
        "replace inside an operation none",
        entry("<number>1</number>"),
        entry('<number nc:operation="replace">9</number>'),
        entry("<number>9</number>"),
        "none",
    ),
    Case(
        "a deep delete under default none",
        entry("<plain><note>x</note></plain>"),
        entry('<plain><note nc:operation="delete"/></plain>'),
        entry(""),
        "none",
    ),
    Case(
        "a create under default none makes the parents it needs",
        entry(""),
        entry('<plain><note nc:operation="create">x</note></plain>'),
        entry("<plain><note>x</note></plain>"),
        "none",
    ),
    Case(
        "default-operation replace leaves only the edit",
        entry("<number>1</number>"),
        top("<entry><id>2</id></entry>"),
        top("<entry><id>2</id></entry>"),
        "replace",
    ),
    Case(
        "another case of a choice goes away",
        entry("<radius>1.5</radius><colour>red</colour>"),
        entry("<side>4</side>"),
        entry("<side>4</side>"),
    ),
    Case(
        "the same case stays",
        entry("<radius>1.5</radius>"),
        entry("<colour>red</colour>"),
        entry("<radius>1.5</radius><colour>red</colour>"),
    ),
    Case("a presence container comes empty", entry(""), entry("<present/>"), entry("<present/>")),
    Case(
        "a presence container is deleted",
        entry("<present><needed>x</needed></present>"),
        entry('<present nc:operation="delete"/>'),
        entry(""),
    ),
    Case("an empty leaf", entry(""), entry("<marker/>"), entry("<marker/>")),
    Case(
        "an identityref keeps its meaning", entry(""), entry("<pet>ec:cat</pet>"), entry("<pet>ec:cat</pet>")
    ),
    Case(
        "a union takes each member",
        entry("<either>7</either>"),
        entry("<either>none</either>"),
        entry("<either>none</either>"),
    ),
    Case(
        "anydata is taken whole",
        entry(""),
        entry('<anything><x xmlns="urn:any"><y>1</y></x></anything>'),
        entry('<anything><x xmlns="urn:any"><y>1</y></x></anything>'),
    ),
    Case(
        "anydata keeps its own attributes, whatever they are",
        entry(""),
        entry('<anything><x xmlns="urn:any" operation="delete" nc:operation="delete">1</x></anything>'),
        entry('<anything><x xmlns="urn:any" operation="delete" nc:operation="delete">1</x></anything>'),
    ),
    Case(
        "anydata is replaced",
        entry('<anything><x xmlns="urn:any">1</x></anything>'),
        entry('<anything><z xmlns="urn:any">2</z></anything>'),
        entry('<anything><z xmlns="urn:any">2</z></anything>'),
    ),
    Case(
        "leaf-list entries add up",
        entry("<tag>a</tag>"),
        entry("<tag>b</tag>"),
        entry("<tag>a</tag><tag>b</tag>"),
    ),
    Case(
        "one leaf-list entry is deleted",
        entry("<tag>a</tag><tag>b</tag>"),
        entry('<tag nc:operation="delete">a</tag>'),
        entry("<tag>b</tag>"),
    ),
    Case(
        "a list with two keys",
        entry(""),
        entry("<address><ip>i</ip><port>2</port></address>"),
        entry("<address><ip>i</ip><port>2</port></address>"),
    ),
    Case(
        "an augmented leaf",
        entry(""),
        entry("<et:foreign>f</et:foreign>"),
        entry("<et:foreign>f</et:foreign>"),
    ),
    Case(
        "insert first",
        entry("<step>a</step>"),
        entry('<step yang:insert="first">b</step>'),
        entry("<step>b</step><step>a</step>"),
    ),
    Case(
        "insert last moves",
        entry("<step>a</step><step>b</step>"),
        entry('<step yang:insert="last">a</step>'),
        entry("<step>b</step><step>a</step>"),
    ),
    Case(
        "insert before a value",
        entry("<step>a</step><step>b</step>"),
        entry('<step yang:insert="before" yang:value="b">c</step>'),
        entry("<step>a</step><step>c</step><step>b</step>"),
    ),
    Case(
        "insert after a key",
        entry("<stage><name>a</name></stage><stage><name>b</name></stage>"),
        entry('<stage yang:insert="after" yang:key="[ec:name=\'a\']"><name>c</name></stage>'),
        entry("<stage><name>a</name></stage><stage><name>c</name></stage><stage><name>b</name></stage>"),
    ),
    Case(
        "replace keeps the place of an entry ordered by user",
        entry("<stage><name>a</name></stage><stage><name>b</name></stage>"),
        entry('<stage nc:operation="replace"><name>a</name><effort>1</effort></stage>'),
        entry("<stage><name>a</name><effort>1</effort></stage><stage><name>b</name></stage>"),
    ),
    Case(
        "a key with both quotes",
        NOTHING,
        top("<entry><id>it's \"</id><number>1</number></entry>"),
        top("<entry><id>it's \"</id><number>1</number></entry>"),
    ),
    Case(
        "a leaf tagged as default goes back to its default (RFC 6243 4.5.2)",
        top("<flag>false</flag>"),
        top('<flag wd:default="true">true</flag>'),
        NOTHING,
    ),
    Case(
        "a leaf tagged as no default is explicit",
        NOTHING,
        top('<flag wd:default="false">true</flag>'),
        top("<flag>true</flag>"),
    ),
    Case(
        "delete of a container above lists removes its entries",
        top("<entry><id>1</id></entry><flag>false</flag>"),
        '<ec:top nc:operation="delete"/>',
        NOTHING,
    ),
]


@pytest.mark.parametrize("case", CHANGES, ids=lambda case: case.name)
def test_edit_gives_the_expected_candidate(schema: Schema, case: Case) -> None:
    candidate = candidate_with(schema, *([case.before] if case.before else []))
    edit(candidate, config(case.change), case.default)
    expected = candidate_with(schema, *([case.after] if case.after else []))
    assert candidate.tree.to_xml() == expected.tree.to_xml()


@pytest.mark.parametrize("speed", ["100", "5"])
def test_a_container_whose_leaf_took_the_place_of_a_default_is_there_to_be_removed(
    schema: Schema, speed: str
) -> None:
    candidate = candidate_with(schema, entry(""))
    edit(candidate, config(entry(f"<plain><speed>{speed}</speed></plain>")))
    edit(candidate, config(entry('<plain nc:operation="delete"/>')))
    assert candidate.tree.to_xml() == candidate_with(schema, entry("")).tree.to_xml()


def test_only_touched_units_count_as_changed(schema: Schema) -> None:
    running = empty_running(schema)
    candidate = candidate_with(schema, top("<entry><id>1</id></entry><entry><id>2</id></entry>"))
    candidate.changed.clear()
    edit(
        candidate, config(top('<entry><id>2</id><plain><note nc:operation="merge">x</note></plain></entry>'))
    )
    assert set(candidate.changed) == {"/every-construct:top/entry[id='2']"}
    candidate.discard(running)
    assert not candidate.changed


def test_discard_makes_the_candidate_equal_to_running(schema: Schema) -> None:
    running = empty_running(schema)
    candidate = candidate_with(
        schema, entry("<word>a</word>"), "<ec:order>x</ec:order>", top("<flag>false</flag>")
    )
    candidate.discard(running)
    assert candidate.tree.to_xml(Defaults.REPORT_ALL) == running.to_xml(Defaults.REPORT_ALL)
