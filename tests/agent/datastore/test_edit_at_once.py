"""A large edit is applied at once: nobody can tell that from one by one, but by the time that it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.datastore import edit as editing
from agent.datastore.candidate import Candidate, Savepoint
from agent.datastore.edit import edit
from agent.errors import RpcErrors
from agent.yang.schema import Schema
from agent.yang.tree import Defaults
from tests.agent.datastore.test_any_edit import DOCUMENTS
from tests.agent.lab import EC, config, empty_running

EVERYTHING = 10**9

OPERATIONS = st.sampled_from([None, None, None, "merge", "replace", "create", "delete", "remove"])
MOSTLY_NONE = st.sampled_from([*([None] * 12), "merge", "replace", "create", "delete", "remove"])


@contextmanager
def at_once(elements: int) -> Iterator[None]:
    """Have edits of more than ``elements`` elements applied at once."""
    with patch.object(editing, "AT_ONCE_ELEMENTS", elements), patch.object(editing, "FEW", min(elements, 16)):
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
    texts("number", "1", "2"),
    texts("word", "a", "bc"),
    texts("hidden", "x", "y"),
    texts("side", "1"),
    texts("step", "a", "b"),
    ADDRESSES,
    st.just("<plain><note>n</note></plain>"),
)


def entries(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda key, operation, body: tag("entry", operation, f"<id>{key}</id>{''.join(body)}"),
        st.sampled_from([*"12345678", "1'"]),
        OPERATIONS,
        st.lists(parts, max_size=4),
    )


def documents(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda rows, operation, more: tag("top", operation, "".join(rows) + more).replace(
            "<top", f'<top xmlns="{EC}"', 1
        ),
        st.lists(entries(parts), max_size=8),
        MOSTLY_NONE,
        st.sampled_from(["", "", "<flag>false</flag>", "\n "]),
    )


# Most of them are sound: of what is not, one fault hides all that would come after it.
EDITS = st.one_of(documents(SOUND), documents(SOUND), documents(PARTS), DOCUMENTS)
STEPS = st.lists(
    st.tuples(EDITS, st.sampled_from(["merge", "merge", "merge", "replace", "none"])), min_size=1, max_size=4
)
Faults = list[tuple[object, ...]]


def outcome(candidate: Candidate, body: str, default: str, elements: int) -> Savepoint | Faults:
    with at_once(elements):
        try:
            return edit(candidate, config(body), default)
        except RpcErrors as problem:
            return [(e.tag, e.type, e.path, e.app_tag, e.message, e.info, e.about) for e in problem.errors]


def whole(candidate: Candidate) -> tuple[bytes, list[str], set[str]]:
    tree = candidate.tree.to_xml(Defaults.REPORT_ALL_TAGGED, keep_empty=True)
    return tree, list(candidate.changed), candidate.blind


def kinds(savepoint: Savepoint) -> list[tuple[str, str]]:
    return [(found.operation.value, found.schema_node.path) for found in savepoint.differences()]


@settings(max_examples=500)
@given(STEPS)
def test_at_once_and_one_by_one_are_the_same(schema: Schema, steps: list[tuple[str, str]]) -> None:
    running = empty_running(schema)
    one, other = Candidate(running), Candidate(running)
    for body, default in steps:
        before = whole(one)
        found, expected = outcome(one, body, default, 0), outcome(other, body, default, EVERYTHING)
        assert whole(one) == whole(other)
        if not isinstance(found, Savepoint) or not isinstance(expected, Savepoint):
            assert found == expected
            continue
        assert kinds(found) == kinds(expected)
        found.take_back()
        expected.take_back()
        assert whole(one) == whole(other)
        assert sorted(whole(one)[0].split(b"<")) == sorted(before[0].split(b"<"))
        assert whole(one)[1:] == before[1:]
        outcome(one, body, default, 0)
        outcome(other, body, default, EVERYTHING)
        assert whole(one) == whole(other)
    assert [unit.path for unit in one.differing(running)] == [unit.path for unit in other.differing(running)]
    one.discard(running)
    assert one.tree.to_xml(Defaults.REPORT_ALL) == running.to_xml(Defaults.REPORT_ALL)
