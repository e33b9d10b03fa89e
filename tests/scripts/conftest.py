from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.scripts.agents import Agent, running_agent


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with running_agent(tmp_path_factory.mktemp("user")) as started:
        yield started


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network namespace with nothing but its loopback."""
    name = f"yangswan-test-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-netns", name, "link", "set", "lo", "up"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)
