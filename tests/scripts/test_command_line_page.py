"""docs/command-line.md: every line of the guide is read, sets what the page says, and names a test; the
examples do what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.grammar.reading import Grammar
from console.grammar.values import Called, Change, Changes, Operation
from console.model.compiled import compile_schema
from console.shell.table import COMMANDS
from tests.agent_process import AgentProcess, running_agent
from tests.scripts import test_conformance_table as table
from tests.scripts.agents import ROOT
from tests.scripts.test_readme import blocks

PAGE = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
PARTS = dict(re.findall(r"^### (.*?)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
ROW = re.compile(r"^\| (`.*|[A-Za-z].*) \|$", re.MULTILINE)
CONFIGURATION = [tuple(row.split(" | ")) for row in ROW.findall(PARTS["Configuration"]) if "`" in row]
OF_THE_GUIDE = {
    "ipsec ID", "enable", "dpd-action clear", "dpd-action trap", "dpd-action restart", "dpd-delay SEC",
    "initiator", "ike cipher … auth … dh …", "ike cipher … prf … dh …", "esp cipher … auth … dh …",
    "esp cipher … dh …", "secret SECRET", "peer ADDRESS", "local-address ADDRESS", "local-subnet ADDRESS/LEN",
    "local-subnet ADDRESS NETMASK", "remote-subnet ADDRESS/LEN", "remote-subnet ADDRESS NETMASK",
    "description STRING", *(f"{side}-id {kind} …" for side in ("local", "remote")
                            for kind in ("inet", "name", "email", "key", "dn")),
    *(f"no {what}" for what in (
        "ipsec ID", "enable", "dpd-action", "dpd-delay", "initiator", "ike cipher", "esp cipher", "secret",
        "peer", "local-address", "local-id", "remote-id", "local-subnet", "remote-subnet", "description",
    )),
}  # fmt: skip
"""The commands of the guide's pages, which are the first column of the page."""


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    """That of a server with all modules of the contract."""
    ietf = Path(sys.prefix) / "share/yang/modules/ietf"
    files = [*(ROOT / "yang").rglob("*.yang"), ietf / "ietf-inet-types.yang", ietf / "ietf-yang-types.yang"]
    files += [ietf / "ietf-netconf-acm.yang"]
    texts = {path.stem: path.read_text(encoding="utf-8") for path in files if "instances" not in path.parts}
    return Grammar(compile_schema(texts), COMMANDS)


def told(change: Change, below: int) -> str:
    """Return a change as the page writes it; "" for an entry that is only named by what follows."""
    steps = [step.node.name + "".join(f"[{key}]" for key in step.keys) for step in change.path[below:]]
    if change.operation is Operation.REMOVE:
        return f"no `{'/'.join(steps)}`"
    return f"`{'/'.join(steps)}`" + (f" {change.value}" if change.value is not None else "")


@pytest.mark.parametrize(("typed", "sets"), [(row[1], row[2]) for row in CONFIGURATION])
def test_a_line_sets_what_the_page_says(grammar: Grammar, typed: str, sets: str) -> None:
    tunnels = grammar.read("tunnel", ()).enters
    of_one = "ipsec 1" not in typed
    context = grammar.read("ipsec 1", tunnels).enters if of_one else tunnels
    meaning = grammar.read(typed.strip("`"), context)
    assert isinstance(meaning, Changes)
    changes = [change for change in meaning.changes if change.operation is not Operation.REPLACE]
    assert ", ".join(told(change, 2 if of_one else 1) for change in changes) == sets


@pytest.mark.parametrize(
    ("typed", "leaf", "value"),
    [
        ("leak-protection true", "leak-protection", "true"),
        ("certificate own gateway", "own", "gateway"),
        ("desc to Bern # soon", "description", "to Bern"),
        ("esp proposal 2 cipher aes256 auth sha256 dh x25519 ke mlkem768", "ke", "mlkem768"),
        ("local-subnet add 10.4.0.0/16", "local-subnet", "10.4.0.0/16"),
    ],
)
def test_what_is_beyond_the_guide_is_read(grammar: Grammar, typed: str, leaf: str, value: str) -> None:
    context = grammar.read("ipsec 1", grammar.read("tunnel", ()).enters).enters
    meaning = grammar.read(typed, context)
    assert isinstance(meaning, Changes)
    last = meaning.changes[-1]
    assert (last.path[-1].node.name, last.value) == (leaf, value)


def test_every_command_of_the_guide_is_in_the_table() -> None:
    assert {row[0].strip("`") for row in CONFIGURATION} == OF_THE_GUIDE


@pytest.mark.parametrize("row", ROW.findall(PARTS["Algorithms"]))
def test_every_algorithm_of_the_guide_is_offered(grammar: Grammar, row: str) -> None:
    if "`" not in row:
        return  # the head
    where = {
        "ciphers": "ike cipher ",
        "AEAD ciphers": "esp cipher ",
        "authentication": "ike cipher aes128 auth ",
        "pseudo random functions": "ike cipher aes128gcm16 prf ",
        "Diffie-Hellman groups": "esp cipher aes128gcm16 dh ",
    }
    what, names, _test = row.split(" | ")
    tunnel = grammar.read("ipsec 1", grammar.read("tunnel", ()).enters).enters
    offered = grammar.suggest(where[what], tunnel)
    described = {one.text for one in offered if one.description}
    assert set(re.findall(r"`(\w+)`", names)) <= described


@pytest.mark.parametrize("row", [row for part in PARTS.values() for row in ROW.findall(part) if "`" in row])
def test_every_line_names_a_test(row: str) -> None:
    named = table.NAMED.findall(row)
    assert named
    for path, name, case in named:
        table.test_a_test_that_is_named_exists(path, name or None, case or None)


@pytest.mark.parametrize(
    "row",
    [row for part in ("Show status", "Control commands", "Contexts") for row in ROW.findall(PARTS[part])],
)
def test_every_other_command_is_read(grammar: Grammar, row: str) -> None:
    if "`" not in row:
        return  # the head
    typed = row.split(" | ")[1].strip("`")
    inside = typed in ("end", "leave", "abort")
    assert isinstance(grammar.read(typed, () if inside else None), Called)


BLOCKS = {block.proof: block.text for block in blocks(PAGE) if block.language}
SECRET = "another-s3cr3t"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with running_agent(tmp_path_factory.mktemp("agent")) as process:
        yield process


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("here")


def run(agent: AgentProcess, folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run shell commands in ``folder``, with the command line of ``agent``."""
    environ = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "YANGSWAN_SOCKET": str(agent.data_dir / "netconf.sock"),
        "HOME": str(folder),
    }
    return subprocess.run(
        ["bash", "-eu", "-c", text], cwd=folder, env=environ, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_the_examples_of_the_page_do_what_it_says(agent: AgentProcess, folder: Path) -> None:
    """All of them, in the order of the page."""
    assert list(BLOCKS) == ["edit", "look", "again", "secret"]
    assert run(agent, folder, BLOCKS["edit"]).returncode == 0
    looked = run(agent, folder, BLOCKS["look"])
    assert (looked.returncode, looked.stderr) == (0, "")
    assert "to the branch office" in looked.stdout.partition("{")[0]
    (tunnel,) = json.loads(looked.stdout[looked.stdout.index("{") :])["yangswan-ipsec:tunnels"]["ipsec"]
    assert tunnel["peer"] == "192.0.2.1"
    kept = (folder / "ipsec-1.txt").read_text()
    assert "local-subnet 10.1.0.0/16" in kept
    assert "s3cr3t" not in kept
    again = run(agent, folder, BLOCKS["again"])
    assert (again.returncode, again.stdout) == (0, "There is nothing to commit.\n")
    (folder / "key.txt").write_text(f"{SECRET}\n")
    assert run(agent, folder, BLOCKS["secret"]).returncode == 0
    assert "1" in run(agent, folder, "yangswan show history").stdout


def test_no_secret_is_anywhere_but_where_it_was_written(agent: AgentProcess, folder: Path) -> None:
    shown = run(agent, folder, "yangswan show running-config; yangswan show history 3; yangswan show ipsec 1")
    assert SECRET not in shown.stdout + shown.stderr
    held = [
        path for path in folder.rglob("*") if path.is_file() and SECRET in path.read_bytes().decode("latin-1")
    ]
    assert held == [folder / "key.txt"]


@pytest.mark.parametrize(
    ("typed", "status"),
    [
        ("yangswan show ipsec 77", 1),
        ("yangswan -c 'config; tunnel; ipsec 5; description lost'", 1),
        ("yangswan -c 'config; tunnel; ipsec 5; nonsense'", 2),
        ("yangswan --socket nowhere show ipsec", 3),
    ],
)
def test_the_exit_status_is_the_one_of_the_page(
    agent: AgentProcess, folder: Path, typed: str, status: int
) -> None:
    assert run(agent, folder, typed).returncode == status
    assert re.search(rf"^\| {status} \|", PAGE, re.MULTILINE)
    assert run(agent, folder, "yangswan diff").stdout == "There is no difference.\n"


def test_json_is_to_be_had_where_the_page_says() -> None:
    with_json = {command.syntax.partition(" [")[0] for command in COMMANDS if command.json}
    shows = {one for one in with_json if one.split()[0] == "show"}
    assert {one.syntax.partition(" [")[0] for one in COMMANDS if one.syntax.startswith("show")} == shows
    assert with_json - shows == {"diff", "watch", "ipsec monitor", "ipsec log"}
