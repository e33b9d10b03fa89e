"""A large edit is applied at once: nobody can tell that from one by one, but by the time that it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.datastore import edit as editing
from agent.datastore import edit_beforehand, edit_pieces
from agent.datastore.candidate import Candidate, Savepoint
from agent.datastore.edit import edit
from agent.errors import RpcErrors
from agent.yang.beside import BESIDE
from agent.yang.nodes import XML, Defaults, print_node
from agent.yang.paths import MAX_KEY_OCTETS
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.units import all_units
from tests.agent.datastore.test_any_edit import DOCUMENTS
from tests.agent.lab import EC, config, empty_running, make_schema, top

EVERYTHING = 10**9

BODIES = (
    "",
    "<word>a</word><only-with-word>x</only-with-word>",
    "<number>1</number><tag>a</tag><tag>b</tag>",
    "<side>7</side><step>c</step><step>a</step>",
    "<radius>2</radius><colour>blue</colour>",
    "<stage><name>q</name></stage><stage><name>p</name></stage>",
    "<address><ip>a</ip><port>1</port></address><address><ip>b</ip><port>1</port><alias>y</alias></address>",
    "<plain><speed>8</speed></plain><present><needed>m</needed></present>",
)
OPERATIONS = st.sampled_from([None, "merge", "merge", "replace", "replace", "create", "delete", "remove"])
LENIENT = st.sampled_from([None, "merge", "replace", "replace", "remove"])
MOSTLY_NONE = st.sampled_from([*([None] * 12), "merge", "replace", "create", "delete", "remove"])


@contextmanager
def at_once(elements: int, piece: int = edit_pieces.PIECE) -> Iterator[None]:
    """Have edits of more than ``elements`` elements applied at once, in pieces of ``piece`` entries."""
    many = patch.object(edit_beforehand, "AT_ONCE_ELEMENTS", elements)
    pieces = patch.object(edit_pieces, "PIECE", piece)
    with many, pieces, patch.object(editing, "FEW", min(elements, 16)):
        yield


def tag(name: str, operation: str | None, body: str) -> str:
    said = f' nc:operation="{operation}"' if operation else ""
    return f"<{name}{said}>{body}</{name}>"


def texts(name: str, *values: str) -> st.SearchStrategy[str]:
    return st.builds(tag, st.just(name), MOSTLY_NONE, st.sampled_from(values))


def boxes(name: str, body: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(tag, st.just(name), MOSTLY_NONE, body)


ADDRESSES = boxes(
    "address",
    st.builds(
        lambda ip, port, alias: f"<ip>{ip}</ip><port>{port}</port>{alias}",
        st.sampled_from(["a", "b"]),
        st.sampled_from(["1", "01", "2"]),
        st.sampled_from(["", "<alias>x</alias>"]),
    ),
)
STAGES = boxes(
    "stage",
    st.builds(
        lambda name, effort: f"<name>{name}</name>{effort}",
        st.sampled_from(["p", "q"]),
        st.one_of(st.just(""), texts("effort", "1", "2")),
    ),
)
PARTS = st.one_of(
    texts("number", "1", "2", "02", "201"),
    texts("word", "a", "bc", "B"),
    texts("hidden", "x", ""),
    texts("only-with-word", "x"),
    texts("radius", "1.0", "1"),
    texts("colour", "red"),
    texts("side", "1"),
    texts("pet", "ec:cat"),
    texts("tag", "a", "b"),
    texts("step", "a", "b"),
    texts("marker", ""),
    ADDRESSES,
    STAGES,
    boxes("present", st.just("<needed>n</needed>")),
    boxes("plain", st.one_of(st.just(""), texts("speed", "100", "7"), texts("note", "n"), st.just("text"))),
    boxes("anything", st.just('<x xmlns="urn:x"/>')),
    st.sampled_from(["<nonsense/>", "text", "<state><seen>1</seen></state>"]),
)
SOUND = st.one_of(
    st.sampled_from(["<number>1</number>", "<word>a</word>", "<word>bc</word>"]),
    st.sampled_from(["<side>1</side>", "<radius>1</radius>", "<step>a</step>", "<tag>b</tag>"]),
    st.sampled_from(["", "<hidden>x</hidden>", "<hidden>y</hidden>"]),
    texts("hidden", "x", "y"),
    ADDRESSES,
    st.lists(ADDRESSES, min_size=2, max_size=3).map("".join),
    st.just("<stage><name>p</name><effort>1</effort></stage>"),
    st.just("<plain><note>n</note></plain>"),
)


def entries(
    parts: st.SearchStrategy[str], operations: st.SearchStrategy[str | None]
) -> st.SearchStrategy[str]:
    keys = st.sampled_from(["1", "2", "3", "4", "5", "1'"])
    rows = st.lists(st.tuples(keys, operations, st.lists(parts, max_size=4)), min_size=1, max_size=8)
    once = rows.map(lambda found: list({key: (key, *rest) for key, *rest in found}.values()))
    return st.one_of(once, once, rows).map(
        lambda found: "".join(
            tag("entry", operation, f"<id>{key}</id>{''.join(dict.fromkeys(body))}")
            for key, operation, body in found
        )
    )


def documents(
    parts: st.SearchStrategy[str], operations: st.SearchStrategy[str | None]
) -> st.SearchStrategy[str]:
    return st.builds(
        lambda rows, operation, more: tag("top", operation, rows + more).replace(
            "<top", f'<top xmlns="{EC}"', 1
        ),
        entries(parts, operations),
        MOSTLY_NONE,
        st.sampled_from(["", "", "", "<flag>false</flag>", "\n ", "text", "\u00a0"]),
    )


BASE = st.lists(st.sampled_from(range(8)), min_size=4, max_size=4).map(
    lambda chosen: "".join(f"<entry><id>{at + 1}</id>{BODIES[one]}</entry>" for at, one in enumerate(chosen))
)
# Most of them are sound: of what is not, one fault hides all that would come after it.
EDITS = st.one_of(
    *[documents(SOUND, LENIENT)] * 4,
    *[documents(SOUND, OPERATIONS)] * 3,
    documents(PARTS, OPERATIONS),
    DOCUMENTS,
)
STEPS = st.tuples(
    st.tuples(BASE.map(top), st.just("merge")),
    *[st.tuples(EDITS, st.sampled_from(["merge", "merge", "merge", "merge", "replace", "none"]))] * 3,
).map(list)
PIECES = st.sampled_from([1, 2, edit_pieces.PIECE])
Faults = list[tuple[object, ...]]


def outcome(
    candidate: Candidate, body: str, default: str, elements: int, piece: int = edit_pieces.PIECE
) -> Savepoint | Faults:
    with at_once(elements, piece):
        try:
            return edit(candidate, config(body), default)
        except RpcErrors as problem:
            return [(e.tag, e.type, e.path, e.app_tag, e.message, e.info, e.about) for e in problem.errors]


def whole(candidate: Candidate) -> tuple[dict[str, list[bytes]], list[str], set[str]]:
    """Return all that a candidate holds, and knows; entries of a list may have come back in any order."""
    tree = candidate.tree
    content = {
        unit.path: [print_node(node, XML, Defaults.REPORT_ALL_TAGGED, True) for node in unit.locate(tree)]
        for unit in all_units(tree)
    }
    return content, sorted(candidate.changed), candidate.blind


def kinds(savepoint: Savepoint) -> list[tuple[str, str]]:
    return sorted((found.operation.value, found.schema_node.path) for found in savepoint.differences())


def assert_the_same(schema: Schema, steps: list[tuple[str, str]], piece: int) -> None:
    running = empty_running(schema)
    one, other = Candidate(running), Candidate(running)
    for body, default in steps:
        before = whole(one)
        found, expected = outcome(one, body, default, 0, piece), outcome(other, body, default, EVERYTHING)
        assert whole(one) == whole(other)
        if not isinstance(found, Savepoint) or not isinstance(expected, Savepoint):
            assert found == expected
            assert whole(one) == before
            continue
        assert kinds(found) == kinds(expected)
        found.take_back()
        expected.take_back()
        assert whole(one) == whole(other)
        assert whole(one) == before
        outcome(one, body, default, 0, piece)
        outcome(other, body, default, EVERYTHING)
        assert whole(one) == whole(other)
    paths = [sorted(unit.path for unit in candidate.differing(running)) for candidate in (one, other)]
    assert paths[0] == paths[1]
    one.discard(running)
    assert one.tree.to_xml(Defaults.REPORT_ALL) == running.to_xml(Defaults.REPORT_ALL)


@settings(max_examples=400)
@given(STEPS, PIECES)
def test_at_once_and_one_by_one_are_the_same(
    schema: Schema, steps: list[tuple[str, str]], piece: int
) -> None:
    assert_the_same(schema, steps, piece)


INNER = st.builds(
    lambda operation, name, value: tag("inner", operation, f"<name>{name}</name>{value}"),
    MOSTLY_NONE,
    st.sampled_from("ab"),
    st.one_of(st.just(""), texts("value", "v", "w")),
)
INSIDE = boxes("inside", st.lists(st.one_of(INNER, texts("speed", "7", "8")), max_size=3).map("".join))
OUTER = st.lists(
    st.tuples(
        st.sampled_from("123"),
        st.sampled_from([None, None, None, "merge", "replace", "remove", "create", "delete"]),
        st.one_of(st.just(""), texts("note", "n")),
        st.one_of(st.just(""), INSIDE),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda row: row[0],
).map(
    lambda rows: (
        '<all xmlns="urn:yangswan:test:nested">'
        + "".join(tag("outer", said, f"<id>{key}</id>{note}{inside}") for key, said, note, inside in rows)
        + "</all>"
    )
)


@pytest.fixture(scope="module")
def nested() -> Iterator[Schema]:
    schema = make_schema("nested")
    yield schema
    schema.close()


@settings(max_examples=300)
@given(
    st.lists(st.tuples(OUTER, st.sampled_from(["merge", "merge", "none"])), min_size=2, max_size=4), PIECES
)
def test_lists_in_entries_are_no_exception(nested: Schema, steps: list[tuple[str, str]], piece: int) -> None:
    assert_the_same(nested, steps, piece)


MANY = 400


def many(said: str = "", body: str = "<number>1</number><plain><speed>8</speed></plain>") -> str:
    return top("".join(f"<entry {said}><id>{at}</id>{body}</entry>" for at in range(MANY)))


def parses(candidate: Candidate, body: str) -> int:
    """Return how often libyang parses something for an edit."""
    with patch.object(Tree, "parse", wraps=Tree.parse) as parse:
        edit(candidate, config(body))
    return parse.call_count


@pytest.mark.parametrize("operation", ["merge", "replace", "create", "remove"])
def test_many_entries_are_parsed_once_whatever_is_to_be_done_with_them(
    schema: Schema, operation: str
) -> None:
    candidate = Candidate(empty_running(schema))
    assert parses(candidate, many(f'nc:operation="{operation}"')) == 1
    assert len(candidate.changed) == (0 if operation == "remove" else MANY)


def test_what_is_said_inside_of_many_entries_is_parsed_once(schema: Schema) -> None:
    candidate = Candidate(empty_running(schema))
    assert parses(candidate, many()) == -(-MANY // edit_pieces.PIECE)
    assert parses(candidate, many(body='<number nc:operation="replace">2</number>')) == 1
    assert candidate.tree.to_xml().count(b"<number>2</number>") == MANY
    assert parses(candidate, many('nc:operation="delete"')) == 1
    assert b"<entry>" not in candidate.tree.to_xml()


def test_one_fault_among_many_entries_is_named_as_in_a_small_edit(schema: Schema) -> None:
    candidate = Candidate(empty_running(schema))
    edit(candidate, config(many()))
    before = whole(candidate)
    for said in ("create", "merge"):
        wrong = many(f'nc:operation="{said}"', "<number>1</number>").replace("<number>1", "<number>201", 1)
        found, expected = (
            outcome(candidate, wrong, "merge", 1000),
            outcome(candidate, wrong, "merge", EVERYTHING),
        )
        assert found == expected
        assert isinstance(found, list)
        assert found[0][0] == "invalid-value"
        assert whole(candidate) == before
    assert outcome(candidate, many('nc:operation="create"'), "merge", 1000) == outcome(
        candidate, many('nc:operation="create"'), "merge", EVERYTHING
    )


def test_a_large_document_without_instructions_is_parsed_in_pieces_and_keeps_its_order(
    schema: Schema,
) -> None:
    candidate = Candidate(empty_running(schema))
    with patch.object(edit_pieces, "PIECE", 100):
        assert parses(candidate, many()) == MANY // 100
        assert parses(candidate, many("", "<number>2</number>")) == MANY // 100
    found = re.findall(rb"<id>(\d+)</id>", candidate.tree.to_xml())
    assert [int(key) for key in found] == list(range(MANY))
    assert candidate.tree.to_xml().count(b"<number>2</number>") == MANY


def test_nothing_is_given_to_libyang_before_it_is_found_plain(schema: Schema) -> None:
    long = "x" * (MAX_KEY_OCTETS + 1)
    wrong = many().replace("<id>150</id>", f"<id>{long}</id>")
    give = patch.object(BESIDE, "give", wraps=BESIDE.give)
    with patch.object(edit_pieces, "PIECE", 100), give as given, pytest.raises(RpcErrors):
        edit(Candidate(empty_running(schema)), config(wrong))
    (document,) = [call.args[0].args[1] for call in given.call_args_list]
    assert b"<id>99</id>" in document
    assert b"<id>100</id>" not in document, "it stands beside what is too long"


@pytest.mark.parametrize("text", ["stray", "<![CDATA[stray]]>", "&lt;entry&gt;", "\u00a0", "\u2003"])
@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("piece", [1, 2])
def test_text_between_entries_is_refused_as_in_a_small_edit(
    schema: Schema, text: str, at: int, piece: int
) -> None:
    rows = [f"<entry><id>{number}</id></entry>" for number in range(1, 3)]
    body = top("".join([*rows[:at], text, *rows[at:]]))
    found = [
        outcome(Candidate(empty_running(schema)), body, "merge", elements, piece)
        for elements in (EVERYTHING, 0)
    ]
    assert isinstance(found[0], list)
    assert found[0] == found[1]
    assert found[0][0][2] == "/every-construct:top"
