from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agent.handlers import Lab
from tests.agent.page.client import Visitor, visiting


@pytest.fixture
async def visitor(lab: Lab, tmp_path: Path) -> AsyncIterator[Visitor]:
    async with visiting(lab, tmp_path) as made:
        yield made
