"""How many entries there are, told when it changes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agent.datastore.backends import kind_of
from agent.loaded import Loaded
from agent.yang.schema import Schema
from tests.agent.datastore.lab import commit, started
from tests.agent.lab import top
from tests.agent.recording_translator import RecordingTranslator


async def test_entries_are_counted_and_what_commits_change_of_their_number(
    schema: Schema, tmp_path: Path
) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, top("<entry><id>1</id></entry><entry><id>2</id></entry>"))
    told: list[str] = []
    loaded = Loaded(configuration.translators, told=lambda: told.append(loaded.sentence()))
    await loaded.follow(configuration)
    assert loaded.sentence() == "top: 2"
    await commit(configuration, top("<entry><id>3</id></entry>"))
    await commit(configuration, top("<entry><id>3</id><number>7</number></entry>"))
    await commit(configuration, top("<flag>true</flag>"))
    await commit(configuration, top('<entry nc:operation="delete"><id>1</id></entry>'))
    await commit(configuration, top('<entry nc:operation="delete"><id>2</id></entry>'))
    assert told == ["top: 3", "top: 2", "top: 1"]


async def test_when_many_are_gone_the_room_that_they_took_is_free(schema: Schema, tmp_path: Path) -> None:
    configuration = await started(schema, tmp_path)
    loaded = Loaded(configuration.translators, told=lambda: None)
    await loaded.follow(configuration)
    await commit(configuration, top("".join(f"<entry><id>{n}</id></entry>" for n in range(400))))
    (full,) = map(sys.getsizeof, loaded._found.values())
    gone = "".join(f'<entry nc:operation="delete"><id>{n}</id></entry>' for n in range(1, 400))
    await commit(configuration, top(gone))
    assert loaded.sentence() == "top: 1"
    (now,) = map(sys.getsizeof, loaded._found.values())
    assert now < full / 10


async def test_entries_that_a_user_orders_are_one(schema: Schema, tmp_path: Path) -> None:
    """For they form one unit."""
    configuration = await started(schema, tmp_path)
    await commit(configuration, '<box xmlns="urn:hostile"><uo><k>1</k></uo><uo><k>2</k></uo></box>')
    told: list[str] = []
    translator = RecordingTranslator(config_list="/hostile:box/uo")
    loaded = Loaded([translator], told=lambda: told.append(loaded.sentence()))
    await loaded.follow(configuration)
    assert loaded.sentence() == "box: 1"
    await commit(configuration, '<box xmlns="urn:hostile"><uo><k>3</k></uo></box>')
    await commit(configuration, '<box xmlns="urn:hostile" nc:operation="delete"/>')
    assert told == ["box: 0"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/yangswan-ipsec:tunnels/ipsec", "tunnels"),
        ("/a:things/b:thing", "things"),
        ("/a:thing", "thing"),
        ("/a:x/y/z", "y"),
    ],
)
def test_entries_are_called_as_the_container_that_they_are_in(path: str, kind: str) -> None:
    assert kind_of(path) == kind
