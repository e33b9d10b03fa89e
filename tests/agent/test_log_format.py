"""What a line of the log looks like: harmless whoever has written its words, and bounded."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agent import log_format
from agent.log_format import MESSAGE_CHARACTERS_MAX, TRACE_CHARACTERS_MAX, Line

PLAIN = Line(
    datetime(2026, 11, 27, 14, 15, 16, 17999, UTC),
    level=20,
    level_name="INFO",
    logger="agent.server",
    message="begun",
    code_file="/x/server.py",
    code_line=3,
    code_function="serve",
)
IDS = {"session": "12", "user": "admin", "commit": "345", "tunnel": "7"}
HOSTILE = {
    "line": "x\n2026-11-27 14:15:16,017 INFO    agent: forged",
    "return": "x\rforged",
    "priority": "x\n<0>forged",
    "field": "x\nPRIORITY=0\nYANGSWAN_USER=root",
    "terminal": "\x1b[2J\x1b]0;title\x07",
    "c1": "\x9b31m",
    "separators": "x\u2028forged\u2029forged\x85forged\x0bforged\x0cforged",
    "direction": "\u202etxet",
    "nobody sees": "\u200b\ufeff\U000e0041",
    "not utf-8": b"\xff\xfe".decode(errors="surrogateescape"),
    "nul": "x\0y",
}
WRITTEN = {
    "text": log_format.text,
    "stream": log_format.stream_text,
    "json": log_format.json_text,
    "journald": lambda line: dict(log_format.fields(line))["MESSAGE"],
}
Written = Callable[[Line], str]


def fields_of(datagram: bytes) -> dict[str, str]:
    """Read the journal's native protocol, as journald does."""
    found, rest = {}, datagram
    while rest:
        name, _, rest = rest.partition(b"\n")
        if b"=" in name:
            name, _, value = name.partition(b"=")
        else:
            octets = int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + octets], rest[8 + octets + 1 :]
        assert name.decode() not in found
        found[name.decode()] = value.decode()
    return found


def test_text_has_time_level_and_what_was_worked_on() -> None:
    assert log_format.text(PLAIN) == "2026-11-27 14:15:16,017 INFO    agent.server: begun"
    line = replace(PLAIN, ids=IDS)
    assert log_format.text(line).endswith("agent.server: [session 12 admin, commit 345, tunnel 7] begun")
    line = replace(PLAIN, ids={"tunnel": "7"})
    assert log_format.text(line).endswith("agent.server: [tunnel 7] begun")


@pytest.mark.parametrize(
    ("level", "priority"), [(10, 7), (20, 6), (30, 4), (40, 3), (50, 2), (5, 7), (25, 4)]
)
def test_sd_daemon_3_a_line_on_the_journals_stream_has_its_priority_and_no_time(
    level: int, priority: int
) -> None:
    assert log_format.stream_text(replace(PLAIN, level=level)) == f"<{priority}>agent.server: begun"


def test_json_is_an_object_with_numbers_for_ids() -> None:
    found = json.loads(log_format.json_text(replace(PLAIN, ids=IDS)))
    assert found == {
        "time": "2026-11-27T14:15:16.017+00:00",
        "level": "info",
        "logger": "agent.server",
        "message": "begun",
        "session": 12,
        "user": "admin",
        "commit": 345,
        "tunnel": 7,
        "code": "/x/server.py:3",
    }


def test_json_is_json_in_every_encoding_of_standard_error() -> None:
    line = replace(PLAIN, message="zum Büro \U0001f600", ids={"user": "jörg"})
    written = log_format.json_text(line)
    for encoding in ("ascii", "latin-1", "utf-8"):
        found = json.loads(written.encode(encoding, errors="backslashreplace"))
        assert (found["message"], found["user"]) == (line.message, "jörg")


def test_a_user_whose_name_is_a_number_is_a_string_in_json() -> None:
    assert json.loads(log_format.json_text(replace(PLAIN, ids={"user": "123"})))["user"] == "123"


def test_the_journal_has_fields_to_look_for() -> None:
    found = fields_of(log_format.datagram(log_format.fields(replace(PLAIN, ids=IDS))))
    assert found == {
        "MESSAGE": "agent.server: [session 12 admin, commit 345, tunnel 7] begun",
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": "yangswand",
        "CODE_FILE": "/x/server.py",
        "CODE_LINE": "3",
        "CODE_FUNC": "serve",
        "YANGSWAN_LOGGER": "agent.server",
        "YANGSWAN_SESSION": "12",
        "YANGSWAN_USER": "admin",
        "YANGSWAN_COMMIT": "345",
        "YANGSWAN_TUNNEL": "7",
    }


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("place", ["message", "logger", "user", "tunnel"])
@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_whoever_writes_the_words_a_line_is_one_line_without_commands(
    written: Written, place: str, words: str
) -> None:
    line = replace(PLAIN, **({place: words} if place in ("message", "logger") else {"ids": {place: words}}))
    shown = written(line)
    assert shown.isprintable()
    assert shown.encode()
    assert "forged" not in shown or "\\" in shown.partition("forged")[0]


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE)
def test_what_a_program_reads_from_json_is_harmless_too(words: str) -> None:
    found = json.loads(log_format.json_text(replace(PLAIN, message=words, ids={"user": words}, trace=words)))
    assert all(text.isprintable() for text in (found["message"], found["user"], *found["traceback"]))


def test_no_words_make_a_field_of_the_journal() -> None:
    line = replace(PLAIN, message=HOSTILE["field"], ids={"user": HOSTILE["field"]}, trace=HOSTILE["field"])
    found = fields_of(log_format.datagram(log_format.fields(line)))
    assert found["PRIORITY"] == "6"
    assert found["YANGSWAN_USER"] == r"x\nPRIORITY=0\nYANGSWAN_USER=root"


@pytest.mark.parametrize("written", [log_format.text, log_format.stream_text, WRITTEN["journald"]])
def test_no_line_of_a_traceback_can_be_taken_for_another_line(written: Written) -> None:
    trace = f"Traceback\nValueError: {HOSTILE['line']}\r\n<0>x"
    first, *rest = written(replace(PLAIN, trace=trace)).split("\n")
    assert "begun" in first
    assert len(rest) == 4
    assert all(part.removeprefix("<6>").startswith("  | ") and part.isprintable() for part in rest)


def test_each_line_of_a_traceback_has_the_priority() -> None:
    shown = log_format.stream_text(replace(PLAIN, level=40, trace="one\ntwo"))
    assert [part[:3] for part in shown.split("\n")] == ["<3>"] * 3


@pytest.mark.parametrize("character", ["x", "\n", "\U000e0041", "\udcff"])
@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_a_line_has_a_bound_whatever_is_in_it(written: Written, character: str) -> None:
    shown = written(replace(PLAIN, message=character * 1_000_000, ids={"user": character * 1_000_000}))
    assert len(shown) < 2 * MESSAGE_CHARACTERS_MAX
    assert "(1000000 characters)" in shown
    shown = written(replace(PLAIN, trace=f"first\n{character * 1_000_000}\nlast"))
    assert len(shown) < 20 * TRACE_CHARACTERS_MAX
    assert "first" in shown
    assert "last" in shown
