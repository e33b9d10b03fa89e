from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.yang.schema import Schema
from tests.agent.lab import make_schema


@pytest.fixture(scope="session")
def schema() -> Iterator[Schema]:
    yield make_schema()
