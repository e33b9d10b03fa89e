"""docs/safety-net.md: its comparison and its way back do what the page says, with what it shows."""

from __future__ import annotations

import re

from tests.scripts.agents import ROOT, Agent
from tests.scripts.test_readme import blocks

PAGE = (ROOT / "docs" / "safety-net.md").read_text(encoding="utf-8")
BLOCKS = {block.proof: block.text for block in blocks(PAGE)}


def flat(text: str) -> str:
    """Return ``text`` without the white space between elements."""
    return re.sub(r">\s+<", "><", text).strip()


def test_what_is_shown_is_what_comes(agent: Agent) -> None:
    done = agent.run_as_written("python", BLOCKS["comparison"])
    assert done.returncode == 0, done.stderr
    (lines,) = re.findall(r"<text [^>]*>(.*)</text>", done.stdout, re.DOTALL)
    (patch,) = re.findall(r"<differences .*</differences>", done.stdout, re.DOTALL)
    section = PAGE.partition("## Comparison")[2].partition("\n## ")[0]
    shown = re.findall(r"^```(\w*)\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert [text for language, text in shown if not language] == [lines]
    assert [flat(text) for language, text in shown if language == "xml"] == [flat(patch)]
    back = agent.run_as_written("python", BLOCKS["back"])
    assert back.returncode == 0, back.stderr
    assert re.search(r"<commit [^>]*>2</commit>", back.stdout)
    for line in lines.splitlines():
        assert {"+": "-", "-": "+"}[line[0]] + line[1:] in back.stdout
    again = agent.run_as_written("python", BLOCKS["back"])
    assert re.search(r"<commit [^>]*>3</commit>", again.stdout)
