"""The examples of the manual pages, run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.agent_process import running_agent
from tests.scripts.agents import ROOT
from tests.scripts.test_readme import blocks

LIMIT_S = 60
SOURCE = (ROOT / "packaging/man/pages.md").read_text(encoding="utf-8")
OF_THE_AGENT, OF_THE_OPERATOR = (
    [block.text for block in blocks(SOURCE.partition(f"# {page}\n")[2].partition("\n# ")[0])]
    for page in ("yangswand(8)", "yangswan(1)")
)
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
TUNNEL = "config; tunnel; ipsec 1; local-address 192.0.2.2; peer 192.0.2.1; secret s3cr3t-of-them"


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The environment of somebody at a gateway with the tunnel 1."""
    home = tmp_path_factory.mktemp("home")
    with running_agent(home / "data") as agent:
        told = {"PATH": PATH, "HOME": str(home), "YANGSWAN_SOCKET": str(agent.data_dir / "netconf.sock")}
        subprocess.run(["yangswan", "--commit", "-c", TUNNEL], env=told, check=True, capture_output=True)
        yield told


@pytest.mark.parametrize("text", OF_THE_OPERATOR)
def test_an_example_of_the_operator(text: str, environ: Mapping[str, str], tmp_path: Path) -> None:
    document = ROOT / "tests/yang/instances/valid/every-leaf.xml"
    (tmp_path / "branch-office.xml").write_bytes(document.read_bytes())
    done = subprocess.run(
        ["bash", "-eu", "-c", text], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_settings_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('charon = "none"\n')
    look = OF_THE_AGENT[0].replace("/etc/yangswan", str(tmp_path))
    assert look != OF_THE_AGENT[0]
    done = subprocess.run(
        ["bash", "-c", look], env={"PATH": PATH}, cwd=tmp_path, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr


def test_an_agent_of_one_s_own_starts_and_ends(tmp_path: Path) -> None:
    (_, start) = OF_THE_AGENT
    words = start.replace(":8301", ":0").split()
    assert words != start.split()
    with subprocess.Popen(
        words, env={"PATH": PATH}, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as agent:
        assert agent.stdout is not None
        assert any(line.startswith("ready ") for line in agent.stdout)
        agent.send_signal(signal.SIGINT)
        assert agent.wait(LIMIT_S) == 0
    assert (tmp_path / "trial/history.db").exists()
