from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agent.handlers import Lab
from tests.agent.restconf.client import Client, serving


@pytest.fixture
async def client(lab: Lab, tmp_path: Path) -> AsyncIterator[Client]:
    async with serving(lab, tmp_path) as made:
        yield made
