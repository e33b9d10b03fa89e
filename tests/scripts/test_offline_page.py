"""docs/safety-net.md, "With a stopped agent": its commands do what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scripts.agents import ROOT
from tests.scripts.test_readme import blocks

PAGE = (ROOT / "docs" / "safety-net.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## With a stopped agent\n")[2].partition("\n## ")[0]
BLOCKS = {block.proof: block.text for block in blocks(SECTION) if block.language}
EVERY_LEAF = ROOT / "tests" / "yang" / "instances" / "valid" / "every-leaf.xml"
INVALID = ROOT / "tests" / "yang" / "instances" / "invalid"


def run(proof: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block of the page below ``folder``."""
    text = BLOCKS[proof]
    for place in ("/var/lib", "/root", "/srv"):
        text = text.replace(place, str(folder / place.strip("/")))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-eu", "-c", text],
        cwd=folder,
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    for folder in ("var/lib", "root", "srv"):
        (tmp_path / folder).mkdir(parents=True)
    words = ["import", str(EVERY_LEAF), "--data-dir", str(tmp_path / "var/lib/yangswan")]
    subprocess.run([sys.executable, "-m", "console", *words], cwd=ROOT, check=True, capture_output=True)
    return tmp_path


def test_every_command_is_run_here() -> None:
    assert set(BLOCKS) == {"check", "export and import", "history"}


def test_a_configuration_is_looked_at(machine: Path) -> None:
    (machine / "branch-office.xml").write_bytes(EVERY_LEAF.read_bytes())
    assert run("check", machine).returncode == 0
    text = EVERY_LEAF.read_text().replace("<peer>198.51.100.1<", "<peer>nowhere<")
    (machine / "branch-office.xml").write_text(text)
    done = run("check", machine)
    line, more = done.stderr.splitlines()
    number = 1 + text[: text.index("<peer>")].count("\n")
    place = f"branch-office.xml:{number}: /ipsec:tunnels/ipsec:ipsec[ipsec:id='7']/ipsec:peer: "
    assert (done.returncode, line.startswith(place)) == (1, True)
    assert line.endswith("(invalid-value)")
    assert "there may be more" in more


def test_a_configuration_moves_to_another_folder(machine: Path) -> None:
    done = run("export and import", machine)
    assert done.returncode == 0, done.stderr
    assert (machine / "root/gateway.xml").stat().st_mode & 0o777 == 0o600
    assert (machine / "srv/new-gateway/history.db").exists()


def test_commits_are_listed(machine: Path) -> None:
    done = run("history", machine)
    assert done.returncode == 0, done.stderr
    text, _, members = done.stdout.partition("{")
    assert text.startswith("1  20")
    assert json.loads("{" + members)["cause"] == "import"
