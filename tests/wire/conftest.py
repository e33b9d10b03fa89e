from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agent_process import AgentProcess, running_agent


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with running_agent(tmp_path_factory.mktemp("agent") / "data") as running:
        yield running
