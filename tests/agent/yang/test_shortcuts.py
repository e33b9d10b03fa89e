"""Where little differs less is looked at and replaced, and the result is that of the long way."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.yang import difference, lookup, units
from agent.yang.difference import differences, same_but_for_order, unlike
from agent.yang.many import locate_all
from agent.yang.nodes import NO_NODE, Defaults, children, path_of, same_to_the_end
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.units import Unit, empty_entry, fill_entry, refill_entry, units_by_path
from tests.agent.lab import EC

TOP = "/every-construct:top"
LEAVES = {"number": "1 2", "word": "a b", "radius": "1.5 2.5", "either": "none 7"}
STAGES = st.tuples(st.sampled_from("ab"), st.integers(0, 1))
BODIES = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.sampled_from(values.split()) for name, values in LEAVES.items()},
        "tag": st.permutations("abc").map(tuple),
        "step": st.permutations("abc").map(tuple),
        "stage": st.lists(STAGES, max_size=2, unique_by=lambda stage: stage[0]),
        "address": st.lists(st.tuples(st.sampled_from("xy"), st.integers(1, 2)), max_size=2, unique=True),
        "present": st.sampled_from("ab"),
        "plain": st.sampled_from(("100", "7")),
    },
)  # fmt: skip


def written(content: dict[str, object], number: int = 2) -> str:
    """Return entries 1 to 3, of which ``number`` has ``content``."""
    text = ""
    for name, value in content.items():
        if name == "stage":
            assert isinstance(value, list)
            text += "".join(f"<stage><name>{n}</name><effort>{e}</effort></stage>" for n, e in value)
        elif name == "address":
            assert isinstance(value, list)
            text += "".join(f"<address><ip>{ip}</ip><port>{port}</port></address>" for ip, port in value)
        elif name == "present":
            text += f"<present><needed>{value}</needed></present>"
        elif name == "plain":
            text += f"<plain><speed>{value}</speed></plain>"
        else:
            values = value if isinstance(value, tuple) else (value,)
            text += "".join(f"<{name}>{one}</{name}>" for one in values)
    bodies = "".join(f"<entry><id>{n}</id>{text if n == number else ''}</entry>" for n in (1, 2, 3))
    return f'<top xmlns="{EC}">{bodies}</top>'


def tree(schema: Schema, content: dict[str, object]) -> Tree:
    made = Tree.parse(schema, written(content).encode())
    made.add_defaults()
    return made


def printed(one: Tree) -> bytes:
    return one.to_xml(Defaults.REPORT_ALL_TAGGED)


def unit_of(one: Tree) -> Unit:
    return units_by_path(one)[f"{TOP}/entry[id='2']"]


@given(BODIES, BODIES)
def test_an_entry_is_refilled_as_if_it_were_emptied_before(
    schema: Schema, before: dict[str, object], after: dict[str, object]
) -> None:
    source, one, other = tree(schema, after), tree(schema, before), tree(schema, before)
    unit = unit_of(source)
    ((found,), (own,), (same,)) = (unit.locate(each) for each in (source, one, other))
    refill_entry(own, found)
    empty_entry(same)
    fill_entry(same, found)
    assert printed(one) == printed(other) == printed(source)
    assert unit.is_same(one, source)
    assert [path_of(node) for node in children(own)] == [path_of(node) for node in children(found)]
    assert all(one.find_like(node) != NO_NODE for node in children(found))


def test_what_stays_in_an_entry_is_not_made_anew(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    source, one = tree(schema, {"number": "2", "word": "a"}), tree(schema, {"number": "1", "word": "a"})
    ((found,), (own,)) = (unit_of(source).locate(each) for each in (source, one))
    copied: list[str] = []
    copy = units.copy_below
    monkeypatch.setattr(units, "copy_below", lambda *pair: copied.append(path_of(pair[1])) or copy(*pair))
    refill_entry(own, found)
    refill_entry(own, found)
    assert copied == [f"{TOP}/entry[id='2']/number"]


def told(schema: Schema, one: Tree, other: Tree, *, every_node: bool) -> list[tuple[str, str]]:
    found = differences(schema, list(one.top_level()), list(other.top_level()), every_node=every_node)
    return [(each.operation.value, path_of(each.node)) for each in found]


@given(BODIES, BODIES, st.booleans())
def test_differences_are_those_of_the_long_way(
    schema: Schema, before: dict[str, object], after: dict[str, object], every_node: bool
) -> None:
    one, other = tree(schema, before), tree(schema, after)
    unit = unit_of(one)
    left, right = unit.locate(one), unit.locate(other)
    short = told(schema, one, other, every_node=every_node), same_but_for_order(schema, left, right)
    with (
        patch.object(difference, "same_to_the_end", lambda *_: False),
        patch.object(difference, "_are_partners", lambda *_: False),
    ):
        long = told(schema, one, other, every_node=every_node), same_but_for_order(schema, left, right)
    assert short == long


def test_one_look_tells_that_the_rest_is_the_same(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = tree(schema, {"number": "1", "word": "a"}), tree(schema, {"number": "2", "word": "a"})
    before, after = (list(children(unit_of(one).locate(each)[0])) for each in (one, other))
    assert same_to_the_end(before, after, 2)
    assert not same_to_the_end(before, after, 1)
    asked: list[object] = []
    compare = lookup.compare
    monkeypatch.setattr(lookup, "compare", lambda *pair: asked.append(pair) or compare(*pair))
    gone, come = unlike(before, after)
    assert [[path_of(node) for node in each] for each in (gone, come)] == [
        [f"{TOP}/entry[id='2']/number"]
    ] * 2
    assert len(asked) == 2, "the key, and the number"


def test_it_is_not_told_of_siblings_with_others_behind_them(schema: Schema) -> None:
    one, other = tree(schema, {"number": "1"}), tree(schema, {"number": "1"})
    before, after = (list(children(unit_of(one).locate(each)[0]))[:-1] for each in (one, other))
    assert not same_to_the_end(before, after, 1)


def test_with_libyang_3_all_are_looked_at(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = tree(schema, {}), tree(schema, {})
    before, after = (list(children(unit_of(one).locate(each)[0])) for each in (one, other))
    monkeypatch.setattr(lookup, "ONE_SENTENCE", False)
    assert not same_to_the_end(before, after, 1)


def test_one_unit_is_found_as_among_others(schema: Schema) -> None:
    one = tree(schema, {"number": "1"})
    all_units = list(units_by_path(one).values())
    assert [locate_all([unit], one)[0] for unit in all_units] == locate_all(all_units, one)
    nothing = Tree(schema)
    assert [locate_all([unit], nothing) for unit in all_units] == [[[]] for _ in all_units]
