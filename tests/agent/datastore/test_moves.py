"""What becomes of paths when the model moves."""

from __future__ import annotations

import pytest

from agent.datastore.moves import CannotMove, hints, moved_path, schema_path, steps_of, text_of
from agent.translator import Move
from tests.agent.datastore.relocations import INSIDE, NAMESPACES, SPLIT, relocation


@pytest.mark.parametrize(
    "text", ["/house:rooms", "/house:rooms/room/id", "/house:rooms/garden:plant/leaf", "/a-b:c.d/_e"]
)
def test_a_schema_path_is_written_as_it_was_read(text: str) -> None:
    assert text_of(steps_of(text)) == text


@pytest.mark.parametrize(
    "text", ["", "/rooms", "house:rooms", "/house:rooms/", "/house:rooms[id='1']", "/a:b c"]
)
def test_what_is_no_schema_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="schema path"):
        steps_of(text)


def test_what_is_recorded_under_no_path_cannot_be_moved() -> None:
    with pytest.raises(CannotMove, match="schema path"):
        schema_path("nowhere")


def test_a_move_into_a_module_that_is_not_served_is_a_defect_of_the_table() -> None:
    with pytest.raises(ValueError, match="no module attic is served"):
        relocation(("/house:box", "/attic:box"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/house:plants/plant[name='rose']", "/garden:plants/plant[name='rose']"),
        ('/house:plants/plant[name="it\'s"]', '/garden:plants/plant[name="it\'s"]'),
        ("/house:plants/plant[name='a]/[b=']", "/garden:plants/plant[name='a]/[b=']"),
        ("/house:plants/plant[name='a'][number='2']", "/garden:plants/plant[name='a'][number='2']"),
        ("/house:plants/plant['it\\'s \"it\"', 'b']", "/garden:plants/plant['it\\'s \"it\"', 'b']"),
        ("/house:plants/tags", "/garden:plants/tags"),
        ("/house:plants/other:soil", "/garden:plants/other:soil"),
        ("/house:plants", "/garden:plants"),
        ("/house:planted", "/house:planted"),
        ("/house:rooms/room[id='plants']", "/house:rooms/room[id='plants']"),
        ("/other:plants/plant[name='rose']", "/other:plants/plant[name='rose']"),
    ],
)
def test_the_path_of_a_unit_follows(old: str, new: str) -> None:
    assert moved_path(SPLIT, old) == new


def test_keys_that_are_renamed_are_renamed_in_the_path() -> None:
    assert moved_path(INSIDE, "/house:rooms/room[id='1']") == "/house:rooms/room[name='1']"


@pytest.mark.parametrize(
    ("moves", "old", "new"),
    [
        # A list goes elsewhere and is called something else; its key, too.
        (
            [
                ("/house:rooms/room", "/garden:sheds/shed"),
                ("/house:rooms/room/id", "/garden:sheds/shed/name"),
            ],
            "/house:rooms/room[id='1']",
            "/garden:sheds/shed[name='1']",
        ),
        # The longer of two counts.
        (
            [("/house:a", "/garden:a"), ("/house:a/b", "/cellar:b")],
            "/house:a/b/c",
            "/cellar:b/c",
        ),
        # They are applied at once: two can change places.
        ([("/house:a", "/garden:a"), ("/garden:a", "/house:a")], "/house:a/b", "/garden:a/b"),
        # Nodes of other modules keep theirs.
        ([("/house:a", "/garden:a")], "/house:a/other:b/c", "/garden:a/other:b/c"),
        ([("/house:a", "/garden:a")], "/house:a/other:b/house:c", "/garden:a/other:b/garden:c"),
    ],
)
def test_deeper_moves(moves: list[tuple[str, str]], old: str, new: str) -> None:
    assert moved_path(relocation(*moves), old) == new


def test_what_is_concerned() -> None:
    for path, concerned in (
        ("/house:rooms", True),
        ("/house:rooms/room", True),
        ("/house:rooms/room/light", True),
        ("/house:rooms/room/light/lamp/watt", True),
        ("/house:rooms/room/area", False),
        ("/house:plants", False),
    ):
        assert INSIDE.concerns(steps_of(path)) is concerned, path


def test_where_a_top_level_node_went_is_said_over_all_revisions() -> None:
    moves = (
        Move("2027-02-01", "/garden:plants", "/cellar:roots"),
        Move("2027-01-01", "/house:plants", "/garden:plants"),
        Move("2027-01-01", "/house:rooms/room", "/garden:sheds"),
        Move("2027-02-01", "/garden:tools", "/garden:sheds/tools"),
        Move("2027-01-01", "/demolished:wall", "/garden:wall"),
    )
    roots = "/cellar:roots, in the namespace urn:cellar"
    assert hints(moves, NAMESPACES) == {
        ("urn:garden", "plants"): f"since revision 2027-02-01 it is {roots}",
        ("urn:house", "plants"): f"since revision 2027-01-01 it is {roots}",
        ("urn:garden", "tools"): (
            "since revision 2027-02-01 it is /garden:sheds/tools, in the namespace urn:garden"
        ),
    }
