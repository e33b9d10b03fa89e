"""Every command of the README is run: the short ones here, the long ones where their proof says."""

from __future__ import annotations

import configparser
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from ncclient import manager
from ncclient.xml_ import to_ele
from packaging.requirements import Requirement

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
NETCONF_PAGE = blocks((ROOT / "docs" / "netconf.md").read_text(encoding="utf-8"))
NETCONF = [block for block in NETCONF_PAGE if block.proof != "rpc"]
CLIENTS = [block for block in README if block.proof == "client"]

LIMIT_S = 60
BY_HAND = {"by hand, as a system service", "clients, by hand, from the package index"}

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
    "package": (
        "script/try-deb",
        "script/build-deb\napt install ./dist/yangswan_*.deb\n",
        '"$root/script/build-deb"',
    ),
    "forwarding": (
        "tests/real/test_first_steps.py",
        "sysctl -w net.ipv4.ip_forward=1\n"
        "echo net.ipv4.ip_forward=1 >/etc/sysctl.d/90-forward.conf\n",
        '"forwarding"',
    ),
    "traffic": (
        "tests/real/test_first_steps.py",
        "ping -c 3 -I 10.2.0.1 10.1.0.1\n",
        '"traffic"',
    ),
    "metrics": (
        "tests/scripts/test_metrics_page.py",
        "curl -s http://127.0.0.1:9830/metrics | grep ^yangswan_tunnel_up\n",
        'block.proof == "metrics"',
    ),
    "test": (".ci/run", "script/test\n", "script/test"),
}


@pytest.mark.parametrize("block", README, ids=lambda block: block.text.splitlines()[0])
def test_every_block_names_its_proof(block: Block) -> None:
    # What is typed in a session is played by tests/real/test_first_steps.py.
    assert block.proof in {"client", "session", *BY_HAND, *ELSEWHERE}


@pytest.mark.parametrize("proof", ELSEWHERE)
def test_a_long_command_is_run_where_its_proof_says(proof: str) -> None:
    file, command, call = ELSEWHERE[proof]
    assert [block.text for block in README if block.proof == proof] == [command]
    assert call in (ROOT / file).read_text(encoding="utf-8")


def test_the_clients_that_are_shown_are_those_that_its_command_installs() -> None:
    """The distributions that own what the shown commands call and import, against the extra's list."""
    (command,) = (block.text for block in README if block.proof in BY_HAND and "[clients]" in block.text)
    assert command == ".venv/bin/pip install -e '.[clients]'\n"
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg")
    lines = parser["options.extras_require"]["clients"].splitlines()
    named = {Requirement(line).name for line in lines if line and not line.startswith("#")}
    of_restconf = {"iupy-restconf", "pynso-restconf", "requests"}
    of_netconf = {"ncclient", "netconf-client", "netconf-console2", "scrapli", "scrapli-netconf", "six"}
    assert named == of_netconf | of_restconf


@pytest.mark.parametrize("number", range(3))
def test_the_commands_that_the_agent_prints_connect(number: int, agent: Agent) -> None:
    printed = [line for line in agent.output if line.startswith("  ")]
    assert len(printed) == 3
    done = agent.run_as_written("sh", printed[number])
    assert done.returncode == 0, done.stderr
    assert "urn:ietf:params:xml:ns:netconf:base:1.0" in done.stdout


def test_no_client_is_taken_from_the_environment_of_the_tests(agent: Agent) -> None:
    """A command works for whoever has only run the one before it: nothing but .venv has been made."""
    for program in ("netconf-console2", "ansible-playbook", "pyang"):
        done = agent.run_as_written("sh", f"command -v {program}")
        assert Path(sys.executable).parent not in Path(done.stdout.strip()).parents
    done = agent.run_as_written("sh", ".venv/bin/python -c 'import sys; print(sys.prefix)'")
    assert done.returncode == 0


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
    "ietf-subscribed-notifications",
    'or:origin="or:default"',
    "deny: rule 'no-other-operation' of rule-list 'reader' denies it",
    "netconf-unix</transport>",
)


@pytest.mark.parametrize(("block", "printed"), list(zip(NETCONF, PRINTED, strict=True)))
def test_a_command_of_the_netconf_page_does_what_it_says(block: Block, printed: str, agent: Agent) -> None:
    assert block.proof == "client"
    done = agent.run_as_written(block.language, block.text)
    assert done.returncode == 0, done.stderr
    assert printed in done.stdout


def test_a_request_of_the_netconf_page_is_granted(agent: Agent) -> None:
    (request,) = (block.text for block in NETCONF_PAGE if block.proof == "rpc")
    with manager.connect_uds(path=str(agent.folder / "var/netconf.sock"), timeout=LIMIT_S) as gateway:
        reply = gateway.dispatch(to_ele(request))
    assert "<id " in reply.xml


def test_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
