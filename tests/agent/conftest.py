from __future__ import annotations

import asyncio

import pytest

from agent.yang.schema import Schema
from tests.agent.lab import make_schema
from tests.agent.subscribers import Client


@pytest.fixture(scope="session")
def schema() -> Schema:
    return make_schema()


@pytest.fixture
def stuck() -> Client:
    return Client(reads=asyncio.Semaphore(0))
