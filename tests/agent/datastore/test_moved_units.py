"""What is recorded of units and of whole configurations, before and after the model moved."""

from __future__ import annotations

import pytest

from agent.datastore.moved_units import concerned, moved_snapshot, moved_unit
from agent.datastore.moves import CannotMove, Relocation
from tests.agent.datastore.relocations import INSIDE, SPLIT, relocation

ROOMS = '<rooms xmlns="urn:house">{}</rooms>'
ROOM = "/house:rooms/room[id='1']"


def test_a_unit_goes_to_the_other_module() -> None:
    old = b'<plants xmlns="urn:house"><plant><name>rose</name><note>a &lt;b&gt; "c"</note></plant></plants>'
    assert moved_unit(SPLIT, "/house:plants/plant[name='rose']", old) == old.replace(
        b"urn:house", b"urn:garden"
    )


def test_nothing_stays_nothing() -> None:
    assert moved_unit(SPLIT, "/house:plants/plant[name='rose']", b"") == b""


def test_text_survives_as_it_is() -> None:
    text = "line\nline&#13;\ttab  é € \U0001f600 ]]&gt;"
    old = f'<plants xmlns="urn:house"><plant><name>{text}</name><empty/></plant></plants>'.encode()
    assert moved_unit(SPLIT, "/house:plants/plant['x']", old) == old.replace(b"urn:house", b"urn:garden")


def test_prefixes_of_values_survive_and_so_do_nodes_of_other_modules() -> None:
    old = (
        '<plants xmlns="urn:house" xmlns:all="urn:all"><plant><name>rose</name>'
        '<kind xmlns:h="urn:house">h:shrub</kind><who xmlns:o="urn:other">'
        "/o:people/o:person[o:id='1']</who>"
        '<soil xmlns="urn:other"><ph>7</ph><what xmlns:o="urn:other" o:exact="yes">all:loam</what></soil>'
        "</plant></plants>"
    )
    new = old.replace('plants xmlns="urn:house"', 'plants xmlns="urn:garden"')
    assert moved_unit(SPLIT, "/house:plants/plant[name='rose']", old.encode()) == new.encode()


def test_any_content_is_copied_with_its_mixture_of_text_and_elements() -> None:
    anything = '<any><b xmlns="urn:x" xml:lang="en">one<c xmlns="" a="&lt;&quot;"/>two</b>three</any>'
    old = f'<plants xmlns="urn:house"><plant><name>rose</name>{anything}</plant></plants>'
    new = moved_unit(SPLIT, "/house:plants/plant[name='rose']", old.encode()).decode()
    assert new.startswith('<plants xmlns="urn:garden">')
    for part in ('<b xmlns="urn:x" xml:lang="en">one<c', "/>two</b>three</any>"):
        assert part in new


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<id>1</id><colour>red</colour>", "<name>1</name><paint>red</paint>"),
        ("<id>1</id><heat>20</heat>", "<name>1</name><climate><warmth>20</warmth></climate>"),
        (
            "<id>1</id><climate><air>good</air></climate><heat>20</heat>",
            "<name>1</name><climate><air>good</air><warmth>20</warmth></climate>",
        ),
        # A container of which everything went is left out, one that still holds something is not.
        ("<id>1</id><light><lamp>1</lamp></light>", "<name>1</name><lamp>1</lamp>"),
        (
            "<id>1</id><light><lamp>1</lamp><shade>2</shade></light>",
            "<name>1</name><light><shade>2</shade></light><lamp>1</lamp>",
        ),
        ("<id>1</id><light/>", "<name>1</name><light/>"),
        (
            "<id>1</id><light><window>a</window><lamp>1</lamp><window>b</window></light><view><sea/></view>",
            "<name>1</name><view><sea/><window>a</window><window>b</window></view><lamp>1</lamp>",
        ),
        ("<id>1</id><area>9</area>", "<name>1</name><area>9</area>"),
    ],
)
def test_moves_inside_a_list_entry(before: str, after: str) -> None:
    old, new = (ROOMS.format(f"<room>{body}</room>").encode() for body in (before, after))
    assert moved_unit(INSIDE, ROOM, old) == new


def test_every_entry_of_a_snapshot_keeps_what_is_its_own() -> None:
    before = "".join(f"<room><id>{n}</id><heat>{n}0</heat></room>" for n in range(3))
    after = "".join(
        f"<room><name>{n}</name><climate><warmth>{n}0</warmth></climate></room>" for n in range(3)
    )
    assert moved_snapshot(INSIDE, ROOMS.format(before).encode()) == ROOMS.format(after).encode()


def test_a_displaced_value_keeps_the_prefixes_that_were_declared_above_it() -> None:
    moves = relocation(("/house:rooms/room/a/b", "/house:rooms/room/c/b"))
    old = ROOMS.format('<room><a xmlns:o="urn:other"><b>o:x</b></a></room>').encode()
    new = ROOMS.format('<room><c><b xmlns:o="urn:other">o:x</b></c></room>').encode()
    assert moved_unit(moves, ROOM, old) == new


def test_containers_change_their_module_while_the_list_stays() -> None:
    moves = relocation(("/house:rooms/room/a", "/house:rooms/room/garden:a"))
    old = ROOMS.format("<room><id>1</id><a><b/></a></room>").encode()
    new = ROOMS.format('<room><id>1</id><a xmlns="urn:garden"><b/></a></room>').encode()
    assert moved_unit(moves, ROOM, old) == new


def test_a_leaf_of_no_list_goes_from_one_container_of_lists_to_another() -> None:
    moves = relocation(("/house:rooms/count", "/garden:sheds/all/count"))
    old = ROOMS.format("<count>3</count>").encode()
    new = b'<sheds xmlns="urn:garden"><all><count>3</count></all></sheds>'
    assert moved_unit(moves, "/house:rooms/count", old) == new


def test_a_snapshot_holds_all_top_level_nodes_in_their_order() -> None:
    old = (
        b'<rooms xmlns="urn:house"><room><id>1</id></room></rooms>'
        b'<plants xmlns="urn:house"><plant><name>rose</name></plant></plants>'
        b'<plants xmlns="urn:other" xmlns:h="urn:house"><a>h:plants</a>&#13;</plants>'
    )
    new = old.replace(b'<plants xmlns="urn:house">', b'<plants xmlns="urn:garden">')
    assert moved_snapshot(SPLIT, old) == new
    assert moved_snapshot(SPLIT, b"") == b""


def test_a_snapshot_with_more_elements_than_a_client_may_send_is_no_trouble() -> None:
    rooms = "<room/>" * 1_000_001
    old = ROOMS.format(rooms).encode() + b'<plants xmlns="urn:house"/>'
    assert moved_snapshot(SPLIT, old) == old.replace(
        b'plants xmlns="urn:house"', b'plants xmlns="urn:garden"'
    )


@pytest.mark.parametrize(
    "content", [b"<plants", b"<plants xmlns='urn:house'>\0</plants>", b"<a/></all><all>"]
)
def test_what_is_no_xml_cannot_be_moved_and_is_not_quoted(content: bytes) -> None:
    with pytest.raises(CannotMove) as caught:
        moved_unit(SPLIT, "/house:plants", content)
    assert "plants" not in str(caught.value)


def test_a_unit_that_would_be_two_cannot_be_moved() -> None:
    """A table cannot take a leaf out of a container without lists: the replay knows one unit for each row."""
    moves = relocation(("/house:roof/antenna", "/garden:mast/antenna"))
    old = b'<roof xmlns="urn:house"><tiles>9</tiles><antenna>1</antenna></roof>'
    with pytest.raises(CannotMove, match="mast"):
        moved_unit(moves, "/house:roof", old)


@pytest.mark.parametrize(
    ("moves", "path", "is_concerned"),
    [
        (SPLIT, "/house:plants/plant[name='x']", True),
        (SPLIT, "/house:rooms/room[id='x']", False),
        (SPLIT, "/ietf-netconf-acm:nacm/rule-list", True),
        (SPLIT, "/ietf-netconf-acm:nacm/groups/group[name='plants']", False),
        (INSIDE, "/house:rooms/room[id='x']", True),
        (INSIDE, "/house:rooms/count", False),
    ],
)
def test_only_what_is_concerned_is_read(moves: Relocation, path: str, is_concerned: bool) -> None:
    assert concerned(moves, path) is is_concerned
