"""The state of many entries is written a piece at a time: nobody interrupts the writing of one."""

from __future__ import annotations

import json

import pytest

from agent import operational
from agent.operational import Operational
from agent.translator import Json
from agent.yang.schema import Schema
from tests.agent.recording_translator import RecordingTranslator


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_states_are_written_in_pieces_and_as_one_document(
    schema: Schema, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Json | list[Json]] = []
    plain = operational.json_document

    def write(content: Json | list[Json]) -> bytes:
        written.append(content)
        return plain(content)

    monkeypatch.setattr(operational, "json_document", write)
    monkeypatch.setattr(operational, "AT_ONCE", 2)
    states = {(f"[]é{n}",): {"seen": n, "of": ["[]"]} for n in range(count)}
    document = Operational(schema, [], {})._entries_document(RecordingTranslator(), states)
    entries = [{"id": keys[0], "state": state} for keys, state in states.items()]
    assert json.loads(document) == {"every-construct:top": {"entry": entries}}
    pieces = [content for content in written if isinstance(content, list)]
    assert all(len(piece) <= 2 for piece in pieces)
    assert sum(map(len, pieces)) == count
