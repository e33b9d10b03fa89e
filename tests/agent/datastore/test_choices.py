"""Data of two cases of one choice in one edit (RFC 7950 sections 7.9 and 8.3.1)."""

from __future__ import annotations

import pytest

from agent.datastore.edit import edit
from agent.yang.schema import Schema
from tests.agent.lab import CHOOSING, candidate_with, config, errors_of, make_schema

ALSO = "urn:yangswan:test:also-choosing"
T1 = "/choosing:trip[name='1']"


@pytest.fixture(scope="module")
def choosing() -> Schema:
    return make_schema("choosing", "also-choosing")


def trip(body: str, attributes: str = "") -> str:
    return f'<trip xmlns="{CHOOSING}" xmlns:ac="{ALSO}" {attributes}><name>1</name>{body}</trip>'


def tops(*bodies: str) -> str:
    return "".join(body.replace(">", f' xmlns="{CHOOSING}">', 1) for body in bodies)


MERGE = 'nc:operation="merge"'
CREATE = 'nc:operation="create"'
REMOVE = 'nc:operation="remove"'
TWO_CASES = {
    "of one leaf each": (trip("<lane>1</lane><train><number>2</number></train>"), f"{T1}/train"),
    "with attributes": (
        trip(f"<lane {MERGE}>1</lane><path {CREATE}><name>x</name></path>"),
        f"{T1}/path[name='x']",
    ),
    "of which one is an empty container": (trip("<lane>1</lane><train/>"), f"{T1}/train"),
    "of an inner choice": (trip("<own>a</own><hired>b</hired>"), f"{T1}/hired"),
    "inner and outer": (trip("<own>a</own><train><number>2</number></train>"), f"{T1}/train"),
    "in an entry that is created": (
        trip("<lane>1</lane><path><name>x</name></path>", CREATE),
        f"{T1}/path[name='x']",
    ),
    "in an entry that is replaced": (
        trip("<lane>1</lane><path><name>x</name></path>", 'nc:operation="replace"'),
        f"{T1}/path[name='x']",
    ),
    "at the top": (tops("<summer>a</summer>", "<winter></winter>"), "/choosing:winter"),
    "at the top with attributes": (
        tops(f"<summer {MERGE}>a</summer>", f"<winter {MERGE}></winter>"),
        "/choosing:winter",
    ),
    "of which one is another module's": (
        trip("<train><number>2</number></train><ac:funicular>a</ac:funicular>"),
        f"{T1}/also-choosing:funicular",
    ),
}


@pytest.mark.parametrize(("body", "path"), TWO_CASES.values(), ids=TWO_CASES)
def test_two_cases_in_one_edit_are_refused(choosing: Schema, body: str, path: str) -> None:
    candidate = candidate_with(choosing)
    (error,) = errors_of(edit, candidate, config(body))
    name = path.rpartition("/")[2].partition("[")[0].rpartition(":")[2]
    assert (error.tag, error.path, error.info) == ("bad-element", path, {"bad-element": name})
    assert candidate.tree.to_xml() == b""
    assert not candidate.changed


KEPT = {
    "the other case is removed": (
        trip("<lane>1</lane>"),
        trip(f"<lane {REMOVE}/><train {MERGE}><number>2</number></train>"),
        trip("<train><number>2</number></train>"),
    ),
    "all of the other case's container is removed": (
        trip("<train><number>2</number></train>"),
        trip(f"<train><number {REMOVE}/></train><lane {MERGE}>1</lane>"),
        trip("<lane>1</lane>"),
    ),
    "the other case stood there before": (
        trip("<own>a</own><lane>1</lane>"),
        trip("<hired>b</hired>"),
        trip("<lane>1</lane><hired>b</hired>"),
    ),
    "a choice of that name in another module": (
        tops("<summer>a</summer>"),
        f'<wet xmlns="{ALSO}">b</wet>',
        f'<wet xmlns="{ALSO}">b</wet>' + tops("<summer>a</summer>"),
    ),
    "both choices of one name": (
        trip("<lane>1</lane>"),
        trip("<ac:back>b</ac:back>"),
        trip("<lane>1</lane><ac:back>b</ac:back>"),
    ),
}


@pytest.mark.parametrize(("before", "change", "after"), KEPT.values(), ids=KEPT)
def test_what_excludes_nothing_of_the_edit_is_taken(
    choosing: Schema, before: str, change: str, after: str
) -> None:
    candidate = candidate_with(choosing, before, change)
    assert candidate.tree.to_xml() == candidate_with(choosing, after).tree.to_xml()


def test_another_case_goes_away_at_the_top_too(choosing: Schema) -> None:
    candidate = candidate_with(choosing, tops("<summer>a</summer>"), tops("<winter></winter>"))
    assert candidate.tree.to_xml() == f'<winter xmlns="{CHOOSING}"/>'.encode()
