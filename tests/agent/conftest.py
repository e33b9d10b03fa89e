from __future__ import annotations

import pytest

from agent.yang.schema import Schema
from tests.agent.lab import make_schema


@pytest.fixture(scope="session")
def schema() -> Schema:
    return make_schema()
