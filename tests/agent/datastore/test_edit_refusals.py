"""What edit-config refuses, with exact errors, and nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from agent.datastore.edit import edit
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.lab import EC, candidate_with, config, entry, errors_of, top

NOTHING = ""


@dataclass(frozen=True)
class Refusal:
    name: str
    before: str
    change: str
    errors: tuple[tuple[str, str | None, str | None], ...]
    default: str = "merge"


E1 = "/every-construct:top/entry[id='1']"
REFUSALS = [
    Refusal(
        "create of what exists", entry(""), entry("", 'nc:operation="create"'), (("data-exists", None, E1),)
    ),
    Refusal(
        "create of a leaf that exists",
        entry("<number>1</number>"),
        entry('<number nc:operation="create">1</number>'),
        (("data-exists", None, f"{E1}/number"),),
    ),
    Refusal(
        "delete of what is absent", NOTHING, entry("", 'nc:operation="delete"'), (("data-missing", None, E1),)
    ),
    Refusal(
        "delete of a default",
        NOTHING,
        top('<flag nc:operation="delete"/>'),
        (("data-missing", None, "/every-construct:top/flag"),),
    ),
    Refusal(
        "all that is missing is told",
        entry(""),
        entry('<number nc:operation="delete"/><word nc:operation="delete"/>'),
        (("data-missing", None, f"{E1}/number"), ("data-missing", None, f"{E1}/word")),
    ),
    Refusal(
        "no corresponding level under none",
        NOTHING,
        entry("<number>1</number>"),
        (("data-missing", None, E1),),
        "none",
    ),
    Refusal("unknown element", NOTHING, entry("<nonsense/>"), (("unknown-element", None, E1),)),
    Refusal("unknown namespace", NOTHING, '<a xmlns="urn:nowhere"/>', (("unknown-namespace", None, None),)),
    Refusal(
        "state cannot be configured",
        NOTHING,
        entry("<state><seen>1</seen></state>"),
        (("unknown-element", None, f"{E1}/state"),),
    ),
    Refusal(
        "missing key",
        NOTHING,
        top("<entry><number>1</number></entry>"),
        (("missing-element", None, "/every-construct:top/entry"),),
    ),
    Refusal(
        "range with its own message",
        NOTHING,
        entry("<number>201</number>"),
        (("invalid-value", "number-range", f"{E1}/number"),),
    ),
    Refusal(
        "pattern with its own app-tag",
        NOTHING,
        entry("<word>A</word>"),
        (("invalid-value", "word-pattern", f"{E1}/word"),),
    ),
    Refusal(
        "several faults at once",
        NOTHING,
        entry("<number>x</number><word>A</word><nonsense/>"),
        (
            ("invalid-value", None, f"{E1}/number"),
            ("invalid-value", "word-pattern", f"{E1}/word"),
            ("unknown-element", None, E1),
        ),
    ),
    Refusal("unknown identity", NOTHING, entry("<pet>ec:dog</pet>"), (("invalid-value", None, f"{E1}/pet"),)),
    Refusal(
        "unknown operation",
        NOTHING,
        entry("", 'nc:operation="destroy"'),
        (("bad-attribute", None, "/every-construct:top/entry[id='1']"),),
    ),
    Refusal(
        "operation without namespace",
        NOTHING,
        entry("", 'operation="delete"'),
        (("unknown-attribute", None, "/every-construct:top/entry[id='1']"),),
    ),
    Refusal(
        "insert on a list ordered by system",
        NOTHING,
        entry("", 'yang:insert="first"'),
        (("unknown-attribute", None, E1),),
    ),
    Refusal(
        "insert with a wrong value",
        NOTHING,
        entry('<step yang:insert="somewhere">a</step>'),
        (("bad-attribute", None, "/every-construct:top/entry[id='1']/step[.='a']"),),
    ),
    Refusal(
        "insert before without value",
        entry("<step>a</step>"),
        entry('<step yang:insert="before">b</step>'),
        (("missing-attribute", None, f"{E1}/step[.='b']"),),
    ),
    Refusal(
        "insert next to what is not there",
        entry("<step>a</step>"),
        entry('<step yang:insert="after" yang:value="z">b</step>'),
        (("bad-attribute", "missing-instance", f"{E1}/step[.='b']"),),
    ),
    Refusal(
        "delete of a key",
        entry(""),
        top('<entry><id nc:operation="delete">1</id></entry>'),
        (("bad-attribute", None, f"{E1}/id"),),
    ),
    Refusal(
        "a value tagged as default that is none (RFC 6243 4.5.2)",
        NOTHING,
        top('<flag wd:default="true">false</flag>'),
        (("invalid-value", None, "/every-construct:top/flag"),),
    ),
    Refusal(
        "create of a leaf tagged as default that is set",
        top("<flag>false</flag>"),
        top('<flag wd:default="1" nc:operation="create">true</flag>'),
        (("data-exists", None, "/every-construct:top/flag"),),
    ),
    Refusal(
        "a default attribute that is no boolean",
        NOTHING,
        top('<flag wd:default="maybe">true</flag>'),
        (("bad-attribute", None, "/every-construct:top/flag"),),
    ),
    Refusal(
        "a leaf twice",
        NOTHING,
        entry('<number>1</number><number nc:operation="merge">2</number>'),
        (("bad-element", None, f"{E1}/number"),),
    ),
    Refusal(
        "text where elements belong",
        NOTHING,
        entry('<plain nc:operation="merge">text</plain>'),
        (("bad-element", None, f"{E1}/plain"),),
    ),
    Refusal(
        "elements where a value belongs",
        NOTHING,
        entry("<number><x/></number>"),
        (("bad-element", None, f"{E1}/number"),),
    ),
]


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_edit_refuses_with_exact_errors_and_changes_nothing(schema: Schema, case: Refusal) -> None:
    candidate = candidate_with(schema, *([case.before] if case.before else []))
    before, changed = candidate.tree.to_xml(), set(candidate.changed)
    errors = errors_of(edit, candidate, config(case.change), case.default)
    assert tuple((e.tag, e.app_tag, e.path) for e in errors) == case.errors
    assert candidate.tree.to_xml() == before
    assert set(candidate.changed) == changed


def test_an_edit_that_fails_late_puts_back_what_it_did_before(schema: Schema) -> None:
    candidate = candidate_with(schema, entry("<number>1</number><step>a</step><step>b</step>"))
    before = candidate.tree.to_xml()
    change = top(
        '<entry><id>1</id><number>2</number><step yang:insert="first">b</step></entry>'
        '<entry nc:operation="delete"><id>7</id></entry>'
    )
    assert [e.tag for e in errors_of(edit, candidate, config(change))] == ["data-missing"]
    assert candidate.tree.to_xml() == before


def test_a_nul_never_reaches_libyang(schema: Schema) -> None:
    candidate = candidate_with(schema)
    element = config(entry("<word>a</word>"))
    with pytest.raises(ValueError, match="NULL"):
        element[0][0][1].text = "a\0b"
    errors = errors_of(Tree.parse, schema, b'<order xmlns="' + EC.encode() + b'">a\0b</order>')
    assert "NUL" in errors[0].message
    assert candidate.tree.to_xml() == b""
