from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agent.yang.schema import Schema
from tests.agent.handlers import Lab, running_lab
from tests.agent.lab import make_schema
from tests.agent.subscribers import Client


@pytest.fixture(scope="session")
def schema() -> Schema:
    return make_schema()


@pytest.fixture
async def lab(schema: Schema, tmp_path: Path) -> AsyncIterator[Lab]:
    async with running_lab(schema, tmp_path) as made:
        yield made


@pytest.fixture
def stuck() -> Client:
    return Client(reads=asyncio.Semaphore(0))


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Nobody looks for circles meanwhile."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
