"""Entries that no rule tells apart: what holds for one of them does hold for all."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import PropertyMock, patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.datastore.candidate import Candidate
from agent.datastore.edit import edit
from agent.nacm.access import WRITES, Access
from agent.nacm.alike import Alike
from agent.nacm.control import AccessControl
from agent.nacm.rules import Rule, Rules, Step
from agent.operations.disclosure import named_refusals, names_hidden
from agent.operations.write import may_be_for
from agent.yang.schema import Schema
from tests.agent.lab import config, empty_running, make_schema, top

EC = "every-construct"
NAMES = ("number", "word", "address", "plain", "stage")


def step(name: str, /, **keys: str) -> Step:
    return Step(EC, name, keys)


IDS = st.sampled_from("123")
PATHS = st.one_of(
    st.none(),
    st.just((step("top"),)),
    st.just((step("top"), step("entry"))),
    st.builds(lambda key: (step("top"), step("entry", id=key)), IDS),
    st.builds(lambda name: (step("top"), step("entry"), step(name)), st.sampled_from(NAMES)),
    st.builds(
        lambda key, name: (step("top"), step("entry", id=key), step(name)), IDS, st.sampled_from(NAMES)
    ),
    st.just((step("top"), step("entry"), step("stage", name="p"))),
    st.just((step("references"),)),
)
RULES = st.lists(
    st.builds(
        lambda permit, path, access: Rule("list", "rule", permit, path=path, access=access),
        st.booleans(),
        PATHS,
        st.one_of(st.none(), st.frozensets(st.sampled_from(["read", *WRITES]), min_size=1)),
    ),
    max_size=6,
).map(tuple)
BODIES = st.lists(
    st.sampled_from(
        [
            "<number>1</number>", "<word>a</word>", "<plain><note>n</note></plain>",
            "<stage><name>p</name></stage>", "<stage><name>q</name><effort>1</effort></stage>",
            "<address><ip>a</ip><port>1</port></address>", '<hidden nc:operation="remove"/>',
        ]
    ),
    max_size=3,
    unique=True,
).map("".join)  # fmt: skip
OPERATIONS = st.sampled_from(["", "", ' nc:operation="replace"', ' nc:operation="remove"'])
DOCUMENTS = st.lists(
    st.tuples(IDS, OPERATIONS, BODIES), min_size=1, max_size=3, unique_by=lambda row: row[0]
).map(lambda rows: top("".join(f"<entry{said}><id>{key}</id>{body}</entry>" for key, said, body in rows)))


NESTED = "nested"
OUTER, INSIDE = Step(NESTED, "outer", {}), Step(NESTED, "inside", {})
ONE, INNER = Step(NESTED, "outer", {"id": "1"}), Step(NESTED, "inner", {})
ALL = Step(NESTED, "all", {})
NESTED_RULES = st.lists(
    st.builds(
        lambda permit, path, access: Rule("list", "rule", permit, path=path, access=access),
        st.booleans(),
        st.sampled_from(
            [
                (ALL,), (ALL, ONE), (ALL, OUTER), (ALL, ONE, INSIDE), (ALL, OUTER, INSIDE, INNER),
                (ALL, ONE, INSIDE, INNER), (ALL, ONE, INSIDE, INNER, Step(NESTED, "value", {})),
                (ALL, OUTER, INSIDE, Step(NESTED, "inner", {"name": "1"})),
                (ALL, OUTER, Step(NESTED, "note", {})),
            ]
        ),
        st.sampled_from([None, frozenset({"read"}), frozenset({"create", "update"}), frozenset({"delete"})]),
    ),
    max_size=6,
).map(tuple)  # fmt: skip
NESTED_DOCUMENTS = st.lists(
    st.tuples(
        IDS,
        OPERATIONS,
        st.lists(
            st.sampled_from(
                [
                    "<inner><name>1</name></inner>",
                    "<inner><name>2</name><value>v</value></inner>",
                    "<speed>7</speed>",
                ]
            ),
            max_size=2,
            unique=True,
        ),
        st.sampled_from(["", "<note>n</note>"]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda row: row[0],
).map(
    lambda rows: (
        '<all xmlns="urn:yangswan:test:nested">'
        + "".join(
            f"<outer{said}><id>{key}</id><inside>{''.join(inner)}</inside>{note}</outer>"
            for key, said, inner, note in rows
        )
        + "</all>"
    )
)


@pytest.fixture(scope="module")
def nested() -> Iterator[Schema]:
    schema = make_schema("nested")
    yield schema
    schema.close()


def access_by(rules: tuple[Rule, ...]) -> Access:
    return Access("joe", frozenset({"limited"}), settings=Rules(), rules=rules)


def found(schema: Schema, access: Access, before: str, body: str) -> list[object]:
    """Return all that may be said of an edit and of what it has changed."""
    candidate = Candidate(empty_running(schema))
    edit(candidate, config(before))
    document = config(body)
    named = [(error.path, error.message) for error in named_refusals(schema, access, document)]
    hidden = names_hidden(schema, access, document)
    changed = edit(candidate, document).differences(may_be_for(access))
    refused = AccessControl(schema).refusals(access, changed)
    return [named, hidden, [(error.path, error.message) for error in refused]]


def assert_the_same(schema: Schema, rules: tuple[Rule, ...], before: str, body: str) -> None:
    access = access_by(rules)
    before = before.replace(' nc:operation="remove"', "")
    at_once = found(schema, access, before, body)
    with (
        patch.object(Alike, "told_apart_inside", PropertyMock(return_value=True), create=True),
        patch.object(Alike, "permits", return_value=False),
    ):
        assert found(schema, access, before, body) == at_once


@settings(max_examples=300)
@given(RULES, DOCUMENTS, DOCUMENTS)
def test_entries_alike_are_treated_as_each_of_them_would_be(
    schema: Schema, rules: tuple[Rule, ...], before: str, body: str
) -> None:
    assert_the_same(schema, rules, before, body)


@settings(max_examples=300)
@given(NESTED_RULES, NESTED_DOCUMENTS, NESTED_DOCUMENTS)
def test_entries_in_entries_are_told_apart_by_these(
    nested: Schema, rules: tuple[Rule, ...], before: str, body: str
) -> None:
    assert_the_same(nested, rules, before, body)


def test_a_rule_about_one_entry_makes_it_another_kind(schema: Schema) -> None:
    entry = schema.find(f"/{EC}:top/entry")
    alike = Alike(access_by((Rule("list", "one", True, path=(step("top"), step("entry", id="1"))),)), entry)
    assert alike.needs_keys
    assert not alike.told_apart_inside
    assert alike.kind_of({"id": "2"}) == alike.kind_of({"id": "3"}) != alike.kind_of({"id": "1"})
    assert alike.permits({"id": "1"}, WRITES)
    assert not alike.permits({"id": "2"}, WRITES)


def test_a_rule_about_one_node_in_an_entry_has_each_looked_at(schema: Schema) -> None:
    entry = schema.find(f"/{EC}:top/entry")
    inside = (step("top"), step("entry"), step("stage", name="p"))
    alike = Alike(access_by((Rule("list", "p", False, path=inside), Rule("list", "all", True))), entry)
    assert alike.told_apart_inside
    assert not alike.permits({}, ["create"])


@pytest.mark.parametrize(
    ("path", "looked_at"),
    [
        ((step("top"), step("entry")), 1),  # said of all: a path without a key
        ((step("top"), step("entry"), step("word")), 60),  # each has its path
        ((step("top"), step("entry", id="7")), 60),  # a rule tells one from the others
    ],
)
def test_what_may_not_be_told_apart_is_looked_at_once(
    schema: Schema, path: tuple[Step, ...], looked_at: int
) -> None:
    candidate = Candidate(empty_running(schema))
    entries = (f"<entry><id>{key}</id><word>a</word></entry>" for key in range(60))
    edit(candidate, config(top("".join(entries))))
    hidden = Rule("list", "rule", False, path=path)
    nothing = Rule("list", "rest", False, access=frozenset(WRITES))
    access = access_by((hidden, nothing))
    entries = (f"<entry><id>{key}</id><word>b</word></entry>" for key in range(60))
    changed = list(edit(candidate, config(top("".join(entries)))).differences(may_be_for(access)))
    with patch.object(Access, "data_refusal", autospec=True, side_effect=Access.data_refusal) as looked:
        refused = list(AccessControl(schema).refusals(access, changed))
    assert looked.call_count == looked_at
    by_each = [access.data_refusal(schema, one.node, one.operation.value) for one in changed]
    assert {(e.path, e.message) for e in refused} == {(e.path, e.message) for e in by_each if e}
