"""A YANG patch turns the one state into the other, whatever they hold (RFC 8072)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from lxml import etree

from agent.errors import ResourceDenied
from agent.history.edits import edits
from agent.history.patch import in_patch, patch_edits
from agent.history.room import Room
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.history.applier import applied, canonical, document
from tests.agent.history.documents import CONFIGURATIONS
from tests.agent.lab import EC, entry, top

URI = "urn:ietf:params:xml:ns:yang:ietf-nmda-compare"


def tree(schema: Schema, body: str, *, defaults: bool = True) -> Tree:
    made = Tree.parse(schema, body.encode(), state=False)
    if defaults:
        made.add_defaults()
    return made


def patch(schema: Schema, old: Tree, new: Tree) -> bytes:
    return in_patch(patch_edits(schema, edits(old, new), Room()), uri=URI, about="a < b")


def patched(schema: Schema, before: str, after: str, *, defaults: bool = True) -> bytes:
    old, new = (tree(schema, body, defaults=defaults) for body in (before, after))
    return patch(schema, old, new)


def rows(xml: bytes) -> list[str]:
    """Return operation, target, where and point of each edit."""
    names = ("operation", "target", "where", "point")
    found = etree.fromstring(xml).iter("{*}edit")
    return [" ".join(filter(None, (edit.findtext(f"{{*}}{name}") for name in names))) for edit in found]


@settings(max_examples=200)
@given(CONFIGURATIONS, CONFIGURATIONS)
def test_a_patch_applied_to_the_source_gives_the_target(schema: Schema, before: str, after: str) -> None:
    was, will_be = (tree(schema, body).to_xml() for body in (before, after))
    result = applied(schema, was, patched(schema, before, after))
    assert canonical(schema, result) == canonical(schema, document(will_be))


@settings(max_examples=50)
@given(CONFIGURATIONS, CONFIGURATIONS)
def test_defaults_in_use_that_only_one_side_knows_make_no_difference(
    schema: Schema, before: str, after: str
) -> None:
    """What is on record has none of them."""
    one, other = tree(schema, before), tree(schema, after, defaults=False)
    mixed = patch(schema, one, other)
    assert sorted(rows(mixed)) == sorted(rows(patched(schema, before, after)))
    result = applied(schema, one.to_xml(), mixed)
    assert canonical(schema, result) == canonical(schema, document(other.to_xml()))


@settings(max_examples=50)
@given(CONFIGURATIONS)
def test_the_same_is_an_empty_patch(schema: Schema, body: str) -> None:
    assert rows(patched(schema, body, body)) == []


def test_the_applier_sees_a_patch_that_is_wrong(schema: Schema) -> None:
    before, after = entry("<step>a</step><step>b</step>"), entry("<step>b</step><step>a</step>")
    right = patched(schema, before, after)
    target = canonical(schema, document(after.encode()))
    assert canonical(schema, applied(schema, before.encode(), right)) == target
    elsewhere = b"<point>/every-construct:order=x</point><where>after</where>"
    wrong = right.replace(b"<where>first</where>", elsewhere)
    assert wrong != right
    with pytest.raises(AssertionError):
        applied(schema, before.encode(), wrong)
    gone = right.replace(right[right.index(b"<edit>") : right.rindex(b"</edit>") + 7], b"")
    assert canonical(schema, applied(schema, before.encode(), gone)) != target


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", entry(""), ["create /every-construct:top/entry=1"]),
        (entry(""), "", ["delete /every-construct:top/entry=1"]),
        (
            entry("<number>1</number>"),
            entry("<number>2</number>"),
            ["replace /every-construct:top/entry=1/number"],
        ),
        (
            entry("<radius>1.5</radius>"),
            entry("<side>1</side>"),
            ["delete /every-construct:top/entry=1/radius", "create /every-construct:top/entry=1/side"],
        ),
        (
            "",
            top("<entry><id>a/b,c=d é</id></entry>"),
            ["create /every-construct:top/entry=a%2Fb%2Cc%3Dd%20%C3%A9"],
        ),
        (
            entry(""),
            entry("<address><ip>a b</ip><port>1</port></address><tag></tag>"),
            [
                "create /every-construct:top/entry=1/tag=",
                "create /every-construct:top/entry=1/address=a%20b,1",
            ],
        ),
        (
            entry("<step>a</step><step>b</step><step>c</step>"),
            entry("<step>c</step><step>a</step><step>d</step><step>b</step>"),
            [
                "move /every-construct:top/entry=1/step=c first",
                "insert /every-construct:top/entry=1/step=d after /every-construct:top/entry=1/step=a",
            ],
        ),
        (
            "",
            f'<outer xmlns="urn:yangswan:test:every-augment"><from-here xmlns="{EC}">x</from-here></outer>',
            ["create /every-augment:outer/every-construct:from-here"],
        ),
        (
            entry("<plain><speed>100</speed></plain>"),
            entry(""),
            ["delete /every-construct:top/entry=1/plain/speed"],
        ),
    ],
)
def test_rfc8072_operations_and_rfc8040_3_5_3_targets(
    schema: Schema, before: str, after: str, expected: list[str]
) -> None:
    assert rows(patched(schema, before, after)) == expected


def test_rfc9144_a_replaced_value_is_told_with_what_it_replaces(schema: Schema) -> None:
    found = patched(schema, entry("<number>1</number>"), entry("<number>2</number>"))
    value, source = (f'<number xmlns="{EC}">{number}</number>' for number in (2, 1))
    assert f"<value>{value}</value><source-value>{source}</source-value>".encode() in found
    assert b"<patch-id>a &lt; b</patch-id>" in found


def test_entries_come_in_the_order_in_which_people_count(schema: Schema) -> None:
    many = top("".join(f"<entry><id>{number}</id></entry>" for number in (10, 9, 100, 1)))
    assert [row.rpartition("=")[2] for row in rows(patched(schema, "", many))] == ["1", "9", "10", "100"]


@pytest.mark.parametrize("room", [Room(octets=5), Room(edits=0)])
def test_an_answer_has_an_end(room: Room) -> None:
    with pytest.raises(ResourceDenied, match="too much for one answer") as caught:
        room.take(b"123456")
    assert caught.value.app_tag == "too-many-differences"
