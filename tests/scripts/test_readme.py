"""Every command of the README is run: the short ones here, the long ones where their proof says."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from tests.scripts.agents import ROOT, Agent

_BLOCK = re.compile(r"(?:<!-- proof: (?P<proof>.+?) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    proof: str | None
    language: str
    text: str


def blocks(readme: str) -> list[Block]:
    return [Block(m["proof"], m["language"], m["text"]) for m in _BLOCK.finditer(readme)]


README = blocks((ROOT / "README.md").read_text(encoding="utf-8"))
NETCONF = blocks((ROOT / "docs" / "netconf.md").read_text(encoding="utf-8"))
CLIENTS = [block for block in README if block.proof == "client"]

# Where a command that takes long, or needs root, is run; the text must stand in that file.
ELSEWHERE = {
    "demo": ("tests/scripts/test_demo.py", "script/demo --once\n", '"script/demo", "--once"'),
    "run": ("tests/scripts/test_run.py", "script/run\n", '"script/run"'),
    "help": ("tests/scripts/test_run.py", "script/run --help\n", '"script/run", "--help"'),
    "operator": (
        "tests/scripts/test_run.py",
        ".venv/bin/yangswan help\n",
        '".venv/bin/yangswan", "help"',
    ),
    "test": (".ci/run", "script/test\n", "script/test"),
}


@pytest.mark.parametrize("block", README, ids=lambda block: block.text.splitlines()[0])
def test_every_block_names_its_proof(block: Block) -> None:
    assert block.proof in {"client", "by hand, as a system service", *ELSEWHERE}


@pytest.mark.parametrize("proof", ELSEWHERE)
def test_a_long_command_is_run_where_its_proof_says(proof: str) -> None:
    file, command, call = ELSEWHERE[proof]
    assert [block.text for block in README if block.proof == proof] == [command]
    assert call in (ROOT / file).read_text(encoding="utf-8")


def test_the_reader_of_blocks_sees_one_without_proof() -> None:
    found = blocks("<!-- proof: client -->\n```sh\na\n```\n\ntext\n\n```python\nb\n```\n")
    assert found == [Block("client", "sh", "a\n"), Block(None, "python", "b\n")]


@pytest.mark.parametrize("block", CLIENTS, ids=lambda block: block.text.splitlines()[0])
def test_a_client_configures_the_tunnel_as_the_readme_says(block: Block, agent: Agent) -> None:
    done = agent.run_as_written(block.language, block.text)
    assert done.returncode == 0, done.stderr
    assert "to the branch office" in done.stdout


# What the last line of each block of docs/netconf.md prints.
PRINTED = (
    "the gateway is still reachable: confirmed",
    "<notification",
    'or:origin="or:default"',
    "deny: rule 'no-other-operation' of rule-list 'reader' denies it",
)


@pytest.mark.parametrize(("block", "printed"), list(zip(NETCONF, PRINTED, strict=True)))
def test_a_command_of_the_netconf_page_does_what_it_says(block: Block, printed: str, agent: Agent) -> None:
    assert block.proof == "client"
    done = agent.run_as_written(block.language, block.text)
    assert done.returncode == 0, done.stderr
    assert printed in done.stdout


def test_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
