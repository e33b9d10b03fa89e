"""Who is made a reader on the command line, as docs/netconf.md says."""

from __future__ import annotations

from tests.console.shell.lines import ROOT, CommandLine

LINES = ("config", "nacm groups group reader", "user-name rita", "leave")
ASKED = "show access operation edit-config user rita"


def test_the_lines_of_the_page_make_somebody_a_reader(line: CommandLine) -> None:
    page = " ".join((ROOT / "docs" / "netconf.md").read_text(encoding="utf-8").split())
    assert all(f"`{one}`" in page for one in (*LINES, ASKED))
    assert line.lines(*LINES).returncode == 0
    assert "rule-list 'reader'" in line.run(*ASKED.split()).stdout
    assert line.lines(*LINES[:2], "no user-name rita", "leave").returncode == 0
    assert "rule-list 'reader'" not in line.run(*ASKED.split()).stdout
