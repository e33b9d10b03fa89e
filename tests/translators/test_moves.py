"""The table of moves fits the YANG modules of today, and those of the histories that we have."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.datastore.moves import steps_of
from agent.from_settings import make_schema
from agent.settings import Settings
from agent.translator import Move
from agent.translator import Settings as TranslatorSettings
from agent.yang.schema import Schema, SchemaNode
from tests.histories import HERE
from translators.strongswan.assembly import make
from translators.strongswan.moves import MOVES


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    settings = TranslatorSettings(tmp_path_factory.mktemp("data"), "managed")
    return make_schema(Settings(), [make(settings)])


def node_at(schema: Schema, path: str) -> SchemaNode | None:
    """Return the data node, rpc, action or notification at a schema path, None if there is none."""
    node: SchemaNode | None = None
    level = schema.roots | schema.rpcs | schema.notifications
    for module, name in steps_of(path):
        if module not in schema.by_name:
            return None
        node = level.get((schema.by_name[module].namespace, name))
        if node is None:
            return None
        level = node.children | node.actions
    return node


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.old)
def test_each_node_is_where_the_table_says_and_no_longer_where_it_was(schema: Schema, move: Move) -> None:
    later = [one.old for one in MOVES if one.since > move.since]
    if not any(f"{move.new}/".startswith(f"{old}/") for old in later):
        assert node_at(schema, move.new) is not None
    assert node_at(schema, move.old) is None


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.old)
def test_each_move_has_the_date_of_a_revision_of_its_new_module(schema: Schema, move: Move) -> None:
    source = schema.source(steps_of(move.new)[-1][0])
    assert source is not None
    assert f"revision {move.since} " in source


def test_no_node_moved_twice_at_once() -> None:
    assert len({(move.since, move.old) for move in MOVES}) == len(MOVES)
    assert list(MOVES) == sorted(MOVES, key=lambda move: move.since)


@pytest.mark.parametrize("history", sorted(HERE.glob("*-*-*")), ids=lambda folder: folder.name)
def test_whatever_rules_of_an_older_history_can_name_is_still_there(schema: Schema, history: Path) -> None:
    lines = (history / "decisions.txt").read_text(encoding="utf-8").splitlines()
    named = {
        what if kind == "data" else f"/yangswan-ipsec:{what}"
        for _, kind, what, *_ in (line.split(" | ") for line in lines)
    }
    assert len(named) > 30
    went = {move.old for move in MOVES}
    for path in named:
        top = "/" + path.split("/")[1]
        assert top in went or node_at(schema, top) is not None, top
