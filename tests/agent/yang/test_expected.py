"""Whoever gives a value that does not fit is told what would."""

from __future__ import annotations

import pytest

from agent.yang import expected as module
from agent.yang.expected import expected
from agent.yang.schema import Schema
from agent.yang.values import value_problem

TOP = "/every-construct:top"
NO_ANIMAL = "is not an identity derived from animal"


@pytest.mark.parametrize(
    ("leaf", "words"),
    [
        ("entry/number", "a whole number from 0 to 200"),
        ("entry/side", "a whole number from -2147483648 to 2147483647"),
        ("entry/colour", "one of red, blue"),
        ("entry/either", "a whole number from 0 to 255 or one of none"),
        ("entry/word", ""),
        ("entry/pet", "an identity derived from animal"),
        ("entry/marker", "empty"),
        ("entry/radius", "a number with at most 2 digits behind the point"),
        ("entry/blob", "octets in base64"),
        ("entry/switches", "some of a, b"),
        ("flag", "true or false"),
    ],
)
def test_what_a_type_takes_is_said_in_words(schema: Schema, leaf: str, words: str) -> None:
    assert expected(schema.find(f"{TOP}/{leaf}")) == words


def test_a_long_list_of_words_ends(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORDS_MAX", 1)
    assert expected(schema.find(f"{TOP}/entry/colour")) == "one of red, ..."


@pytest.mark.parametrize(
    ("leaf", "value", "message"),
    [
        ("entry/number", "201", "a number is at most 200"),  # the module's own words
        ("entry/stage/effort", "256", "effort: '256' is not a whole number from 0 to 255"),
        ("entry/number", "x" * 65, f"number: '{'x' * 64}...' is not a whole number from 0 to 200"),
        ("entry/word", "X1", "a word is of small letters"),
        ("entry/radius", "far", "radius: 'far' is not a number with at most 2 digits behind the point"),
        ("entry/marker", "x", "marker: 'x' is not empty"),
        ("entry/switches", "a z", "switches: 'a z' is not some of a, b"),
        ("entry/id", "", "id: '' is not a text of 1 to 16 characters"),
        ("entry/pet", "x:y", f"pet: 'x:y' {NO_ANIMAL}: its prefix is not declared here"),
    ],
)
def test_a_problem_says_what_would_fit(schema: Schema, leaf: str, value: str, message: str) -> None:
    problem = value_problem(schema, schema.find(f"{TOP}/{leaf}"), value, dict)
    assert problem is not None
    assert problem.message == message


def test_where_words_fail_it_is_said_what_the_node_is_for(schema: Schema) -> None:
    leaf = schema.find("/ietf-netconf-acm:nacm/rule-list/group")
    problem = value_problem(schema, leaf, "", dict)
    assert problem is not None
    assert problem.message.startswith("group: '' has none of the forms that this takes: List of admin")
