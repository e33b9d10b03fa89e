"""edit-config against a naive model: nested dictionaries, written from the RFC and knowing no libyang."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.datastore.candidate import Candidate
from agent.datastore.edit import edit
from agent.errors import RpcErrors
from agent.yang.nodes import Defaults, children, siblings, value_of
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.lab import EC, config, empty_running

Leafs = dict[str, str]
OPERATIONS = st.sampled_from([None, None, "merge", "replace", "create", "delete", "remove"])


@dataclass
class Entry:
    """The model of one entry: leafs, and the names of its stages in order."""

    leafs: Leafs = field(default_factory=dict)
    stages: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class LeafEdit:
    name: str
    value: str
    operation: str | None


@dataclass(frozen=True)
class EntryEdit:
    id: str
    operation: str | None
    leafs: tuple[LeafEdit, ...]
    stages: tuple[str, ...]


class Refused(Exception):
    pass


def apply_to_model(model: dict[str, Entry], edits: list[EntryEdit], default: str) -> None:
    if default == "replace":
        model.clear()
    inherited_default = "none" if default == "none" else "merge"
    for change in edits:
        operation = change.operation or inherited_default
        exists = change.id in model
        if operation == "delete" or operation == "remove":
            if not exists and operation == "delete":
                raise Refused
            model.pop(change.id, None)
            continue
        if operation == "create" and exists:
            raise Refused
        if operation == "none" and not exists:
            raise Refused
        if operation == "replace" or not exists:
            model[change.id] = Entry()
        apply_children(model[change.id], change, operation)


def apply_children(entry: Entry, change: EntryEdit, inherited: str) -> None:
    for leaf in change.leafs:
        operation = leaf.operation or inherited
        exists = leaf.name in entry.leafs
        if operation == "create" and exists:
            raise Refused
        if operation in ("delete", "none") and not exists:
            raise Refused
        if operation in ("delete", "remove"):
            entry.leafs.pop(leaf.name, None)
        elif operation != "none":
            entry.leafs[leaf.name] = leaf.value
    for stage in change.stages:
        if inherited == "none" and stage not in entry.stages:
            raise Refused
        if inherited == "create" and stage in entry.stages:
            raise Refused
        if stage not in entry.stages:
            entry.stages.append(stage)


def to_xml(edits: list[EntryEdit]) -> str:
    rows = []
    for change in edits:
        leafs = "".join(
            f"<{leaf.name}{attribute(leaf.operation)}>{leaf.value}</{leaf.name}>" for leaf in change.leafs
        )
        stages = "".join(f"<stage><name>{stage}</name></stage>" for stage in change.stages)
        rows.append(f"<entry{attribute(change.operation)}><id>{change.id}</id>{leafs}{stages}</entry>")
    return f'<top xmlns="{EC}">{"".join(rows)}</top>'


def attribute(operation: str | None) -> str:
    return f' nc:operation="{operation}"' if operation else ""


def read(schema: Schema, tree: Tree) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for top_node in siblings(tree.first):
        for node in children(top_node):
            if schema.node_of(node.schema).name != "entry":
                continue
            entry, entry_id = Entry(), ""
            for child in children(node):
                name = schema.node_of(child.schema).name
                if name == "id":
                    entry_id = value_of(child)
                elif name == "stage":
                    entry.stages.append(value_of(next(children(child))))
                elif name in ("number", "word"):
                    entry.leafs[name] = value_of(child)
            found[entry_id] = entry
    return found


def was_refused(candidate: Candidate, edits: list[EntryEdit], default: str) -> bool:
    try:
        edit(candidate, config(to_xml(edits)), default)
    except RpcErrors:
        return True
    return False


LEAF = st.one_of(
    st.builds(LeafEdit, st.just("number"), st.integers(0, 200).map(str), OPERATIONS),
    st.builds(LeafEdit, st.just("word"), st.sampled_from(["a", "bc", "xyz"]), OPERATIONS),
)
ENTRY = st.builds(
    EntryEdit,
    st.sampled_from(["1", "2", "3"]),
    OPERATIONS,
    st.lists(LEAF, max_size=2, unique_by=lambda leaf: leaf.name).map(tuple),
    st.lists(st.sampled_from("pqr"), max_size=3, unique=True).map(tuple),
)
EDIT = st.lists(ENTRY, max_size=3, unique_by=lambda change: change.id)
DEFAULT = st.sampled_from(["merge", "merge", "replace", "none"])


@settings(max_examples=400)
@given(st.lists(st.tuples(EDIT, DEFAULT), min_size=1, max_size=5))
def test_any_sequence_of_edits_agrees_with_the_model(
    schema: Schema, steps: list[tuple[list[EntryEdit], str]]
) -> None:
    candidate = Candidate(empty_running(schema))
    model: dict[str, Entry] = {}
    for edits, default in steps:
        expected = {key: Entry(dict(e.leafs), list(e.stages)) for key, e in model.items()}
        try:
            apply_to_model(expected, edits, default)
        except Refused:
            expected = model
            refused = True
        else:
            refused = False
        assert was_refused(candidate, edits, default) == refused
        model = expected
        assert read(schema, candidate.tree) == model


@settings(max_examples=100)
@given(st.lists(st.tuples(EDIT, DEFAULT), min_size=1, max_size=4))
def test_discard_undoes_any_sequence_of_edits(
    schema: Schema, steps: list[tuple[list[EntryEdit], str]]
) -> None:
    running = empty_running(schema)
    candidate = Candidate(running)
    for edits, default in steps:
        try:
            edit(candidate, config(to_xml(edits)), default)
        except RpcErrors:
            continue
    candidate.discard(running)
    assert candidate.tree.to_xml(Defaults.REPORT_ALL) == running.to_xml(Defaults.REPORT_ALL)
