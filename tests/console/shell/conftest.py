"""An agent and a command line beside it, for each file of tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent_process import AgentProcess, running_agent
from tests.console.shell.lines import CommandLine


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with running_agent(tmp_path_factory.mktemp("agent")) as process:
        yield process


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def line(agent: AgentProcess, home: Path) -> Iterator[CommandLine]:
    """A command line; the configuration has no tunnels before and after it."""
    found = CommandLine(agent, home)
    yield found
    found.run("-c", "discard; config; no tunnels; leave")
