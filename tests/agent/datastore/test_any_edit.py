"""Edits made of right and wrong pieces at random: answered or applied, and the candidate stays whole."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.datastore.candidate import Candidate
from agent.datastore.edit import edit
from agent.errors import RpcErrors
from agent.yang.nodes import Defaults
from agent.yang.schema import Schema
from agent.yang.validate import validate
from tests.agent.lab import EC, config, empty_running

ATTRIBUTES = st.sampled_from(
    [
        *([""] * 6),
        *(f' nc:operation="{name}"' for name in ("merge", "replace", "create", "delete", "remove", "none")),
        ' yang:insert="first"',
        ' yang:insert="before"',
        ' yang:insert="after" yang:key="[ec:name=\'a\']"',
        ' yang:insert="after" yang:value="a"',
        ' yang:key="["',
        ' operation="delete"',
    ]
)
NAMES = st.sampled_from(
    [
        "top", "entry", "id", "number", "word", "twice", "radius", "side", "pet", "marker", "tag", "step",
        "stage", "name", "present", "needed", "plain", "note", "anything", "state", "seen", "poke", "chosen",
        "references", "order", "nonsense", "et:foreign", "flag", "address", "ip", "port",
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(["", "1", "2", "a", "abc", "ec:cat", "x:cat", "201", " 1 ", "true"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8),
)


def escape(text: str) -> str:
    cleaned = text.replace("&", "&amp;").replace("<", "&lt;")
    return "".join(c for c in cleaned if c not in "\ufffe\uffff")


def element(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda name, attributes, body: f"<{name}{attributes}>{body}</{name}>", NAMES, ATTRIBUTES, children
    )


ELEMENTS = st.recursive(
    element(TEXTS.map(escape)), lambda inner: element(st.lists(inner, max_size=4).map("".join))
)
ENTRIES = st.builds(
    lambda attributes, key, body: f"<entry{attributes}><id>{key}</id>{body}</entry>",
    ATTRIBUTES,
    st.sampled_from(["1", "2", "'", '"', "'\""]),
    st.lists(ELEMENTS, max_size=3).map("".join),
)
DOCUMENTS = st.lists(
    st.one_of(
        ELEMENTS.map(lambda body: body.replace(">", f' xmlns="{EC}">', 1)),
        st.lists(ENTRIES, max_size=3).map(lambda rows: f'<top xmlns="{EC}">{"".join(rows)}</top>'),
    ),
    max_size=3,
).map("".join)


def refused(function: Callable[..., object], *arguments: object) -> bool:
    """True if ``function`` refuses, with a message in each of its errors."""
    try:
        function(*arguments)
    except RpcErrors as problem:
        return all(error.message for error in problem.errors)
    return False


@settings(max_examples=600)
@given(st.lists(st.tuples(DOCUMENTS, st.sampled_from(["merge", "replace", "none"])), min_size=1, max_size=4))
def test_any_edit_is_applied_or_refused(schema: Schema, steps: list[tuple[str, str]]) -> None:
    running = empty_running(schema)
    candidate = Candidate(running)
    for body, default in steps:
        before = candidate.tree.to_xml()
        if refused(edit, candidate, config(body), default):
            assert sorted(candidate.tree.to_xml()) == sorted(before)
        refused(partial(validate, everything=True), candidate.tree.duplicate())
    candidate.discard(running)
    assert candidate.tree.to_xml(Defaults.REPORT_ALL) == running.to_xml(Defaults.REPORT_ALL)
