"""What is foreseen, as the answer of a dry run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.errors import InvalidValue
from agent.history.foresight import ENTRY_OCTETS, MESSAGE_OCTETS, Question, answer, refused
from agent.translator import Effect, Foresight, KnownFrom, Live, Message, Outlook

A, B, C = "/acme:box[name='a']", "/acme:box[name='b']", "/acme:box[name='c']"


@dataclass
class Seeing:
    """Sight of everything but what is named."""

    hidden: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    stateless: set[str] = field(default_factory=set)

    def is_visible(self, path: str) -> bool:
        return path not in self.hidden

    def is_open(self, path: str) -> bool:
        return self.is_visible(path) and path not in self.closed

    def is_alive(self, path: str) -> bool:
        return self.is_open(path) and path not in self.stateless

    @property
    def is_everywhere(self) -> bool:
        return not (self.hidden or self.closed)


ENDS = [Live("thing", 3, Effect.ENDED, 2), Live("other", 1)]
FORESIGHT = Foresight(
    messages=[
        Message("load", {"name": "a"}, path=A),
        Message("reload", {}),
        Message("load", {"name": "b", "with": "c"}, path=B, about=(C,)),
        Message("guard", {"against": "c"}, path=A, tells_of_all=True),
        Message("trust", {"who": "c"}, about=(C,)),
    ],
    outlooks=[
        Outlook(A, live=ENDS, interruption_s=1.25, known_from=KnownFrom.LAST_NEGOTIATION, also=["it waits"]),
        Outlook(B, live=[], interruption_s=0.0, known_from=KnownFrom.NOTHING_ENDS),
    ],
    also=["rules change"],
    unknown=["what comes", "what comes"],
)


def made(
    sight: Seeing | None = None, changed: Mapping[str, str] | None = None, **options: Any
) -> dict[str, Any]:
    question = Question(changed or {A: "modified"}, sight or Seeing(), **options)
    pieces = answer([FORESIGHT], question)
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            return dict(end.value)


def numbers(entry: Mapping[str, Any]) -> list[int]:
    return [one["index"] for one in entry.get("message", ())]


def test_each_entry_has_its_messages_numbered_among_all() -> None:
    found = made()
    a, b = found["entry"]
    assert (a["path"], a["change"], numbers(a)) == (A, "modified", [1, 4])
    assert (b["path"], b["change"], numbers(b)) == (B, "affected", [3])
    assert a["message"][0] == {"index": 1, "command": "load", "content": '{"name": "a"}'}
    assert (numbers(found["all-entries"]), found["all-entries"]["also"]) == ([2, 5], ["rules change"])
    assert found["totals"] == {"entries": 2, "messages": 5, "interrupted": 1}
    assert found["unknown"] == ["what comes"]
    assert "not-shown" not in found


def test_what_lives_and_for_how_long_traffic_is_interrupted() -> None:
    a, b = made()["entry"]
    assert a["live"] == [
        {"kind": "thing", "now": 3, "effect": "ended", "affected": 2},
        {"kind": "other", "now": 1, "effect": "left-alone", "affected": 0},
    ]
    assert (a["interruption-s"], a["interruption-known-from"]) == ("1.250", "last-negotiation")
    assert a["also"] == ["it waits"]
    assert "live" not in b
    assert (b["interruption-s"], b["interruption-known-from"]) == ("0.000", "nothing-ends")


def test_of_a_hidden_entry_there_is_nothing_not_even_a_number() -> None:
    found = made(Seeing(hidden={A}))
    (b,) = found["entry"]
    assert (b["path"], numbers(b)) == (B, [2])
    assert found["totals"] == {"entries": 1, "messages": 3, "interrupted": 0}
    assert "also" not in found["all-entries"]


def test_a_message_that_tells_of_what_is_hidden_has_no_content_or_is_not_there() -> None:
    found = made(Seeing(hidden={C}))
    a, b = found["entry"]
    assert b["message"] == [{"index": 3, "command": "load"}]
    assert numbers(a) == [1], "what may tell of any entry is told to whom may read all of them"
    assert numbers(found["all-entries"]) == [2]


def test_of_an_entry_that_may_be_read_in_part_no_content_and_no_state_is_told() -> None:
    a, _b = made(Seeing(closed={A}))["entry"]
    assert a["message"] == [{"index": 1, "command": "load"}]
    assert not {"live", "interruption-s", "interruption-known-from", "also"} & a.keys()
    found = made(Seeing(stateless={A}))
    assert "live" not in found["entry"][0]
    assert found["totals"]["interrupted"] == 0


def test_what_there_is_no_room_for_is_counted_and_can_be_asked_for() -> None:
    room = ENTRY_OCTETS + 3 * MESSAGE_OCTETS + 100
    found = made(room_octets=room)
    assert [entry["path"] for entry in found["entry"]] == [B]
    assert found["not-shown"] == {"entries": 1, "messages": 2}
    assert found["totals"]["messages"] == 5
    found = made(room_octets=2 * room, wanted=frozenset({A}))
    assert [entry["path"] for entry in found["entry"]] == [A]
    assert "not-shown" not in found
    assert made(room_octets=0)["not-shown"] == {"entries": 2, "messages": 5}


def test_refusals_are_told_as_a_commit_tells_them_and_text_is_fit_for_xml() -> None:
    error = InvalidValue("no such \x00 box", path=A, app_tag="missing")
    assert refused([error, InvalidValue("plain")]) == [
        {
            "error-tag": "invalid-value",
            "error-app-tag": "missing",
            "error-path": A,
            "error-message": "no such \ufffd box",
        },
        {"error-tag": "invalid-value", "error-message": "plain"},
    ]
