from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.yang.schema import Schema
from tests.agent.handlers import Lab, running_lab
from tests.agent.page.client import Visitor, visiting


@pytest.fixture
async def lab(schema: Schema, tmp_path: Path) -> AsyncIterator[Lab]:
    async with running_lab(schema, tmp_path) as made:
        yield made


@pytest.fixture
async def visitor(lab: Lab, tmp_path: Path) -> AsyncIterator[Visitor]:
    async with visiting(lab, tmp_path) as made:
        yield made
