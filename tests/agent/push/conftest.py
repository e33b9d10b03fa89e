"""What all tests of subscriptions to datastores are made on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.yang.schema import Schema
from tests.agent.lab import make_schema
from tests.agent.push.links import PushLab, push_lab


@pytest.fixture(scope="module")
def changing() -> Schema:
    return make_schema("changing")


@pytest.fixture
async def lab(changing: Schema, tmp_path: Path) -> AsyncIterator[PushLab]:
    async with push_lab(changing, tmp_path) as made:
        await made.configure("<link><name>a</name><way>x</way><way>y</way></link>")
        made.set_state("a", {"status": "up", "octets": "1"})
        made.set_engine({"status": "up", "uptime": 1})
        yield made
