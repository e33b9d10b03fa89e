"""Network namespaces of their own."""

from __future__ import annotations

from collections.abc import Iterator
from secrets import token_hex

import pytest

from tests.lab import Namespace


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    made = Namespace(f"ys-{token_hex(3)}-rules")
    yield made
    made.close()


@pytest.fixture
def beside() -> Iterator[Namespace]:
    """A second one."""
    made = Namespace(f"ys-{token_hex(3)}-beside")
    yield made
    made.close()
