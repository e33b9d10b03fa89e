from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.datastore import verifying
from agent.yang.schema import Schema
from tests.agent.handlers import Lab, running_lab


@pytest.fixture
async def lab(schema: Schema, tmp_path: Path) -> AsyncIterator[Lab]:
    async with running_lab(schema, tmp_path) as made:
        yield made


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a commit that confirms itself look often, and wait no second for what works to go on."""
    monkeypatch.setattr(verifying, "STEADY_S", 0.05)
    monkeypatch.setattr(verifying, "PAUSE_S", 0.01)
