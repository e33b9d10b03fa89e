"""Lines that are typed, and the commands of these rooms that they are."""

from __future__ import annotations

import pytest

from console.grammar.command import Where
from console.grammar.reading import Grammar
from console.grammar.values import Called, Mistake
from console.live.commands import COMMANDS as LIVE
from console.show.commands import COMMANDS as SHOW
from tests.console.fakes import schema

GRAMMAR = Grammar(schema(), (*SHOW, *LIVE))


@pytest.mark.parametrize(
    ("line", "syntax", "given"),
    [
        ("show ipsec", "show ipsec [up|down]", {}),
        ("sh ips down", "show ipsec [up|down]", {"down": "down"}),
        ("show ipsec 1", "show ipsec ID", {"ID": "1"}),
        ("show ipsec 65535 log", "show ipsec ID log", {"ID": "65535"}),
        ("show history", "show history [last COUNT]", {}),
        ("show history last 5", "show history [last COUNT]", {"COUNT": "5"}),
        ("show history 5", "show history COMMIT", {"COMMIT": "5"}),
        ("show history beg cand", "show history FROM TO", {"FROM": "beginning", "TO": "candidate"}),
        ("show history r 5", "show history FROM TO", {"FROM": "running", "TO": "5"}),
        ("show history beginning running", "show history FROM TO", {"FROM": "beginning", "TO": "running"}),
        (
            "show running-config xml ipsec 1",
            "show running-config [commands|xml|json] [ipsec ID|PART]",
            {"xml": "xml", "ID": "1"},
        ),
        (
            "show candidate-config",
            "show candidate-config [commands|xml|json] [ipsec ID|PART]",
            {},
        ),
        (
            "show access path /m:a/b[c='d e'] update user bob".replace("d e", "d"),
            "show access path PATH [read|create|update|delete|exec] [user USER]",
            {"PATH": "/m:a/b[c='d']", "update": "update", "USER": "bob"},
        ),
        ("no ipsec monitor 4", "no ipsec monitor [NUMBER]", {"NUMBER": "4"}),
        (
            "ipsec monitor 1 packets 4 file",
            "ipsec monitor [ID] [seconds SECONDS] [packets PACKETS] [file]",
            {"ID": "1", "PACKETS": "4", "file": "file"},
        ),
        (
            "ipsec log level 0",
            "ipsec log [ID] [level LEVEL] [seconds SECONDS] [lines LINES]",
            {"LEVEL": "0"},
        ),
        ("ipsec restart", "ipsec restart", {}),
        ("ipsec 1 terminate", "ipsec ID (restart|initiate|terminate)", {"ID": "1", "terminate": "terminate"}),
        ("show certificates alice", "show certificates [NAME]", {"NAME": "alice"}),
    ],
)
@pytest.mark.parametrize("tunnel", [False, True], ids=["exec", "tunnel"])
def test_a_line_is_its_command(line: str, syntax: str, given: dict[str, str], tunnel: bool) -> None:
    meaning = GRAMMAR.read(line, None, tunnel)
    assert isinstance(meaning, Called)
    assert meaning.command.syntax == syntax
    assert given.items() <= meaning.given.items()


@pytest.mark.parametrize(
    "line",
    [
        "show ipsec 0", "show ipsec 65536", "show history last 0", "show history 0", "show history 0 1",
        "show history 1 0", "show history foo", "show history 1 foo", "show history 1 4294967296",
        "ipsec log level 2", "ipsec 1 explode",
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_refused_before_anybody_is_asked(line: str) -> None:
    with pytest.raises(Mistake):
        GRAMMAR.read(line, None, tunnel=False)


def test_all_that_shows_something_can_be_had_as_json_everywhere() -> None:
    assert all(command.json for command in SHOW)
    # "show" alone is about where one is in the configuration.
    assert all(command.where is Where.ANYWHERE for command in SHOW if command.syntax != "show")
