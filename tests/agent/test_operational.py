"""The state of many entries is written a piece at a time: nobody interrupts the writing of one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from agent import operational
from agent.operational import Operational
from agent.translator import Json, Keys
from agent.yang.schema import Schema
from tests.agent.recording_translator import RecordingTranslator


class Telling(RecordingTranslator):
    """Tells a state of each entry but the second."""

    async def entry_state(self, keys: Sequence[Keys]) -> Mapping[Keys, Json]:
        return {key: {"seen": n, "of": ["[]"]} if n != 1 else {} for n, key in enumerate(keys)}


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
async def test_states_are_written_in_documents_of_some_entries(
    schema: Schema, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operational, "AT_ONCE", 2)
    keys = [(f"[]é{n}",) for n in range(count)]
    translator = Telling()
    made = await Operational(schema, [translator], {}).entry_documents({translator.config_list: keys})
    pieces = [json.loads(document())["every-construct:top"]["entry"] for document in made]
    assert all(len(piece) <= 2 for piece in pieces)
    assert [entry for piece in pieces for entry in piece] == [
        {"id": key[0], "state": {"seen": n, "of": ["[]"]}} for n, key in enumerate(keys) if n != 1
    ]
