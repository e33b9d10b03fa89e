"""Patches that turn what a subscriber has into what there is (RFC 8641 section 3.7)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from agent.errors import ResourceDenied
from agent.history.edits import Change
from agent.history.room import Room
from agent.push.changes import changes
from agent.push.pieces import Piece, octets, pieces_of, together
from agent.push.updates import push_change_update, push_update
from agent.yang.nodes import Defaults
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.push.states import CH, DATASTORES, KEYS
from tests.agent.push.subscriber import Subscriber, meaning


def pieces(schema: Schema, document: str) -> dict[str, Piece]:
    return pieces_of(Tree.parse(schema, document.encode()), Defaults.REPORT_ALL)


def subscriber() -> Subscriber:
    return Subscriber({"changing": CH}, KEYS)


def link(body: str) -> str:
    return f'<links xmlns="{CH}"><link><name>a</name>{body}</link></links>'


def shown(body: bytes) -> object:
    return meaning(etree.fromstring(b"<all>" + body + b"</all>"), ordered=["way"])


def rows(schema: Schema, before: str, after: str, *excluded: Change) -> list[str]:
    written = changes(schema, pieces(schema, before), pieces(schema, after), Room(), excluded=excluded)
    found = etree.fromstring(b"<all>" + written.body + b"</all>")
    assert written.count == len(found)
    return [
        " ".join(filter(None, (e.findtext(n) for n in ("operation", "target", "where", "point"))))
        for e in found
    ]


@settings(max_examples=150, deadline=None)
@given(st.lists(DATASTORES, min_size=2, max_size=5))
def test_every_patch_in_order_gives_what_there_is(changing: Schema, documents: list[str]) -> None:
    held = pieces(changing, documents[0])
    reader = subscriber()
    reader.take(push_update(1, together(held.values())))
    for number, document in enumerate(documents[1:]):
        now = pieces(changing, document)
        written = changes(changing, held, now, Room())
        reader.take(push_change_update(1, number, written.body))
        assert meaning(reader.data, ordered=["way"]) == shown(together(now.values()))
        held = now


def test_what_lies_in_something_that_is_replaced_has_no_edit_of_its_own(changing: Schema) -> None:
    """Whichever side it is in that something of it has no name."""
    queue = "<queue><waiting><what>x</what><size>0</size></waiting></queue>"
    twice = link("<state><peer>x</peer><peer>x</peer></state>")
    assert rows(changing, twice, link(f"<state>{queue}</state>")) == ["replace /changing:links/link=a/state"]
    assert rows(changing, link(f"<state>{queue}</state>"), twice) == ["replace /changing:links/link=a/state"]


@settings(max_examples=50, deadline=None)
@given(DATASTORES)
def test_the_same_needs_no_edit(changing: Schema, document: str) -> None:
    assert rows(changing, document, document) == []


@settings(max_examples=50, deadline=None)
@given(DATASTORES)
def test_pieces_together_are_the_whole(changing: Schema, document: str) -> None:
    tree = Tree.parse(changing, document.encode())
    assert shown(together(pieces(changing, document).values())) == shown(tree.to_xml(Defaults.REPORT_ALL))


def test_the_subscriber_sees_a_patch_that_is_wrong(changing: Schema) -> None:
    before, after = link("<way>x</way><way>y</way>"), link("<way>y</way><way>x</way>")
    right = changes(changing, pieces(changing, before), pieces(changing, after), Room()).body
    for broken in (right.replace(b"first", b"last"), b"", right.replace(b"way=y", b"way=z")):
        reader = subscriber()
        reader.take(push_update(1, before.encode()))
        try:
            reader.take(push_change_update(1, 0, broken))
        except AssertionError:
            continue
        assert meaning(reader.data, ordered=["way"]) != shown(after.encode())


def test_the_subscriber_misses_a_patch() -> None:
    reader = subscriber()
    reader.take(push_change_update(1, 0, b""))
    with pytest.raises(AssertionError, match="missing"):
        reader.take(push_change_update(1, 2, b""))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", link(""), ["create /changing:links/link=a"]),
        (link(""), "", ["delete /changing:links/link=a"]),
        (link("<note>x</note>"), link("<note>y</note>"), ["replace /changing:links/link=a/note"]),
        (
            link("<way>x</way><way>y</way>"),
            link("<way>y</way><way>x</way><way>z</way>"),
            [
                "move /changing:links/link=a/way=y first",
                "insert /changing:links/link=a/way=z after /changing:links/link=a/way=x",
            ],
        ),
        (
            link("<state><status>up</status></state>"),
            link("<state><status>down</status></state>"),
            ["replace /changing:links/link=a/state/status"],
        ),
        (
            link("<state><peer>x</peer></state>"),
            link("<state><peer>y</peer></state>"),
            ["delete /changing:links/link=a/state/peer=x", "create /changing:links/link=a/state/peer=y"],
        ),
        (
            link("<state><peer>x</peer><peer>y</peer></state>"),
            link("<state><peer>y</peer><peer>x</peer></state>"),
            [],
        ),
        (
            link("<state><peer>x</peer></state>"),
            link("<state><peer>x</peer><peer>x</peer></state>"),
            ["replace /changing:links/link=a/state"],
        ),
        (
            link("<state><queue><waiting><what>x</what></waiting></queue></state>"),
            link("<state><queue><waiting><what>y</what></waiting></queue></state>"),
            ["replace /changing:links/link=a/state/queue"],
        ),
        (
            link("<state><status>up</status></state>"),
            link("<state><status>up</status><queue><waiting><what>y</what></waiting></queue></state>"),
            ["create /changing:links/link=a/state/queue"],
        ),
        (
            link("<state><queue><waiting><what>y</what></waiting></queue><status>up</status></state>"),
            link("<state><status>up</status></state>"),
            ["delete /changing:links/link=a/state/queue"],
        ),
        (
            "",
            link("<state><queue><waiting><what>y</what></waiting></queue></state>"),
            ["create /changing:links/link=a"],
        ),
    ],
)
def test_operations_and_targets(changing: Schema, before: str, after: str, expected: list[str]) -> None:
    assert rows(changing, before, after) == expected


@pytest.mark.parametrize("excluded", list(Change))
def test_excluded_change(changing: Schema, excluded: Change) -> None:
    before = link("<note>x</note><way>x</way><way>y</way>")
    after = (
        f'<links xmlns="{CH}"><link><name>a</name><note>y</note><way>y</way><way>x</way><way>z</way></link>'
        f"<link><name>b</name></link></links>"
    )
    all_rows = rows(changing, before, after) + rows(changing, after, before)
    assert {row.partition(" ")[0] for row in all_rows} == {change.value for change in Change}
    left = rows(changing, before, after, excluded) + rows(changing, after, before, excluded)
    assert left == [row for row in all_rows if not row.startswith(excluded.value)]


def test_nothing_says_what_was_there_before(changing: Schema) -> None:
    """RFC 8641 has no source-value, which RFC 9144 adds for comparisons."""
    written = changes(
        changing, pieces(changing, link("<note>x</note>")), pieces(changing, link("<note>y</note>")), Room()
    )
    assert written.body == (
        b"<edit><edit-id>1</edit-id><operation>replace</operation><target>/changing:links/link=a/note</target>"
        b'<value><note xmlns="%s">y</note></value></edit>' % CH.encode()
    )


def test_a_patch_has_an_end(changing: Schema) -> None:
    with pytest.raises(ResourceDenied):
        changes(changing, {}, pieces(changing, link("")), Room(octets=10))


def test_what_is_kept_can_be_counted(changing: Schema) -> None:
    held = pieces(changing, link(f"<note>{'x' * 1000}</note>"))
    assert 1000 < octets(held) < 3000
    assert octets({}) == 0


def test_incomplete_update() -> None:
    reader = subscriber()
    reader.take(push_update(1, b"", incomplete=True))
    assert reader.incomplete
    reader.take(push_change_update(1, 0, b""))
    assert not reader.incomplete
    reader.take(push_change_update(1, 1, b"", incomplete=True))
    assert reader.incomplete
