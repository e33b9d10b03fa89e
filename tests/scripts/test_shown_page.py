"""docs/shown.md names every command that shows something, and the members that its JSON begins with."""

from __future__ import annotations

import re
from pathlib import Path

from console.live.following import LEASE_S
from console.show.commands import COMMANDS
from tests.console.fakes import schema

PAGE = (Path(__file__).parents[2] / "docs/shown.md").read_text(encoding="utf-8")
JSON = PAGE.partition("## JSON")[2].partition("##")[0]
ROWS = [row.replace("\\|", "|") for row in JSON.splitlines() if row.startswith("| `show")]


def test_every_command_has_a_row() -> None:
    named = {command for row in ROWS for command in re.findall(r"`(show[^`]*)`", row)}
    for command in COMMANDS:
        words = command.syntax
        if words.startswith("show access"):
            words = "show access ..."
        elif "-config" in words:
            words = words.partition(" [")[0]
        assert words in named, command.syntax


def test_members_are_nodes_of_the_modules_that_they_are_named_after() -> None:
    outputs = {
        f"{node.module}:{name}"
        for rpc in schema().rpcs.values()
        if "output" in rpc.children
        for name, node in rpc.children["output"].children.items()
    }
    members = {one for row in ROWS for one in re.findall(r"`([a-z-]+:[a-z-]+)`", row)}
    assert len(members) >= 8
    assert members <= schema().roots.keys() | outputs


def test_events_are_notifications_of_their_modules() -> None:
    told = JSON.rpartition("for each event")[2]
    names = set(re.findall(r"`([a-z-]+:[a-z-]+)`", told))
    assert names
    assert names <= schema().notifications.keys()


def test_what_a_killed_monitor_leaves_lasts_as_long_as_the_page_says() -> None:
    assert LEASE_S == 600
    assert "ten\n  minutes" in PAGE
