"""yangswand --repair on the data folder of an agent: what is asked, what is kept, who gets in."""

from __future__ import annotations

import asyncio
import os
import pty
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.agent_process import AgentProcess, running_agent
from tests.requests import edit_candidate, tunnel
from tests.wire.raw_client import raw_client

ROOT = Path(__file__).parents[2]
RUNNING = "<get-config><source><running/></source></get-config>"
SPOILT = "UPDATE changes SET after = x'3c' WHERE path LIKE '%ipsec[%2%'"
RULES_GONE = "UPDATE changes SET after = x'3c' WHERE path LIKE '%nacm/rule-list'"


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of an agent in which two tunnels were committed, one after the other."""
    folder = tmp_path_factory.mktemp("used") / "data"
    with running_agent(folder) as agent:
        asyncio.run(_tunnels(agent))
    return folder


async def _tunnels(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client:
        for number in (1, 2):
            assert b"<ok/>" in await client.ask(edit_candidate(tunnel(number)))
            assert b"<ok/>" in await client.ask("<commit/>")


@pytest.fixture
def folder(used: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(used, tmp_path / "data"))


def damage(folder: Path, statement: str) -> bytes:
    """Change the history as a disk would; returns what it holds then."""
    with closing(sqlite3.connect(folder / "history.db")) as database:
        database.executescript(statement)
    return (folder / "history.db").read_bytes()


def yangswand(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent", "--data-dir", str(folder), "--charon", "none", *options]
    return subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def answered(folder: Path, answer: str) -> tuple[int, str]:
    """Repair at a terminal; returns the status and what is to be read there."""
    command = [sys.executable, "-m", "agent", "--data-dir", str(folder), "--repair"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, cwd=ROOT, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        os.write(ours, f"{answer}\n".encode())
        said, _ = process.communicate()
    os.close(ours)
    os.close(theirs)
    return process.returncode, said


async def running(folder: Path, *options: str) -> bytes:
    with running_agent(folder, options) as agent:
        async with raw_client(agent, greet="1.1") as client:
            return await client.ask(RUNNING)


def kept(folder: Path) -> list[Path]:
    return list(folder.glob("history.db.damaged-*"))


def test_a_history_that_is_whole_is_left_alone(folder: Path) -> None:
    before = (folder / "history.db").read_bytes()
    done = yangswand(folder, "--repair", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{folder}/history.db is whole: there is nothing to repair\n"
    assert ((folder / "history.db").read_bytes(), kept(folder)) == (before, [])


async def test_a_tunnel_that_is_lost_is_named_and_the_rest_is_in_force_again(folder: Path) -> None:
    octets = damage(folder, SPOILT)
    refused = yangswand(folder, "--listen", "127.0.0.1:0")
    assert (refused.returncode, refused.stdout) == (os.EX_CONFIG, "")
    assert "ipsec[id='2'] of commit 3 is damaged: it does not fit its checksum" in refused.stderr
    assert refused.stderr.count("\n") == 1

    nobody = yangswand(folder, "--repair")
    assert (nobody.returncode, kept(folder)) == (1, [])
    assert "ipsec[id='2'] of commit 3" in nobody.stdout
    assert nobody.stderr.startswith("yangswand: nothing is changed: there is nobody to ask")
    assert (folder / "history.db").read_bytes() == octets

    done = yangswand(folder, "--repair", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "access control" not in done.stdout
    (old,) = kept(folder)
    assert old.read_bytes() == octets
    assert f"The damaged one is {old}" in done.stdout
    assert {path.stat().st_mode & 0o777 for path in (old, folder / "history.db")} == {0o600}
    reply = await running(folder)
    assert b"<id>1</id>" in reply
    assert b"<id>2</id>" not in reply


async def test_rules_that_are_lost_let_nobody_in_but_recovery_users(folder: Path) -> None:
    damage(folder, RULES_GONE)
    assert "nobody may do anything then but recovery users" in yangswand(folder, "--repair", "--yes").stdout
    assert b"<error-tag>access-denied</error-tag>" in await running(folder)
    reply = await running(folder, "--recovery-user", "admin")
    assert b"<exec-default>deny</exec-default>" in reply
    assert b"<rule-list>" not in reply
    assert b"<id>2</id>" in reply


@pytest.mark.parametrize("state", ["missing", "empty"])
async def test_a_used_folder_without_its_history_is_refused_until_it_is_repaired(
    folder: Path, state: str
) -> None:
    (folder / "history.db").unlink()
    if state == "empty":
        (folder / "history.db").touch()
    refused = yangswand(folder, "--listen", "127.0.0.1:0")
    assert (refused.returncode, refused.stdout) == (os.EX_CONFIG, "")
    assert refused.stderr.startswith(f"yangswand: {folder}/history.db is {state}, and {folder}/host_key")
    done = yangswand(folder, "--repair", "--yes")
    assert "everything: " in done.stdout
    assert b"<error-tag>access-denied</error-tag>" in await running(folder)
    assert b"<ipsec>" not in await running(folder, "--recovery-user", "admin")


@pytest.mark.parametrize(("answer", "status"), [("yes", 0), ("Yes", 0), ("", 1), ("y", 1), ("no", 1)])
def test_who_sits_at_a_terminal_is_asked(folder: Path, answer: str, status: int) -> None:
    damage(folder, SPOILT)
    code, said = answered(folder, answer)
    assert (code, len(kept(folder))) == (status, 1 - status)
    assert "Type yes: " in said
    assert ("nothing is changed" in said) == bool(status)


def test_a_folder_that_no_agent_has_used_is_refused_and_not_made(tmp_path: Path) -> None:
    for folder in (tmp_path / "missing", tmp_path):
        done = yangswand(folder, "--repair", "--yes")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert done.stderr.startswith(f"yangswand: {folder} is no data folder that an agent has used")
        assert list(tmp_path.iterdir()) == []


def test_yes_is_no_word_of_a_start(folder: Path) -> None:
    done = yangswand(folder, "--yes")
    assert (done.returncode, done.stderr) == (os.EX_CONFIG, "yangswand: --yes belongs to --repair\n")


def test_an_agent_that_runs_is_not_repaired(folder: Path) -> None:
    with running_agent(folder):
        done = yangswand(folder, "--repair", "--yes")
    assert (done.returncode, done.stdout) == (1, "")
    assert "another agent uses the data folder" in done.stderr
