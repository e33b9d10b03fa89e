"""What all tests of subscriptions to datastores are made on."""

from __future__ import annotations

import pytest

from agent.yang.schema import Schema
from tests.agent.lab import make_schema


@pytest.fixture(scope="module")
def changing() -> Schema:
    return make_schema("changing")
