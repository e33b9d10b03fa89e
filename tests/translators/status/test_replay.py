"""Captures of a live strongSwan 5.9.8, put in again with the clock that they were made with.

Beside each recording lies what came of it: the moves of the tunnel's facts, and what was told. With
REWRITE=1 in the environment the expectations are written anew; look at what changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from translators.strongswan.backoff import Attempts
from translators.strongswan.status import announcements, operational, state
from translators.strongswan.status.announcements import Told
from translators.strongswan.status.events import Notice, Source
from translators.strongswan.status.facts import Facts
from translators.strongswan.status.ledger import Ledger
from translators.strongswan.status.operational import Applied

RECORDINGS = sorted(Path(__file__).with_name("recordings").glob("*.jsonl"))
TUNNEL = "1"


class Replay:
    """The agent's view of one tunnel, an initiator, while a capture is put in."""

    def __init__(self) -> None:
        self.ledger = Ledger(lambda tunnel: tunnel == TUNNEL, lambda _address: [TUNNEL])
        self.source = Source.LOG
        self.told = Told()
        self.sas: list[Any] = []

    def put(self, record: dict[str, Any]) -> Iterator[str]:
        """Yield what comes of one record, as lines."""
        now = record["at"]
        if "found" in record:
            self.source = Source(record["found"])
        elif "lost" in record:
            self.sas = []
            self.ledger.on_lost(record["lost"], now)
        elif "notice" in record:
            self.ledger.on_notice(Notice(**record["notice"]), now)
        elif "sas" in record:
            self.sas = record["sas"].get(f"ipsec-{TUNNEL}", [])
            if TUNNEL not in self.ledger:
                self.ledger.on_found([TUNNEL], record["sas"], now)
            yield from self._look(now)
        elif record["event"] == "log":
            line = record["message"]
            self.ledger.on_log(line.get("ikesa-name", ""), line["msg"], self.source, now)
        else:
            for found in self.ledger.on_event(record["event"], record["message"], now):
                for rekeying in found.rekeyings:
                    happening = announcements.rekeyed(TUNNEL, rekeying.ike, rekeying.spis)
                    yield f"told {announcements.content(happening, 0)}"

    def _look(self, now: float) -> Iterator[str]:
        facts = self.ledger.facts(TUNNEL)
        status = state.status(self.sas, facts, retrying=True)
        found = Told.of(status, facts.counters)
        for happening in announcements.news(TUNNEL, self.told, found, facts, now):
            yield f"told {announcements.content(happening, 0)}"
        self.told = found


def replayed(recording: Path) -> str:
    replay, lines, last = Replay(), [], Facts()
    for text in recording.read_text().splitlines():
        record = json.loads(text)
        lines += [f"{record['at']:.3f} {line}" for line in replay.put(record)]
        facts = replay.ledger.facts(TUNNEL)
        lines += [f"{entry.at:.3f} {entry.kind.value} {entry.reason.value if entry.reason else ''}".rstrip()
                  for entry in facts.history if entry not in last.history]  # fmt: skip
        last = facts
    now = record["at"]
    attempts = Attempts(1, None)
    final = operational.tunnel_state(replay.sas, last, Applied.APPLIED, attempts, True, now)
    shown = {name: value for name, value in final.items() if name not in ("ike-sa", "child-sa", "event")}
    return "\n".join([*lines, json.dumps(shown, indent=1), ""])


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_a_capture_gives_again_what_came_of_it(recording: Path) -> None:
    expected = recording.with_suffix(".expected")
    if os.environ.get("REWRITE"):
        expected.write_text(replayed(recording))
    assert replayed(recording) == expected.read_text()


def test_there_are_captures() -> None:
    assert len(RECORDINGS) >= 3


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_what_comes_late_by_another_socket_changes_only_reasons(recording: Path) -> None:
    """error-notify may be behind the events: put in after them, it still says up and down alike."""
    records = [json.loads(line) for line in recording.read_text().splitlines()]
    for late in (0.0, 0.05):
        moved = sorted(records, key=lambda r: r["at"] + (late if "notice" in r else 0.0))
        replay = Replay()
        for record in moved:
            list(replay.put(record))
        facts = replay.ledger.facts(TUNNEL)
        turns = [entry.kind.value for entry in facts.history if entry.kind.value in ("up", "down")]
        if late == 0.0:
            first = turns
        assert turns == first
        assert all(entry.reason for entry in facts.history if entry.kind.value == "down")
