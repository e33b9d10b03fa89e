"""``yangswan watch`` as it is run: on a terminal, narrow or not, and into a pipe; ended by Ctrl-C."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from console.show.data import IPSEC
from tests.agent_process import AgentProcess, running_agent
from tests.console.agents import command_line, commit
from tests.console.fakes import Printed

ROOT = Path(__file__).parents[3]
LIMIT_S = 60


def tunnel(one: int, description: str) -> str:
    return (
        f'<tunnels xmlns="{IPSEC}"><ipsec><id>{one}</id><description>{description}</description>'
        "<secret>Zebra-Crossing-7</secret><local-address>192.168.0.1</local-address>"
        f"<remote-id><name>peer-{one}</name></remote-id></ipsec></tunnels>"
    )


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    with running_agent(tmp_path / "data") as agent:
        with command_line(agent, Printed()) as at:
            commit(at, tunnel(1, "the first of all tunnels, with a long description"))
        yield agent


def words(agent: AgentProcess, *more: str) -> list[str]:
    where = ["--host", f"{agent.host}:{agent.port}", "--user", agent.user, "--key", str(agent.key)]
    known = ["--known-hosts", str(agent.data_dir / "known_hosts")]
    return [sys.executable, "-m", "console", *where, *known, *more]


@contextmanager
def watching(agent: AgentProcess) -> Iterator[subprocess.Popen[str]]:
    """``yangswan watch`` into pipes; it ends with the block."""
    pipe = subprocess.PIPE
    with subprocess.Popen(words(agent, "watch"), cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as watched:
        try:
            yield watched
        finally:
            watched.kill()


def change(agent: AgentProcess, config: str) -> None:
    with command_line(agent, Printed()) as at:
        commit(at, config)


@pytest.mark.parametrize("columns", [60, 100])
def test_on_a_terminal_the_table_follows_commits_and_leaves_the_screen_as_it_was(
    agent: AgentProcess, columns: int
) -> None:
    command, *arguments = words(agent, "watch")
    with pexpect.spawn(
        command, arguments, cwd=ROOT, timeout=LIMIT_S, encoding="utf-8", dimensions=(24, columns)
    ) as watched:
        watched.expect_exact("\x1b[?1049h")
        watched.expect(r"the first of all tunnels")
        change(agent, tunnel(2, "branch"))
        watched.expect(r"admin committed")
        watched.expect(r"2 +branch +Down")
        assert "Zebra" not in watched.before
        watched.sendintr()
        watched.expect_exact("\x1b[?25h\x1b[?1049l")
        watched.expect(pexpect.EOF)
    assert watched.exitstatus == 0


def test_into_a_pipe_each_event_is_a_line(agent: AgentProcess) -> None:
    with watching(agent) as watched:
        assert watched.stdout is not None
        assert re.match(r"ID +DESCRIPTION +STATUS +TIME", watched.stdout.readline())
        assert watched.stdout.readline().startswith(
            "1   the first of all tunnels, with a long description  Down"
        )
        change(agent, tunnel(2, "branch"))
        assert re.fullmatch(r"\d\d:\d\d:\d\d  admin committed\n", watched.stdout.readline())
        watched.send_signal(signal.SIGINT)
        assert watched.stdout.read() == ""
        assert watched.wait(LIMIT_S) == 0


def test_an_agent_that_goes_away_is_said_and_is_an_exit_status(agent: AgentProcess) -> None:
    with watching(agent) as watched:
        assert watched.stdout is not None
        assert watched.stderr is not None
        watched.stdout.readline()
        agent.kill()
        assert watched.wait(LIMIT_S) == 3
        assert "Traceback" not in (said := watched.stderr.read())
        assert re.search("the session with .* has ended|ended the subscription|no session", said)


def test_who_has_seen_enough_ends_it_without_a_word(agent: AgentProcess) -> None:
    with watching(agent) as watched:
        assert watched.stdout is not None
        assert watched.stderr is not None
        watched.stdout.readline()
        watched.stdout.close()
        change(agent, tunnel(2, "branch"))
        watched.wait(LIMIT_S)
        assert watched.stderr.read() == ""
