"""All that is here is about a module whose values need prefixes."""

from __future__ import annotations

import pytest

from agent.yang.schema import Schema
from tests.agent.handlers import Lab
from tests.agent.lab import MODULES
from tests.agent.operations.zoo import make_zoo


@pytest.fixture(scope="module")
def schema() -> Schema:
    return make_zoo()


@pytest.fixture(autouse=True)
def served(lab: Lab) -> None:
    lab.translator.yang_files = [MODULES / "zoo.yang"]
